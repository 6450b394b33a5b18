"""The sandbox process: AWS, the clusters, the chart repository and the outside, until it is stopped or idle.

Run as ``python -m livekit_deploy.sandbox.process FOLDER SPEED``; it prints one JSON line that says where it listens.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.server import DomainDispatcherApplication
from werkzeug.serving import make_server
from werkzeug.wsgi import ClosingIterator

from livekit_deploy.sandbox.bridge.clusters import Clusters, Makes
from livekit_deploy.sandbox.charts.repository import Repository
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from livekit_deploy.sandbox.faults.calls import clear
from livekit_deploy.sandbox.faults.connections import Connections
from livekit_deploy.sandbox.faults.plan import current, parsed
from livekit_deploy.sandbox.install import install
from livekit_deploy.sandbox.outside.door import Door
from livekit_deploy.sandbox.outside.world import World
from livekit_deploy.sandbox.rights.check import register
from livekit_deploy.sandbox.serving.calls import CallLog, answer
from livekit_deploy.sandbox.serving.hosts import at_home
from livekit_deploy.sandbox.serving.seal import Seal, refuse, served, without_containers

IDLE_SECONDS = 3600.0
_LOOK_SECONDS = 5.0
_COLLECTED_AFTER = 50_000  # new objects; a request makes a few thousand, and hardly a cycle


class _Quiet(MotoRequestHandler):  # type: ignore[misc]
    """Logs no requests: the sandbox keeps its own record of them."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Process:
    """Everything that the sandbox serves, on free ports of this machine."""

    def __init__(self, folder: Path, speed: float, makes: Makes = Cluster) -> None:
        self._stopping = threading.Event()
        clock = SandboxClock(speed)
        install(clock)
        without_containers()
        self._seal = Seal.drawn()
        self._clusters = Clusters(clock, self._endpoint, makes, self._seal)
        self._world = World(self._clusters)
        self._log = CallLog(Connections(DomainDispatcherApplication(served)))
        self._aws = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=_Quiet)
        self._repository = Repository()
        self._door = Door(self._world, folder)
        self._speed = speed

    def _endpoint(self) -> str:
        return f"http://127.0.0.1:{self._aws.server_port}"

    def start(self) -> dict[str, Any]:
        """Begin to serve; returns where."""
        threading.Thread(target=self._aws.serve_forever, daemon=True).start()
        self._door.start()
        return {
            "pid": os.getpid(),
            "endpoint_url": self._endpoint(),
            "key": self._seal.key,
            "speed": self._speed,
            "charts_url": f"{self._endpoint()}/sandbox/charts",
            "charts_digest": self._repository.digests,
            "nameserver": self._door.nameserver,
            "https_proxy": self._door.proxy,
            "ca_bundle": str(self._door.ca_bundle),
        }

    def wait(self) -> None:
        """Until it is stopped, or nobody has used it for an hour."""
        while not self._stopping.wait(_LOOK_SECONDS):
            if time.monotonic() - max(self._log.last, self._clusters.last_used) > IDLE_SECONDS:
                return

    # ---- what is asked of the sandbox itself, beside AWS

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if not at_home(environ.get("HTTP_HOST"), self._aws.server_port):
            return refuse(environ, start_response, "421 Misdirected Request")
        if path.startswith("/sandbox/charts/"):  # they are public
            return self._repository.serve(path.removeprefix("/sandbox/charts/"), start_response)
        own = path.startswith("/sandbox/")
        if not (self._seal.opens(environ) if own else self._seal.lets_in(environ)):
            return refuse(environ, start_response, "403 Forbidden")
        if not own:
            _keep_slashes(environ)
            return self._log(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        given = json.loads(body) if body else {}
        what = path.removeprefix("/sandbox/")
        said: Iterable[bytes] = answer(self._control(what, given), start_response)
        # the server closes what it has sent, so that the process does not end before its last answer
        return ClosingIterator(said, self._stopping.set) if what == "stop" else said

    def _control(self, what: str, given: dict[str, Any]) -> Any:
        if what == "calls":
            return self._log.calls()
        if what == "rights":
            return register.listed()
        if what == "faults":
            if given.get("clear"):
                clear()
            current.add(parsed(one) for one in given.get("add", ()))
            return current.listed()
        if what == "prepare":
            self._world.prepare(**given)
        elif what == "reset":
            self._world.reset()
            self._log.clear()
            register.clear()
            clear()
        return {"pid": os.getpid(), "speed": self._speed, "calls": len(self._log.calls()), **self._world.summary()}


def _keep_slashes(environ: dict[str, Any]) -> None:
    """EKS has ARNs in its paths, whose slashes are encoded; WSGI decodes them, and no route would match."""
    raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition("?")[0]
    if raw.startswith("/clusters/") and "%2f" in raw.lower():
        environ["PATH_INFO"] = "/".join(unquote(part).replace("/", "%2F") for part in raw.split("/"))


def run(process: Process) -> None:
    """Say where it listens, and serve until stopped."""
    gc.freeze()  # all that is imported stays, and need not be looked through again
    gc.set_threshold(_COLLECTED_AFTER)
    said = process.start()
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    # from here on nobody reads it
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    process.wait()


if __name__ == "__main__":
    run(Process(Path(sys.argv[1]), float(sys.argv[2])))
