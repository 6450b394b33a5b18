"""AWS may answer any list in short pages: plan, up and down see all of them."""

from __future__ import annotations

from pathlib import Path

import boto3

from livekit_deploy.config import load_environment
from livekit_deploy.sandbox.aws.every_service.corrections.paging import short
from livekit_deploy.stack import Infrastructure
from tests.aws.rig import AwsRig
from tests.contract.kinds.case import ZONE
from tests.inventory import inventory

ENVIRONMENT = f"""
preset: dev
region: us-east-1
livekit: {{domain: livekit.dev.{ZONE}, hosted_zone: {ZONE}}}
"""


def test_an_environment_lives_on_pages_of_one(rig: AwsRig, tmp_path: Path) -> None:
    path = tmp_path / "uat.yaml"
    path.write_text(ENVIRONMENT)
    resources = Infrastructure(load_environment(path, environ={})).resources
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    before = inventory()
    with short(1):
        rig.up(resources)
        assert rig.plan(resources).changes == ()
        rig.down()
    assert inventory() == before
