"""The helm process: nothing secret on its command line or in its environment, and no way for it to outlive us."""

from __future__ import annotations

import asyncio
import gc
import json
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
from hypothesis import given, settings
from hypothesis import strategies as st

from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.kinds.eks.cluster import observed_cluster
from livekit_deploy.errors import Interrupted, LostLease, ResourceError
from livekit_deploy.k8s.helm import command, home, install
from livekit_deploy.k8s.helm import process as helm_process
from livekit_deploy.k8s.helm.charts import fetched
from livekit_deploy.k8s.helm.command import Helm, helm, release_values
from livekit_deploy.k8s.helm.home import NEEDED
from livekit_deploy.k8s.helm.process import HelmBinary, end_all
from livekit_deploy.k8s.helm.record import read_release
from livekit_deploy.k8s.helm.release import HelmRelease
from tests.k8s.rig import TOKEN, KubeRig, publish

CANARY = "canary-of-the-values"
#: a chart that helm waits for as long as it is let: no node takes its pods
WAITING = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {said: "{{ .Values.said }}"}}
    spec:
      nodeSelector: {none: such}
      containers: [{name: web, image: web}]
"""


@pytest.fixture
def arguments(rig: KubeRig, charts: Path) -> list[str]:
    """A helm that waits for a minute, unless something ends it."""
    chart = fetched(publish(charts, "web", {"web": WAITING}), "web", "1.0.0", None)
    runner = helm(rig.cloud, rig.lives)
    runner._refresh()
    waits = ["--wait", "--timeout", "60s", "--kubeconfig", str(runner._kubeconfig)]
    return ["upgrade", "--install", "web", str(chart), "--namespace", "default", "--values", "-", *waits]


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


def test_marks_go_where_every_chart_leaves_room() -> None:
    given = {"level": "info", "global": {"theirs": 1}}
    marks = {"lineage": "l", "address": "helm.release/web"}
    assert release_values(given, marks) == {"level": "info", "global": {"theirs": 1, "livekitDeploy": marks}}
    assert given["global"] == {"theirs": 1}


# ---- values: whatever text they hold, helm gets that text, and gets it by stdin

_SAID = """
apiVersion: v1
kind: ConfigMap
metadata: {name: said}
data: {values: {{ .Values | toJson | quote }}}
"""
#: text that a shell, a template, `--set` or another reader of YAML would take for something else
NASTY = [
    *("-x", "--set=a=b", "a b", "a,b=c", "$(id)", "`id`", "; true", "'", '"', "\\", "{{ .Release.Name }}", "${region}"),
    *("y", "no", "on", "~", "null", "1e3", "0x1F", "0o17", "1_000", "12:30:45", "2026-01-01", ".inf", "<<", "=", ""),
    *(
        "a\nb",
        "\n- a",
        "\r\t",
        " a ",
        "# a",
        "a: b",
        "*a",
        "&a",
        "!a",
        "|",
        "\x01\x7f\x85\u2028\ufeff",
        "é",
        "\U0001f600",
    ),
]


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))))
@settings(max_examples=60, deadline=None)
def test_no_value_is_an_argument_and_each_arrives_as_it_is(values: dict[str, str]) -> None:
    given_to: list[tuple[list[str], bytes]] = []

    def noted(self: object, arguments: list[str], input: bytes, seconds: float) -> bytes:
        given_to.append((arguments, input))
        return b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HelmBinary, "__init__", lambda self: None)
        patch.setattr(HelmBinary, "run", noted)
        command.rendered(Path("/chart"), "web", "default", values)
    ((arguments, input),) = given_to
    assert arguments == ["template", "web", "/chart", "--namespace", "default", "--values", "-"]
    assert yaml.safe_load(input) == values


def test_values_arrive_as_they_are_at_helm_itself(rig: KubeRig, charts: Path) -> None:
    values = {"texts": NASTY, **{f"k {text}": text for text in NASTY}, "number": 1000.0, "yes": True}
    repo = publish(charts, "said", {"said": _SAID})
    chart = fetched(repo, "said", "1.0.0", None)
    (item,) = yaml.safe_load_all(command.rendered(chart, "said", "default", values))
    assert json.loads(item["data"]["values"]) == values

    release = HelmRelease(
        "said", namespace="default", chart="said", repo=repo, version="1.0.0", values=values, lives_in=rig.host
    )
    rig.up([rig.host, release])
    assert json.loads(rig.objects("configmaps")["said"]["data"]["values"]).items() >= values.items()
    assert rig.plan([rig.host, release]).changes == ()


# ---- what webhooks say

_ASKED = (
    "UPGRADE FAILED: failed to create resource: Internal error occurred: "
    'failed calling webhook "vingress.elbv2.k8s.aws": failed to call webhook: '
    'Post "https://aws-load-balancer-webhook-service.kube-system.svc:443/validate-networking-v1-ingress?timeout=10s": '
)
_DENIED = 'UPGRADE FAILED: failed to create resource: admission webhook "vingress.elbv2.k8s.aws" denied the request: '


def _said_of(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ResourceError:
    """Our error where helm ends with this text."""
    program, said = folder / "helm", folder / "said"
    said.write_text(f"Error: {text}\n", encoding="utf-8")
    program.write_text(f"#!/bin/sh\ncat {said} >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(install, "helm", lambda: program)
    with pytest.raises(ResourceError) as caught:
        HelmBinary().run(["upgrade"], None, 60)
    assert text in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "why",
    [
        'no endpoints available for service "aws-load-balancer-webhook-service"',
        "dial tcp 10.0.11.7:9443: connect: connection refused",
        "dial tcp 10.0.11.7:9443: connect: no route to host",
        "dial tcp 10.0.11.7:9443: i/o timeout",
        "read tcp 10.0.1.2:41226->10.0.11.7:9443: read: connection reset by peer",
        "net/http: TLS handshake timeout",
        "context deadline exceeded",
        "EOF",
    ],
)
def test_a_webhook_for_which_nobody_answers_passes(why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = _said_of(_ASKED + why, tmp_path, monkeypatch)
    others = _said_of((_ASKED + why).replace("elbv2.k8s.aws", "example.com"), tmp_path, monkeypatch)
    assert ours.code == others.code == helm_process.WEBHOOK
    assert ours.code in HelmRelease.propagation
    assert ["load balancer controller" in error.hint for error in (ours, others)] == [True, False]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"{_ASKED}tls: failed to verify certificate: x509: certificate signed by unknown authority", "caBundle"),
        (f"{_ASKED}x509: certificate has expired or is not yet valid", "caBundle"),
        (_ASKED.partition("failed to call")[0] + "the server could not find the requested resource", "log of the pods"),
        (_ASKED.partition("Post ")[0] + 'service "policy-webhook" not found', "delete its configuration"),
        (f'{_DENIED}invalid ingress class: IngressClass.networking.k8s.io "alb" not found', "environment file"),
        (f"{_DENIED}cannot ask AWS: dial tcp 10.0.0.9:443: connect: connection refused", "environment file"),
    ],
)
def test_a_webhook_that_refuses_or_is_broken_is_told_and_not_tried_again(
    text: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = _said_of(text, tmp_path, monkeypatch)
    assert error.code not in HelmRelease.propagation
    assert hint in error.hint
    assert "load balancer controller" not in error.hint


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
