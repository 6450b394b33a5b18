"""What is promised of what is made: a private bucket, nodes that give nothing away, no door open but those of media."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.kinds.ec2.security_groups import SecurityGroupRule
from livekit_deploy.aws.state_bucket.bucket import default_bucket, ensure_bucket
from livekit_deploy.config import load_environment
from livekit_deploy.stack import Infrastructure
from tests.aws.rig import REGION, AwsRig
from tests.contract.kinds.case import Base, closure
from tests.places import ENVIRONMENTS

ACCOUNT = "123456789012"
BUCKET = default_bucket(ACCOUNT, REGION)


def test_the_state_bucket_is_versioned_encrypted_private_and_tls_only(rig: AwsRig) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []
    client = rig.clients("s3")
    client.meta.events.register(
        "provide-client-params.s3.*", lambda params, model, **_: sent.append((model.name, params))
    )
    for _ in range(2):  # made, and then only looked at
        ensure_bucket(rig.cloud, BUCKET)
    s3 = boto3.client("s3")
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    assert blocked == dict.fromkeys(names, True)
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    unowned = {name for name, params in sent if params.get("ExpectedBucketOwner") != ACCOUNT}
    assert unowned == {"CreateBucket"}, "every call says whose bucket it must be"


def test_nodes_ask_for_tokens_and_their_disks_are_encrypted(rig: AwsRig) -> None:
    rig.up(closure(Base().template()))
    ec2 = boto3.client("ec2")
    (found,) = ec2.describe_launch_templates()["LaunchTemplates"]
    said = ec2.describe_launch_template_versions(LaunchTemplateId=found["LaunchTemplateId"])
    data = said["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert (data["MetadataOptions"]["HttpTokens"], data["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
        "required",
        2,
    )
    assert [disk["Ebs"]["Encrypted"] for disk in data["BlockDeviceMappings"]] == [True]


@pytest.mark.parametrize("name", ["dev", "uat", "prod"])
def test_only_media_is_open_to_the_world(name: str) -> None:
    env = load_environment(ENVIRONMENTS / f"{name}.yaml", environ={})
    rules = [item for item in Infrastructure(env).resources if isinstance(item, SecurityGroupRule)]
    world = {
        (rule.protocol, rule.first_port, rule.last_port)
        for rule in rules
        if (rule.__dict__.get("cidr") or "").endswith("/0")
    }
    rtc, turn = env.livekit.rtc, env.livekit.turn
    wanted = {("udp", *rtc.udp_ports), ("tcp", rtc.tcp_port, rtc.tcp_port)}
    if turn is not None and turn.udp_port:
        wanted.add(("udp", turn.udp_port, turn.udp_port))
    assert world == wanted
    assert not [port for _, first, last in world for port in (6379, 6789, 7880, 22, 10250) if first <= port <= last]
