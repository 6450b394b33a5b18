"""``--sandbox``: another endpoint for AWS, and a local chart repository where the public one is unreachable."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.loaders import Loader

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.config.charts import ChartSpec
from livekit_deploy.config.load import VARIABLE
from livekit_deploy.errors import UsageError
from livekit_deploy.sandbox.server import Sandbox, connect

ACCOUNT = "123456789012"
_LOOK_SECONDS = 2.0
_HERE = "127.0.0.1,localhost"
_ROLE = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/.+")
#: in place of the user's own: nothing is in these files, and nobody asks the machine for the keys of its role
_NOTHING = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def sealed() -> Iterator[None]:
    """Meanwhile nothing of the user's AWS set-up is there: variables, profiles, keys, service models, the machine's
    role. What runs on this machine is not reached through a proxy.
    """
    before, models = dict(os.environ), Loader.CUSTOMER_DATA_PATH
    unset = [name for name in before if name.startswith(("AWS_", "BOTO"))]
    proxied = {name: ",".join(filter(None, (before.get(name), _HERE))) for name in ("NO_PROXY", "no_proxy")}
    for name in unset:
        del os.environ[name]
    os.environ |= _NOTHING | proxied
    Loader.CUSTOMER_DATA_PATH = os.devnull
    try:
        yield
    finally:
        Loader.CUSTOMER_DATA_PATH = models
        for name in _NOTHING | proxied:
            del os.environ[name]
        os.environ |= {name: before[name] for name in (*unset, *proxied) if name in before}


def rehearsed(
    env: Environment, path: Path, overrides: dict[str, str], role_arn: str | None = None
) -> tuple[Environment, Sandbox]:
    """Start or find the sandbox for this environment; the environment with charts that can be had here.

    A role that is to be assumed is there, and may do everything. Raises `UsageError` for an ARN that is none of a role.
    """
    role = _ROLE.fullmatch(role_arn) if role_arn else None
    if role_arn and role is None:
        raise UsageError(
            f"--role-arn {role_arn} is not the ARN of a role",
            hint="write it as arn:aws:iam::123456789012:role/deploy, or leave it out",
        )
    sandbox = connect(
        env.account_id or (role[1] if role else ACCOUNT),
        env.region,
        zone=env.livekit.hosted_zone,
        principals=env.cluster.admins,
        role=role_arn,
    )
    fetched = [one for one in env.charts if one.repo and one.name in sandbox.charts_digest]
    away = [one.spec for one in fetched if not _reachable(one.repo)]
    if away:
        env = load_environment(path, overrides={**overrides, **stand_ins(sandbox, away)})
    return env, sandbox


def environ(env: Environment, sandbox: Sandbox) -> dict[str, str]:
    """The variables that make other programs rehearse too: any that uses boto3, and ours also with the chart."""
    found = sandbox.environ()
    here = [one.spec for one in env.charts if one.repo == sandbox.charts_url]
    return found | {variable(key): value for key, value in stand_ins(sandbox, here).items()}


def variable(key: str) -> str:
    """The variable that overrides a key of an environment file."""
    return VARIABLE + key.upper().replace(".", "__")


def stand_ins(sandbox: Sandbox, charts: Iterable[ChartSpec]) -> dict[str, str]:
    """What an environment file says to take these charts from the sandbox: key and value."""
    found = dict[str, str]()
    for one in charts:
        found |= {f"{one.key}.repo": sandbox.charts_url, f"{one.key}.digest": sandbox.charts_digest[one.name]}
    return found


def _reachable(repo: str) -> bool:
    try:
        with urllib.request.urlopen(f"{repo.rstrip('/')}/index.yaml", timeout=_LOOK_SECONDS):
            return True
    except (OSError, urllib.error.URLError, ValueError):
        return False
