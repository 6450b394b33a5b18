"""Runs helm for pyhelm3: directly instead of under a shell, in a group of its own, ended with us and at its time limit.

pyhelm3 runs a shell that survives a cancel; here helm itself is the child, the kernel ends it when we die (Linux), and
nothing secret is among its arguments or in its environment: values go in by stdin, the token is in a file.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyhelm3
import semver

from livekit_deploy import tools
from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.engine.resource import Live
from livekit_deploy.errors import Conflict, Denied, DeployError, Failed, NotOurs, ResourceError
from livekit_deploy.k8s.kubeconfig import for_helm

#: code of the error that a webhook without endpoints causes: it goes away once its controller runs
WEBHOOK = "WebhookNotReady"
_TOKEN_SECONDS = 600.0
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)
_running: set[int] = set()
_lock = threading.Lock()


def end_all() -> None:
    """End every helm that runs: what is left to do when the process is told to go at once."""
    with _lock:
        groups = list(_running)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def helm(cloud: Cloud, host: Live) -> Helm:
    """The helm for the cluster that ``host`` is, one for as long as this view of the cloud lives."""
    found: Helm = cloud.shared(f"helm:{host.outputs['endpoint']}", lambda: Helm(cloud, host))
    return found


class Helm(pyhelm3.Command):  # type: ignore[misc]
    """The helm binary on one cluster. ``seconds`` bounds each run; helm itself gives up a little earlier."""

    def __init__(self, cloud: Cloud, host: Live) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="livekit-deploy-helm-"))
        weakref.finalize(self, shutil.rmtree, self._home, ignore_errors=True)
        self._token_file = self._home / "token"
        self._token: Callable[[], str] = lambda: cloud.eks_token(host.id)
        self._until = 0.0
        # the lease is renewed right before a run, and no run may outlive it: 7/9, of which calls are bounded to 4/9
        lease = cloud.clients.call_bound * 9 / 4
        self.seconds, self.give_up = lease * 7 / 9, f"{int(lease * 2 / 3)}s"
        kubeconfig = self._home / "kubeconfig"
        _private(kubeconfig, json.dumps(for_helm({**host.outputs, "name": host.id}, self._token_file)))
        super().__init__(executable=str(tools.helm()), kubeconfig=kubeconfig, default_timeout=self.give_up)
        self._refreshing = threading.Lock()

    @property
    def major(self) -> int:
        """3 or 4."""
        return tools.version(Path(self._executable))[0]

    def client_version(self) -> semver.Version:
        """Without a run of helm."""
        return semver.Version(*tools.version(Path(self._executable)), 0)

    async def run(self, command: list[Any], input: bytes | None = None) -> bytes:
        """Run helm with these arguments. Raises our errors, told apart by what helm says."""
        self._refresh()
        arguments = [self._executable, *map(str, command), "--kubeconfig", str(self._kubeconfig)]
        code, out, said = self._execute(arguments, input)
        if code:
            raise _translated(said, command[0])
        return out

    def _execute(self, arguments: list[str], input: bytes | None) -> tuple[int, bytes, str]:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environ(),
            cwd=self._home,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),
        )
        with _lock:
            _running.add(process.pid)
        try:
            out, errors = process.communicate(input, timeout=self.seconds)
        except subprocess.TimeoutExpired as expired:
            _end(process)
            raise ResourceError(
                f"helm {arguments[1]} did not end within {self.seconds:.0f} s",
                code="Timeout",
                request_id="helm",
                hint="run the same command again",
            ) from expired
        finally:
            _end(process)
            with _lock:
                _running.discard(process.pid)
        return process.returncode, out, errors.decode("utf-8", "replace")

    def _environ(self) -> dict[str, str]:
        """Ours without AWS's credentials, which helm does not need; with folders of its own."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "HELM_", "KUBE"))}
        folders = {f"HELM_{name}_HOME": str(self._home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return {**kept, **folders, "KUBECACHEDIR": str(self._home / "kube")}

    def _refresh(self) -> None:
        with self._refreshing:
            if time.monotonic() > self._until:
                _private(self._token_file, self._token())
                self._until = time.monotonic() + _TOKEN_SECONDS


def _private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of its group behind."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _die_with(parent: int) -> Any:
    """What the child does before it becomes helm: ask the kernel to be ended when we are."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # we died before it was asked
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


# ---- errors


def _translated(said: str, verb: str) -> DeployError:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    at = next((number for number, line in enumerate(lines) if line.startswith("Error:")), max(len(lines) - 1, 0))
    text = " ".join(lines[at:]).removeprefix("Error:").strip() or "it said nothing"
    low, whole = text.lower(), f"helm {verb}: {text}"
    if "failed calling webhook" in low or "no endpoints available" in low:
        return ResourceError(
            whole,
            code=WEBHOOK,
            request_id="helm",
            hint="the load balancer controller does not run: python -m livekit_deploy status",
        )
    if "invalid ownership metadata" in low:
        return NotOurs(whole, hint="delete what is in the way, or give the release another namespace")
    if "another operation" in low or "already exists" in low:
        return Conflict(whole, code="HelmConflict", request_id="helm", hint="run the same command again in a while")
    if "is forbidden" in low and "being terminated" not in low:
        return Denied(whole, code="Forbidden", request_id="helm", hint="add the role or user to cluster.admins")
    if any(words in low for words in ("failed to render", "execution error", "values don't meet", "is invalid")):
        return Failed(whole, code="ChartRefused", request_id="helm", hint="correct the values in the environment file")
    return ResourceError(whole, code="Helm", request_id="helm", hint="run the same command again")


def release_values(values: Mapping[str, Any], marks: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a release with our marks in them, where charts leave room for everybody: under ``global``."""
    return {**values, "global": {**(values.get("global") or {}), "livekitDeploy": dict(marks)}}
