"""The helm process: nothing secret on its command line or in its environment, and no way for it to outlive us."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.kinds.eks.cluster import observed_cluster
from livekit_deploy.errors import Interrupted, LostLease, ResourceError
from livekit_deploy.k8s.helm import command, home
from livekit_deploy.k8s.helm import process as helm_process
from livekit_deploy.k8s.helm.command import Helm, helm
from livekit_deploy.k8s.helm.home import NEEDED
from livekit_deploy.k8s.helm.process import HelmBinary, end_all
from livekit_deploy.k8s.helm.record import read_release
from tests.k8s.rig import TOKEN, KubeRig

CANARY = "canary-of-the-values"


VALUES = yaml.safe_dump({"said": CANARY}).encode()


@contextmanager
def running(binary: HelmBinary, arguments: list[str]) -> Iterator[tuple[int, list[BaseException]]]:
    """helm in a thread of its own, as a run has it: its process id, and what it raised once it has ended."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            binary.run(arguments, VALUES, 60)
        except Exception as error:  # noqa: BLE001 - handed to the test
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: bool(helm_process._running))
    (process,) = helm_process._running
    yield process, raised
    thread.join()


def until(met: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def status(rig: KubeRig) -> str:
    found = read_release(rig.api, "default", "web")
    return found.status if found else ""


def test_nothing_secret_is_on_the_command_line_or_in_the_environment(
    rig: KubeRig, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    pipeline = (
        "GITHUB_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
    )
    for name in (*aws, *pipeline, "HELM_KUBETOKEN", "KUBECONFIG", "GH_TOKEN", "VAULT_TOKEN", "ANYTHING"):
        monkeypatch.setenv(name, f"canary-of-{name}")
    monkeypatch.setenv("HTTPS_PROXY", "")
    binary = helm(rig.cloud, rig.lives)._binary
    with running(binary, arguments) as (process, _):
        rig.wait(lambda: status(rig) == "pending-install")
        command = Path(f"/proc/{process}/cmdline").read_bytes().decode().split("\0")
        environ = dict(
            pair.split("=", 1) for pair in Path(f"/proc/{process}/environ").read_text().split("\0") if "=" in pair
        )
        os.killpg(process, signal.SIGKILL)
    assert command[1:3] == ["upgrade", "--install"]
    for canary in (CANARY, TOKEN, "canary-of-"):
        assert canary not in str(command) + str(environ)
    assert "HTTPS_PROXY" in environ  # the way out is the same for all
    home = str(binary.home)
    assert environ.keys() <= {*NEEDED, "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "KUBECACHEDIR"}
    for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "KUBECACHEDIR"):
        assert environ[name].startswith(home)


def test_a_cancelled_run_ends_helm_and_helm_says_so_in_its_record(rig: KubeRig, arguments: list[str]) -> None:
    binary = helm(rig.cloud, rig.lives)._binary
    with running(binary, arguments) as (process, raised):
        rig.wait(lambda: status(rig) == "pending-install")
        rig.cancel.set()
    assert not alive(process)
    assert [type(error) for error in raised] == [Interrupted]
    assert status(rig) == "failed"  # not pending: the next run need not wait for a lease
    assert helm_process._running == set()


def test_helm_that_does_not_heed_is_killed(tmp_path: Path) -> None:
    stubborn = tmp_path / "helm"
    stubborn.write_text("#!/bin/sh\ntrap '' TERM\nsleep 60\n")
    stubborn.chmod(0o755)
    binary = HelmBinary(lambda: True)
    binary.path = stubborn
    with running(binary, ["upgrade"]) as (process, raised):
        pass
    assert not alive(process)
    assert [type(error) for error in raised] == [Interrupted]


def test_a_run_has_its_time_and_no_more(rig: KubeRig, arguments: list[str]) -> None:
    binary = helm(rig.cloud, rig.lives)._binary
    with pytest.raises(ResourceError, match="helm upgrade did not end within 1 s") as caught:
        binary.run(arguments, VALUES, 1)
    assert caught.value.code == "Timeout"
    assert helm_process._running == set()


def test_no_run_may_outlive_the_lease(rig: KubeRig) -> None:
    runner = helm(rig.cloud, rig.lives)
    lease = rig.cloud.context.limits.lease
    assert runner.seconds == pytest.approx(lease * 7 / 9)
    assert runner.give_up == f"{int(lease * 2 / 3)}s"  # helm reads no number without a unit

    def lost(begun: float) -> None:
        raise LostLease("the lease has run out")

    rig.bound(fence=lost)
    with pytest.raises(LostLease):
        asyncio.run(helm(rig.cloud, rig.lives).uninstall("web", namespace="default"))


def test_the_lease_is_renewed_right_before_a_run(rig: KubeRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of helm may take longer than a call: what the fence of one leaves of a lease is not enough for it."""
    order: list[str] = []
    bound = RunContext(fence=lambda begun: order.append("fence"), renew=lambda: order.append("renewal"))

    def run(*_: object) -> bytes:
        order.append("helm")
        return b""

    monkeypatch.setattr(HelmBinary, "run", run)
    asyncio.run(helm(rig.cloud.under(bound), rig.lives).run(["uninstall", "web"]))
    assert order == ["renewal", "fence", "helm"]


OUTLIVED = """
import sys
from livekit_deploy.k8s.helm.process import HelmBinary
HelmBinary().run(sys.argv[1:], b"said: nothing", 60)
"""


def test_helm_is_ended_when_we_are_killed(rig: KubeRig, arguments: list[str]) -> None:
    """A lost machine or SIGKILL: nobody is left to end helm, so the kernel does (PR_SET_PDEATHSIG)."""
    ours = subprocess.Popen([sys.executable, "-c", OUTLIVED, *arguments])
    rig.wait(lambda: status(rig) == "pending-install")
    (child,) = Path(f"/proc/{ours.pid}/task/{ours.pid}/children").read_text().split()
    assert alive(int(child))
    ours.kill()
    ours.wait()
    until(lambda: not alive(int(child)))


def test_a_second_signal_ends_everything_at_once(rig: KubeRig, arguments: list[str]) -> None:
    binary = helm(rig.cloud, rig.lives)._binary
    with running(binary, arguments) as (process, _):
        rig.wait(lambda: status(rig) == "pending-install")
        end_all()
    assert not alive(process)
    assert not binary.home.exists()


def test_the_token_is_for_us_alone_renewed_and_gone_at_the_end(rig: KubeRig, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Helm(rig.cloud, observed_cluster(rig.cloud))
    runner._refresh()
    home = runner._binary.home
    config = yaml.safe_load((home / "kubeconfig").read_text())
    assert config["users"][0]["user"] == {"tokenFile": str(home / "token")}
    assert (home / "token").read_text() == TOKEN
    assert TOKEN not in (home / "kubeconfig").read_text()
    for path, mode in ((home, 0o700), (home / "kubeconfig", 0o600), (home / "token", 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode

    runner._refresh()
    assert rig.eks.tokens_made == 1
    assert command._TOKEN_SECONDS + runner.seconds < 15 * 60  # it outlasts any run that it is begun with
    runner._until = 0.0
    rig.eks.token = "k8s-aws-v1.next"
    runner._refresh()
    assert (home / "token").read_text() == "k8s-aws-v1.next"

    del runner
    gc.collect()
    assert not home.exists()


# ---- its folder, in which a token is

KILLED = """
import os, signal, sys
from livekit_deploy.aws.kinds.eks.cluster import observed_cluster
from livekit_deploy.k8s.helm import home as home_of_helm
class Owner: pass
owner = Owner()
home, _ = home_of_helm.make(owner)
(home / "token").write_text("canary")
print(home, flush=True)
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""


def test_what_a_killed_run_left_goes_with_the_next_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", KILLED]
    killed = subprocess.run([*command, "kill"], env=environ, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL
    left = Path(killed.stdout.strip())
    assert (left / "token").exists()
    with subprocess.Popen(
        [*command, "live"], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        living = Path(other.stdout.readline().strip())  # it swept already
        assert not left.exists()
        begun, theirs, outside = (tmp_path / f"livekit-deploy-helm-{name}" for name in ("begun", "theirs", "link"))
        begun.mkdir()
        theirs.mkdir()
        (theirs / "held").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").write_text("kept")
        outside.symlink_to(tmp_path)
        home.sweep()
        assert (living / "token").exists()
        assert begun.exists()
        assert theirs.exists()
        assert (tmp_path / "elsewhere").exists()
        other.kill()
    home.sweep()
    assert not living.exists()


def test_a_folder_of_somebody_else_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    theirs = tmp_path / "livekit-deploy-helm-theirs"
    theirs.mkdir()
    (theirs / "held").touch()
    monkeypatch.setattr(os, "geteuid", lambda: theirs.stat().st_uid + 1)
    home.sweep()
    assert theirs.exists()
