"""SIGKILL where the product changes a real cluster: the next run ends with one of each, or with nothing.

`make real` dies at some boundaries of one fresh install, one change and one teardown; `make real-kill` at every one,
each time in a cluster as it was before.
"""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator

import pytest

from livekit_deploy.k8s.helm import install
from tests.real.control import RealWorkspace
from tests.sandbox.interrupting import MARK, all_gone, counted

ENV = ("--env", "dev", "--sandbox")
UP, DOWN = ("up", *ENV, "--yes"), ("down", *ENV, "--yes")
SETTINGS = (
    *("--set", "livekit.settings.room.empty_timeout=120"),
    *("--set", "load_balancer_controller.replicas=3"),
)
#: a short lease; and two pods of the controller, which have a budget as three of them have
ENVIRONMENT = {"state": {"lease_seconds": 10}, "load_balancer_controller": {"replicas": 2}}
_CONTROLLER, _SECRETS = "aws-load-balancer-controller", "/api/v1/namespaces/livekit/secrets"
FRESH = (
    "after PATCH /api/v1/namespaces/livekit",
    f"before PATCH {_SECRETS}/livekit-api-keys",
    f"inside helm upgrade {_CONTROLLER}: 4",
    "inside helm upgrade livekit: 5",
    "after helm upgrade livekit",
)
CHANGED = (
    f"after PATCH {_SECRETS}/livekit-redis",
    f"before helm upgrade {_CONTROLLER}",
    "inside helm upgrade livekit: 3",
)
GONE = ("inside helm uninstall livekit: 3", f"after helm uninstall {_CONTROLLER}")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWorkspace]:
    """An account with nothing in it."""
    made = RealWorkspace(tmp_path_factory.mktemp("killed"))
    made.edit("dev", **ENVIRONMENT)
    yield made
    made.stop()


def killed(here: RealWorkspace, command: tuple[str, ...], boundary: str) -> bool:
    """Run it until it dies there, all of it; False when it came to its end."""
    mark = uuid.uuid4().hex
    here.death = boundary
    process = here.start(*command, **{MARK: mark})
    here.death = ""
    code = here.end(process).code
    all_gone(mark)
    assert code in (0, -9), code
    return code == -9


def boundaries(here: RealWorkspace, command: tuple[str, ...]) -> list[str]:
    """Those of a run that nobody disturbs, in their order."""
    here.passed.write_text("")
    assert not killed(here, command, "nowhere")
    return list(dict.fromkeys(here.passed.read_text(encoding="utf-8").splitlines()))


def whole(here: RealWorkspace, *settings: str) -> tuple[dict[str, int], set[str]]:
    """How many there are of everything in AWS, and what is in the cluster; nothing is left to do."""
    here.run("plan", *ENV, *settings, "--detailed-exitcode")
    return counted(here), here.plane().objects()


def test_killed_on_the_way_up_through_a_change_and_on_the_way_down(here: RealWorkspace) -> None:
    here.run(*UP)
    everything = whole(here)

    def wrong_secret(path: str) -> None:
        change = {"metadata": {"annotations": {"livekit-deploy/secret-versions": None}}}
        here.plane().wire.ask("PATCH", path, change, "application/merge-patch+json", fieldManager="kubectl-edit")

    for boundary in GONE:
        assert killed(here, DOWN, boundary), boundary
    here.run(*DOWN)
    assert here.inventory() == here.before

    for boundary in FRESH:
        assert killed(here, UP, boundary), boundary
    here.run(*UP)
    assert whole(here) == everything

    wrong_secret(f"{_SECRETS}/livekit-redis")
    for boundary in CHANGED:
        assert killed(here, (*UP, *SETTINGS), boundary), boundary
    here.run(*UP, *SETTINGS)
    assert whole(here, *SETTINGS) == everything


# ---- every boundary


def emptied(here: RealWorkspace) -> None:
    """All of ours taken from the cluster by its administrator, as if nothing had been installed in it yet."""
    plane = here.plane()
    config = plane.folder / "admin.kubeconfig"
    for release, namespace in (("livekit", "livekit"), (_CONTROLLER, "kube-system")):
        command = [str(install.helm()), "uninstall", release, "--namespace", namespace, "--kubeconfig", str(config)]
        subprocess.run([*command, "--wait", "--ignore-not-found"], check=True, capture_output=True)
    plane.wire.ask("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {})
    plane.wire.ask("DELETE", "/api/v1/namespaces/livekit", {})
    plane.until(lambda: "namespaces /livekit" not in plane.objects())


def _fresh(here: RealWorkspace) -> None:
    here.run(*UP)
    emptied(here)


def _standing(here: RealWorkspace) -> None:
    here.run(*UP)


#: how the cluster is before, and what is run in it
SCENARIOS: dict[str, tuple[Callable[[RealWorkspace], None], tuple[str, ...]]] = {
    "install": (_fresh, UP),
    "change": (_standing, (*UP, *SETTINGS)),
    "down": (_standing, DOWN),
}


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_every_boundary(
    here: RealWorkspace, name: str, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    ready, command = SCENARIOS[name]
    ready(here)
    passed = boundaries(here, command)

    def found() -> object:
        return here.inventory() if command is DOWN else whole(here, *command[len(UP) :])

    after = found()
    tried = passed[:: int(request.config.getoption("--every"))]
    reached, wrong = 0, []
    for boundary in tried:
        ready(here)
        reached += killed(here, command, boundary)
        try:
            here.run(*command)
            assert found() == after
        except AssertionError as error:
            wrong.append(f"{boundary}: {error}")
    record_property("kill", [f"real cluster: {name}", len(tried), reached, len(tried) - len(wrong), 0, 0])
    assert wrong == []
    assert reached >= len(tried) * 0.9, f"{reached} of {len(tried)} boundaries were reached"
