"""Runs the helm binary: as a child in a group of its own, ended with us and at its time limit, its errors told apart.

Nothing secret is among its arguments or in its environment, which holds none of AWS's credentials.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from livekit_deploy import tools
from livekit_deploy.errors import Conflict, Denied, DeployError, Failed, NotOurs, ResourceError

#: code of the error that a webhook without endpoints causes: it goes away once its controller runs
WEBHOOK = "WebhookNotReady"
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


class HelmBinary:
    """The helm to use, with a ``home`` of its own for caches and whatever its user puts there."""

    def __init__(self) -> None:
        self.path = tools.helm()
        self.home = Path(tempfile.mkdtemp(prefix="livekit-deploy-helm-"))
        weakref.finalize(self, shutil.rmtree, self.home, ignore_errors=True)

    def run(self, arguments: Sequence[str], input: bytes | None, seconds: float) -> bytes:
        """What it prints. Raises our errors, told apart by what helm says; `ResourceError` after ``seconds``."""
        process = subprocess.Popen(
            [str(self.path), *arguments],
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environ(),
            cwd=self.home,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),
        )
        with _lock:
            _running.add(process.pid)
        try:
            out, errors = process.communicate(input, timeout=seconds)
        except subprocess.TimeoutExpired as expired:
            _end(process)
            raise ResourceError(
                f"helm {arguments[0]} did not end within {seconds:.0f} s",
                code="Timeout",
                request_id="helm",
                hint="run the same command again",
            ) from expired
        finally:
            _end(process)
            with _lock:
                _running.discard(process.pid)
        if process.returncode:
            raise _translated(errors.decode("utf-8", "replace"), arguments[0])
        return out

    def _environ(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "HELM_", "KUBE"))}
        folders = {f"HELM_{name}_HOME": str(self.home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return {**kept, **folders, "KUBECACHEDIR": str(self.home / "kube")}


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
    if "provide credentials" in low:
        return Denied(whole, code="Unauthorized", request_id="helm", hint="add the role or user to cluster.admins")
    if "is forbidden" in low and "being terminated" not in low:
        return Denied(whole, code="Forbidden", request_id="helm", hint="add the role or user to cluster.admins")
    if verb == "template" or any(words in low for words in _REFUSED):
        return Failed(whole, code="ChartRefused", request_id="helm", hint="correct the values in the environment file")
    return ResourceError(whole, code="Helm", request_id="helm", hint="run the same command again")


_REFUSED = ("failed to render", "execution error", "values don't meet", "is invalid")
