"""Runs the helm binary in a process group of its own, with a time limit, and translates its errors.

Nothing secret is among its arguments or in its environment, which holds what it needs and no more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

from livekit_deploy.base import call_log, isolated_python
from livekit_deploy.errors import Conflict, Denied, DeployError, Failed, Interrupted, NotOurs, ResourceError
from livekit_deploy.k8s.access.answers import NO_ACCESS, of_a_rule
from livekit_deploy.k8s.helm import home, install

#: code of the error that a webhook causes where nobody answers yet: it goes away once its controller runs
WEBHOOK = "WebhookNotReady"
#: code of the error that a webhook causes whose answer is of no use: it stays until somebody mends that
WEBHOOK_BROKEN = "WebhookBroken"
#: code of the error that a kind causes whose definition was made a moment ago: it goes away once it is served
UNSERVED = "KindNotServed"
_TICK = 0.2  # seconds between two looks at whether the run is to end
_END_SECONDS = 1.0  # what helm gets to write down that it was cancelled; less than a walk's grace
_running: set[int] = set()
_homes: weakref.WeakSet[HelmBinary] = weakref.WeakSet()
_lock = threading.Lock()


def end_all() -> None:
    """End every helm that runs and leave no token behind: what remains when the process is told to go at once."""
    with _lock:
        groups, homes = list(_running), list(_homes)
    for group in groups:
        _signal(group, signal.SIGKILL)
    for one in homes:
        one.close()


class HelmBinary:
    """The helm to use, with a ``home`` of its own for caches and whatever its user puts there; it goes with this.

    ``stopping`` says whether the run is to end; helm is then asked to end too.
    """

    def __init__(self, stopping: Callable[[], bool] = lambda: False) -> None:
        self.path, self._stopping = install.helm(), stopping
        self.home, self.close = home.make(self)
        with _lock:
            _homes.add(self)

    def run(self, arguments: Sequence[str], input: bytes | None, seconds: float) -> bytes:
        """What it prints. Raises our errors, told apart by what helm says; `ResourceError` after ``seconds``,
        `Interrupted` when the run is to end.
        """
        with call_log.logged("helm", arguments[0]):
            return self._run(arguments, input, seconds)

    def _run(self, arguments: Sequence[str], input: bytes | None, seconds: float) -> bytes:
        process = subprocess.Popen(
            [*_tied_to_us(), str(self.path), *arguments],
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=home.environ(self.home),
            cwd=self.home,
            start_new_session=True,
        )
        with _lock:
            _running.add(process.pid)
        try:
            out, errors = self._watched(process, arguments[0], input, seconds)
        finally:
            _end(process)
            with _lock:
                _running.discard(process.pid)
        if process.returncode:
            raise _translated(errors.decode("utf-8", "replace"), arguments[0])
        return out

    def _watched(
        self, process: subprocess.Popen[bytes], verb: str, input: bytes | None, seconds: float
    ) -> tuple[bytes, bytes]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.communicate(input, timeout=_TICK)
            input = None  # it is in progress
            if self._stopping():
                _signal(process.pid, signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=_END_SECONDS)
                raise Interrupted("interrupted while helm ran", hint="run the same command again")
        raise ResourceError(
            f"helm {verb} did not end within {seconds:.0f} s",
            code="Timeout",
            request_id="helm",
            hint="run the same command again",
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of its group behind."""
    if process.poll() is None:
        _signal(process.pid, signal.SIGKILL)
        process.communicate()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _tied_to_us() -> list[str]:
    """What stands before a command that is to end when this process does; only Linux can be asked for that."""
    starter = str(Path(__file__).with_name("ends_with_parent.py"))
    return isolated_python.script(starter, str(os.getpid())) if sys.platform == "linux" else []


def _translated(said: str, verb: str) -> DeployError:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    at = next((number for number, line in enumerate(lines) if line.startswith("Error:")), max(len(lines) - 1, 0))
    text = " ".join(lines[at:]).removeprefix("Error:").strip() or "it said nothing"
    low, whole = text.lower(), f"helm {verb}: {text}"
    if (failed := _of_webhook(whole, low)) is not None:
        return failed
    if "no matches for kind" in low or "could not find the requested resource" in low:
        return ResourceError(
            whole,
            code=UNSERVED,
            request_id="helm",
            hint="install what defines the kind (kubectl get crds lists the definitions there are), and run it again",
        )
    if "invalid ownership metadata" in low:
        return NotOurs(whole, hint="delete what is in the way, or give the release another namespace")
    if any(words in low for words in ("another operation", "already exists", "apply failed with")):
        return Conflict(whole, code="HelmConflict", request_id="helm", hint="run the same command again in a while")
    if "provide credentials" in low:
        return Denied(whole, code="Unauthorized", request_id="helm", hint=NO_ACCESS)
    if "is forbidden" in low and not of_a_rule(text):
        return Denied(whole, code="Forbidden", request_id="helm", hint=NO_ACCESS)
    if "cluster unreachable" in low or "connection refused" in low:
        return ResourceError(
            whole, code="Unreachable", request_id="helm", hint="check the network, the proxy and cluster.public_cidrs"
        )
    if verb == "template" or any(words in low for words in _REFUSED):
        return Failed(whole, code="ChartRefused", request_id="helm", hint="correct the values in the environment file")
    return ResourceError(whole, code="Helm", request_id="helm", hint="run the same command again")


def _of_webhook(whole: str, low: str) -> DeployError | None:
    """Of what an admission webhook refuses, and of one that could not be asked; None for anything else.

    Source: Kubernetes, "Dynamic Admission Control", and what client-go says of a connection.
    """
    if _DENIED in low:
        return Failed(whole, code="WebhookDenied", request_id="helm", hint=_ADMITTED)
    if "failed calling webhook" not in low:
        return None
    if any(words in low for words in _NOBODY):
        return ResourceError(whole, code=WEBHOOK, request_id="helm", hint=_STOPPED if _OURS in low else _SILENT)
    hint = _UNTRUSTED if "x509:" in low else _OUT_OF_ORDER
    return ResourceError(whole, code=WEBHOOK_BROKEN, request_id="helm", hint=hint)


_DENIED = "denied the request"
#: how the names of the load balancer controller's webhooks end
_OURS = '.elbv2.k8s.aws"'
#: what is said where nobody answers for a webhook, or nobody in time; the address ends with "?timeout=10s"
_NOBODY = (
    *("no endpoints available", "connection refused", "no route to host", "connection reset", ": eof", "proxy error"),
    *("deadline exceeded", "i/o timeout", "handshake timeout", "client.timeout exceeded"),
)
_STOPPED = "the load balancer controller does not run: livekit-deploy status"
_SILENT = "the webhook that is named does not answer: check the pods behind its Service, and run it again"
_ADMITTED = (
    "change what it names in the environment file, or ask the webhook's owner for an exception, and run it again"
)
_CONFIGURATIONS = "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"
_UNTRUSTED = (
    "the webhook's certificate is not of the authority in its configuration: restart the pods that serve it, and "
    f"run it again; if that does not help, renew that authority (caBundle in {_CONFIGURATIONS})"
)
_OUT_OF_ORDER = (
    "read the log of the pods that serve the webhook; if its server no longer exists, delete its configuration "
    f"({_CONFIGURATIONS}); then run it again"
)
_REFUSED = ("failed to render", "execution error", "values don't meet", "is invalid")
