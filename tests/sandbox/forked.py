"""Commands that are forks of one process, which has imported all of the product: they cost what they do, and no start.

An interpreter that starts, imports the product and reads AWS's service models takes a second of work, as much as most
commands take. What is tested about starting itself, and about processes that are killed, starts interpreters.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import livekit_deploy
from tests.places import ROOT

_SERVICES = (
    *("acm", "ec2", "eks", "elasticache", "elbv2", "iam", "kms", "logs", "pricing", "resourcegroupstaggingapi"),
    *("route53", "s3", "secretsmanager", "service-quotas", "sts"),
)
#: what is read of a cluster
_KINDS = (
    *("ConfigMap", "CustomResourceDefinition", "Deployment", "Endpoints", "EndpointSlice", "Event", "Ingress"),
    *("IngressClass", "Job", "Namespace", "Node", "Pod", "PodDisruptionBudget", "ReplicaSet", "Secret", "Service"),
    *("ServiceAccount", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
)
_REQUEST, _MOST_FDS = 1 << 20, 2
_turn = threading.Lock()


def run(arguments: list[str], folder: Path, environ: Mapping[str, str], seconds: float) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a command line of the product; raises TimeoutError after so many seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _turn:
        asked = {"arguments": arguments, "folder": str(folder), "environ": dict(environ)}
        code = _server().run(asked, out, err, seconds)
        texts = [(file.seek(0), file.read().decode())[1] for file in (out, err)]
    return code, texts[0], texts[1]


class _Server:
    """The process that commands are forks of."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIVEKIT_DEPLOY_"))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=ROOT,
                env={**kept, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(self.end)

    def run(self, asked: dict[str, Any], out: IO[bytes], err: IO[bytes], seconds: float) -> int:
        socket.send_fds(self._ours, [json.dumps(asked).encode()], [out.fileno(), err.fileno()])
        self._ours.settimeout(seconds)
        try:
            said = self._ours.recv(_REQUEST)
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            self.end()
            raise
        return int(said or b"70")

    def end(self) -> None:
        self._ours.close()
        self._process.wait()
        _server.cache_clear()


@functools.cache
def _server() -> _Server:
    return _Server()


# ---- in that process


def main(number: int) -> None:
    """Carry out what is asked, one after the other, until nobody asks any more."""
    _warm()
    with socket.socket(fileno=number) as ours:
        while True:
            said, fds, _, _ = socket.recv_fds(ours, _REQUEST, _MOST_FDS)
            if not said:
                return
            pid = os.fork()
            if pid == 0:
                return _command(json.loads(said), fds)
            for one in fds:
                os.close(one)
            ours.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def _command(asked: dict[str, Any], fds: list[int]) -> None:
    """Be ``python -m livekit_deploy`` with these arguments, in a session of its own."""
    os.setsid()
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    for at, number in zip(fds, (1, 2), strict=True):
        os.dup2(at, number)
        os.close(at)
    sys.argv = [str(ROOT / "livekit_deploy" / "__main__.py"), *asked["arguments"]]
    from livekit_deploy.cli import main

    main()


def _warm() -> None:
    """Import and read what commands import and read."""
    for top in pkgutil.iter_modules(livekit_deploy.__path__, "livekit_deploy."):
        if top.name not in ("livekit_deploy.__main__", "livekit_deploy.sandbox"):
            found = importlib.import_module(top.name)
            for module in pkgutil.walk_packages(getattr(found, "__path__", ()), f"{top.name}."):
                importlib.import_module(module.name)
    importlib.import_module("livekit_deploy.sandbox.server")
    from livekit_deploy.aws.access.clients import Clients
    from livekit_deploy.k8s.access import models
    from tests import botocore_once

    botocore_once.install()
    clients = Clients("us-east-1", access_key="none", secret_key="none")
    for service in _SERVICES:
        clients(service)
    for kind in (*_KINDS, *(f"{one}List" for one in _KINDS)):
        models._fields(f"V1{kind}")
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    main(int(sys.argv[1]))
