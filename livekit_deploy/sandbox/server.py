"""Starts, finds and stops the sandbox's background process, and tells programs how to use it.

The process writes where it listens into a run file under ``state/local/sandbox``; whoever finds that file and gets an
answer uses it, and whoever does not starts a new one, one at a time.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import math
import os
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from livekit_deploy.base import isolated_python
from livekit_deploy.errors import DeployError, UsageError

FOLDER = Path("state/local/sandbox")
DEFAULT_SPEED = 60.0
PROCESS = "livekit_deploy.sandbox.process"
_RUN_FILE = "server.json"
_ANSWER_SECONDS = 30.0
_INSTANT_CLOCK = 30.0
#: what the extra brings
_NEEDS = ("moto", "flask", "flask_cors", "cryptography", "dnslib", "werkzeug")
_NOT_ITS = ("AWS_", "BOTO", "MOTO_", "DOCKER_")
_children: dict[int, subprocess.Popen[str]] = {}


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox, seen from one account.

    ``key`` lets in whoever has it; ``speed`` is how many of AWS's seconds pass in one; ``charts_url`` is a chart
    repository, ``charts_digest`` has the digest of each chart in it by its name, ``nameserver`` is ``host:port``,
    ``https_proxy`` a URL, ``ca_bundle`` the file with the authority that signs what is outside.
    """

    pid: int
    endpoint_url: str
    key: str = field(repr=False)
    access_key: str = field(repr=False)
    secret_key: str
    region: str
    speed: float
    charts_url: str
    charts_digest: Mapping[str, str]
    nameserver: str
    https_proxy: str
    ca_bundle: str

    @property
    def clock_speed(self) -> float:
        """The speed of a clock that waits as this sandbox does; an instant one still takes real time for its pods."""
        return _INSTANT_CLOCK if math.isinf(self.speed) else self.speed

    def environ(self) -> dict[str, str]:
        """The variables that make any boto3 program use it, and this library the outside as well."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "LIVEKIT_DEPLOY_NAMESERVER": self.nameserver,
            "LIVEKIT_DEPLOY_PROXY": self.https_proxy,
            "LIVEKIT_DEPLOY_CA_BUNDLE": self.ca_bundle,
        }

    def calls(self) -> list[dict[str, Any]]:
        """Every call that reached its AWS since it was started or reset."""
        found: list[dict[str, Any]] = _ask(vars(self), "calls")
        return found

    def rights(self) -> dict[str, Any]:
        """What callers that IAM knows were refused, and which statement allowed them which action, since then."""
        found: dict[str, Any] = _ask(vars(self), "rights")
        return found


def connect(
    account: str,
    region: str,
    *,
    speed: float | None = None,
    zone: str | None = None,
    principals: Sequence[str] = (),
    role: str | None = None,
    folder: Path = FOLDER,
    module: str = PROCESS,
) -> Sandbox:
    """The sandbox as ``account`` sees it; started when there is none, with the hosted zone, its ``principals`` and a
    ``role`` that may do everything made when they are missing.

    ``speed`` and the ``module`` that is run count only when it is started here. Raises `DeployError` when it cannot be
    started.
    """
    with _alone(folder):
        found = _running(folder) or _start(folder, DEFAULT_SPEED if speed is None else speed, module)
    wanted = {"account": account, "region": region, "zone": zone, "principals": list(principals), "role": role}
    _ask(found, "prepare", wanted)
    own = {"access_key": f"AKIA{found['key']}{account}", "secret_key": "sandbox", "region": region}
    known = {one.name for one in fields(Sandbox)}
    return Sandbox(**{key: value for key, value in {**found, **own}.items() if key in known})


def status(folder: Path = FOLDER) -> dict[str, Any] | None:
    """What the running sandbox says of itself; None when there is none."""
    found = _running(folder)
    if found is None:
        return None
    said = {**found, **_ask(found, "status")}
    del said["key"]
    said["charts_digest"] = ", ".join(said["charts_digest"].values())
    return said


def reset(folder: Path = FOLDER) -> bool:
    """Forget everything that was made in it; False when there is none."""
    found = _running(folder)
    if found:
        _ask(found, "reset", {})
    return found is not None


def faults(
    add: Sequence[Mapping[str, Any]] = (), *, clear: bool = False, folder: Path = FOLDER
) -> list[dict[str, Any]] | None:
    """The fault plan after lifting all faults (``clear``) and setting further ones; None when there is no sandbox."""
    found = _running(folder)
    if not found:
        return None
    plan: list[dict[str, Any]] = _ask(found, "faults", {"clear": clear, "add": list(add)})
    return plan


def stop(folder: Path = FOLDER) -> bool:
    """End it; False when there is none."""
    with _alone(folder):
        found = _running(folder)
        if found:
            _ask(found, "stop", {})
            child = _children.pop(found["pid"], None)
            if child is not None:
                child.wait()
        (folder / _RUN_FILE).unlink(missing_ok=True)
    return found is not None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _running(folder: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder / _RUN_FILE).read_text(encoding="utf-8"))
        said = _ask(found, "status")
        return found if said.get("pid") == found["pid"] else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, DeployError):
        return None


def _start(folder: Path, speed: float, module: str) -> dict[str, Any]:
    """Start the process and wait until it says where it listens. Raises `UsageError` where it is not installed."""
    if missing := [name for name in _NEEDS if find_spec(name) is None]:
        raise UsageError(
            f"the sandbox is not installed here: {', '.join(missing)} cannot be imported",
            hint="install the extra: pip install 'livekit-deploy[sandbox]'",
        )
    log = folder / "server.log"
    command = isolated_python.command(module, str(folder.resolve()), str(speed))
    # its own clients must reach itself, whatever the caller's proxy and AWS set-up are; and no container is started
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_ITS)}
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    environ = {**kept, **nothing, "PYTHONPATH": isolated_python.python_path()}
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            cwd=folder,
            env=environ,
            text=True,
        )
    _children[process.pid] = process  # a program that stops its own sandbox must also wait for it
    assert process.stdout is not None
    with process.stdout as said:
        line = said.readline()
    if not line:
        last = log.read_text(encoding="utf-8").strip().rpartition("\n")[2]
        raise DeployError(
            f"the sandbox did not start: {last or 'it said nothing'}",
            hint=f"read {log}; install the extra again: pip install 'livekit-deploy[sandbox]'",
        )
    found: dict[str, Any] = json.loads(line)
    path = folder / _RUN_FILE
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(found, indent=2), encoding="utf-8")
    return found


def _ask(where: Mapping[str, Any], what: str, body: Mapping[str, Any] | None = None) -> Any:
    """GET, or POST when there is a body, ``/sandbox/<what>`` with the key; never through a proxy."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"X-Sandbox-Key": where["key"]}
    request = urllib.request.Request(f"{where['endpoint_url']}/sandbox/{what}", data=data, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_ANSWER_SECONDS) as response:
            return json.load(response)
    except (OSError, http.client.HTTPException) as error:
        raise DeployError(f"the sandbox does not answer: {error}", hint="run: livekit-deploy sandbox start") from error
