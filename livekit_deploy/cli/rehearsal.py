"""What ``--sandbox`` changes: another endpoint, and a chart repository on this machine where the public one is away."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from livekit_deploy.config import load_environment
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
    sandbox = connect(env.account_id or ACCOUNT, env.region, zone=env.livekit.hosted_zone)
    if not _reachable(env.load_balancer_controller.repo):
        stand_in = {
            "load_balancer_controller.repo": sandbox.charts_url,
            "load_balancer_controller.digest": sandbox.charts_digest,
        }
        env = load_environment(path, overrides={**overrides, **stand_in})
    return env, sandbox


def stands_in(env: Environment, sandbox: Sandbox) -> bool:
    """Whether the sandbox's own chart is used."""
    return env.load_balancer_controller.repo == sandbox.charts_url


def _reachable(repo: str) -> bool:
    try:
        with urllib.request.urlopen(f"{repo.rstrip('/')}/index.yaml", timeout=_LOOK_SECONDS):
            return True
    except (OSError, urllib.error.URLError, ValueError):
        return False
