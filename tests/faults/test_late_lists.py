"""Lists that are late: in the sandbox as in AWS, and what the product makes of them."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.engine.plan import Action
from livekit_deploy.operations.leftovers import leftovers
from livekit_deploy.stack import Infrastructure
from tests.aws.rig import REGION
from tests.contract.kinds.case import ZONE
from tests.faults.conftest import Set
from tests.faults.rig import FaultRig
from tests.kinds import kinds


def _vpcs(**asked: object) -> list[str]:
    return [one["VpcId"] for one in boto3.client("ec2").describe_vpcs(**asked)["Vpcs"]]


def _ours(value: str) -> dict[str, object]:
    return {"Filters": [{"Name": "tag:whose", "Values": [value]}]}


def test_a_late_list_misses_what_is_new_and_has_what_is_gone(fault: Set) -> None:
    ec2 = boto3.client("ec2")
    fault("late-lists", reads=2)
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "whose", "Value": "ours"}]}]
    id = ec2.create_vpc(CidrBlock="10.20.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
    assert _vpcs(VpcIds=[id]) == [id], "a call that names its object is right"
    assert [_vpcs(**_ours("ours")) for _ in range(3)] == [[], [], [id]]
    ec2.delete_vpc(VpcId=id)
    with pytest.raises(ClientError, match="NotFound"):
        _vpcs(VpcIds=[id])
    assert _vpcs(**_ours("theirs")) == []
    assert [_vpcs(**_ours("ours")) for _ in range(3)] == [[id], [id], []]


def test_a_late_list_has_what_was_changed_as_it_was(fault: Set) -> None:
    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="x", SecretString="one")["ARN"]

    def listed() -> str:
        (found,) = secrets.list_secrets()["SecretList"]
        return next(str(id) for id, stages in found["SecretVersionsToStages"].items() if "AWSCURRENT" in stages)

    fault("late-lists", "secretsmanager:*", reads=2)
    old = listed()
    new = secrets.put_secret_value(SecretId=arn, SecretString="two")["VersionId"]
    assert secrets.describe_secret(SecretId=arn)["VersionIdsToStages"][new] == ["AWSCURRENT"]
    assert [listed() for _ in range(3)] == [old, old, new]


# ---- whole environments


def _environment(folder: Path, preset: str, **more: object) -> Environment:
    path = folder / f"{preset}.yaml"
    livekit = {"domain": f"livekit.{ZONE}", "hosted_zone": ZONE}
    cluster = {"public_cidrs": ["203.0.113.0/24"], "logs": ["api"], "secrets_key": True}
    path.write_text(
        yaml.safe_dump({"preset": preset, "region": REGION, "livekit": livekit, "cluster": cluster, **more})
    )
    return load_environment(path, environ={})


_RUNS = [
    pytest.param(preset, reads, marks=() if (preset, reads) == ("uat", 2) else pytest.mark.slow)
    for preset in ("dev", "uat", "prod")
    for reads in (2, 1000)
]


@pytest.mark.parametrize(("preset", "reads"), _RUNS)
def test_a_whole_environment_comes_changes_and_goes_while_lists_are_late(
    preset: str, reads: int, fault: Set, tmp_path: Path
) -> None:
    rig = FaultRig(tmp_path, preset)
    rig.clients("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    fault("late-lists", reads=reads)
    env = _environment(tmp_path, preset)
    assert rig.attempt(Infrastructure(env).resources) == {}
    records = rig.records
    assert rig.plan(Infrastructure(env).resources).changes == (), "a second run has nothing to do"

    other = _environment(tmp_path, preset, redis={"snapshot_retention_days": 3}, nodes={"media": {"max": 7}})
    assert rig.plan(Infrastructure(other).resources).count(Action.UPDATE) >= 1
    rig.made()
    assert rig.attempt(Infrastructure(other).resources) == {}
    assert rig.made()
    assert rig.plan(Infrastructure(other).resources).changes == (), "what was changed is not changed again"
    rig.made()

    vpcs = [record.id for record in rig.records.values() if record.kind == "ec2.vpc" and record.id]
    rig.down(*kinds().values())
    assert leftovers(rig.cloud, vpcs)[0] == [], "what is gone is no leftover"
    assert rig.records == {}
    assert {change.action for change in rig.plan(Infrastructure(env).resources).changes} == {Action.CREATE}
    assert rig.attempt(Infrastructure(env).resources) == {}, "up right after down"
    assert rig.records.keys() == records.keys()
    assert rig.plan(Infrastructure(env).resources).changes == ()
