"""The infrastructure of a whole environment, with its state in the emulator's S3: the commands are the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.deployer import Deployer
from livekit_deploy.stack import Infrastructure
from livekit_deploy.state.document import load
from tests.contract.kinds.case import ZONE
from tests.second_opinion.account import Account

#: no flow logs: MiniStack drops their tags (`decisions.py`)
_FILE: dict[str, Any] = {
    "preset": "uat",
    "region": "us-east-1",
    "livekit": {"domain": f"livekit.{ZONE}", "hosted_zone": ZONE},
    "network": {"nat": "single", "flow_logs": False},
    "cluster": {"public_cidrs": ["203.0.113.0/24"], "logs": ["api"], "log_retention_days": 7, "secrets_key": True},
    "redis": {"snapshot_retention_days": 1},
}


def _environment(folder: Path, **changes: dict[str, Any]) -> Environment:
    path = folder / "uat.yaml"
    path.write_text(yaml.safe_dump({**_FILE, **{key: {**_FILE[key], **more} for key, more in changes.items()}}))
    return load_environment(path, environ={})


def _deployer(account: Account, env: Environment) -> Deployer:
    """Of a process of its own."""
    return Deployer(
        env, resources=Infrastructure(env).resources, clients=account.new_clients(), clock=account.clock, lock_timeout=0
    )


def test_an_environment_goes_up_is_changed_and_goes_down(account: Account, tmp_path: Path) -> None:
    before = account.everything()
    env = _environment(tmp_path)
    _deployer(account, env).up()
    assert account.calls()
    assert _deployer(account, env).plan().changes == ()
    account.calls()
    _deployer(account, env).up()
    assert [name for name in account.calls() if name != "PutObject"] == [], "only the lease is taken and given up"
    env = _environment(tmp_path, network={"nat": "none"}, cluster={"log_retention_days": 30})
    _deployer(account, env).up()
    assert _deployer(account, env).plan().changes == ()
    deployer = _deployer(account, env)
    deployer.down()
    s3 = account.client("s3")
    (bucket,) = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    body = s3.get_object(Bucket=bucket, Key="livekit-deploy/livekit/uat.json")["Body"].read()
    assert load(body, "here").records == {}
    assert account.everything() == before
