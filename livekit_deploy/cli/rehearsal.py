"""What ``--sandbox`` changes: another endpoint, and a chart repository on this machine where the public one is away."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from livekit_deploy.config import load_environment
from livekit_deploy.config.load import VARIABLE
from livekit_deploy.sandbox.server import Sandbox, connect

if TYPE_CHECKING:
    from livekit_deploy.config import Environment

ACCOUNT = "123456789012"
_LOOK_SECONDS = 2.0
_HERE = "127.0.0.1,localhost"


def rehearsed(env: Environment, path: Path, overrides: dict[str, str]) -> tuple[Environment, Sandbox]:
    """Start or find the sandbox for this environment; the environment with charts that can be had here."""
    # what runs on this machine is never reached through a proxy
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), _HERE)))
    sandbox = connect(
        env.account_id or ACCOUNT, env.region, zone=env.livekit.hosted_zone, principals=env.cluster.admins
    )
    if not _reachable(env.load_balancer_controller.repo):
        env = load_environment(path, overrides={**overrides, **_stand_in(sandbox)})
    return env, sandbox


def environ(env: Environment, sandbox: Sandbox) -> dict[str, str]:
    """The variables that make other programs rehearse too: any that uses boto3, and ours also with the chart."""
    found = sandbox.environ()
    if env.load_balancer_controller.repo == sandbox.charts_url:
        for key, value in _stand_in(sandbox).items():
            found[VARIABLE + key.upper().replace(".", "__")] = value
    return found


def _stand_in(sandbox: Sandbox) -> dict[str, str]:
    return {
        "load_balancer_controller.repo": sandbox.charts_url,
        "load_balancer_controller.digest": sandbox.charts_digest,
    }


def _reachable(repo: str) -> bool:
    try:
        with urllib.request.urlopen(f"{repo.rstrip('/')}/index.yaml", timeout=_LOOK_SECONDS):
            return True
    except (OSError, urllib.error.URLError, ValueError):
        return False
