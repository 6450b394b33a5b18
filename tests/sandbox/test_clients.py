"""What other programs see: kubectl and helm through the kubeconfig, boto3 through the variables, our own library."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import yaml

from livekit_deploy.k8s.helm import install
from tests.binaries import kubectl
from tests.places import ROOT
from tests.sandbox.workspace import Workspace


def _output(here: Workspace, *command: str | Path) -> str:
    environ = {**here.environ, "KUBECONFIG": str(here.folder / "kubeconfig-uat"), "HOME": str(here.folder)}
    done = subprocess.run([*map(str, command)], cwd="/", env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


EXAMPLE = """
from livekit_deploy import Deployer, load_environment

env = load_environment("manifests/environments/uat.yaml")
with Deployer(env, on_event=print) as deployer:
    plan = deployer.plan()
    if plan.changes:
        report = deployer.up(plan)
    print(deployer.outputs()["livekit.url"])
"""


def test_the_library_works_as_the_readme_shows_it_and_what_it_made_is_seen_by_others(here: Workspace) -> None:
    """With the variables that `sandbox env` prints, the example runs as it stands."""
    assert EXAMPLE.strip() in (ROOT / "README.md").read_text()
    done = here.program(EXAMPLE, "uat")
    assert done.out.splitlines()[-1] == "wss://livekit.uat.example.com"
    assert done.err == ""
    _kubectl_and_helm_work_with_the_kubeconfig(here)


def _kubectl_and_helm_work_with_the_kubeconfig(here: Workspace) -> None:
    here.run("kubeconfig", "--env", "uat", "--sandbox")
    path = here.folder / "kubeconfig-uat"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "token" not in yaml.safe_load(path.read_text())["users"][0]["user"]

    listed = _output(here, kubectl(), "get", "nodes,pods,ingress", "-A")
    assert listed.count("node/ip-10-20-") == 4
    assert "pod/livekit-" in listed
    assert "pod/aws-load-balancer-controller-" in listed
    assert "ingress.networking.k8s.io/livekit" in listed
    pods = _output(here, kubectl(), "get", "pods", "-n", "livekit", "-o", "wide").splitlines()
    assert pods[0].split()[:5] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [line.split()[1:3] for line in pods[1:]] == [["1/1", "Running"], ["1/1", "Running"]]

    pod = pods[1].split()[0]
    assert "starting LiveKit server" in _output(here, kubectl(), "logs", "-n", "livekit", pod)
    seen = _output(here, kubectl(), "get", "events", "-n", "livekit")
    assert f"pod/{pod}" in seen
    assert {"Scheduled", "Pulled", "Started"} <= {line.split()[2] for line in seen.splitlines()[1:]}
    _our_own(here, pod)

    releases = json.loads(_output(here, install.installed(install.DEFAULT), "list", "-A", "-o", "json"))
    assert {(one["name"], one["status"]) for one in releases} == {
        ("aws-load-balancer-controller", "deployed"),
        ("livekit", "deployed"),
    }


def _our_own(here: Workspace, pod: str) -> None:
    """The same with our own commands; who follows is told what comes, until SIGINT or the end of the time."""
    where = ("--env", "uat", "--sandbox")
    assert f"pod/{pod}" in here.run("events", *where).out
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as what a script starts with & inherits it
    try:
        following = here.start("logs", *where, "--follow", "--tail", "1")
    finally:
        signal.signal(signal.SIGINT, heard)
    assert following.stdout is not None
    assert pod in following.stdout.readline() + following.stdout.readline()  # both are followed now
    here.run("verify", *where)
    assert "API RoomService.ListRooms" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    done = here.end(following)
    assert (done.code, done.err.strip()) == (130, "")
    here.run("logs", *where, "--follow", "--timeout", "0.1s")
