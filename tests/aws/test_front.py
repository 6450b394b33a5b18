"""The certificate and its records when the names in the file change."""

from __future__ import annotations

import boto3

from livekit_deploy.config import load_environment
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.provisioners.dns import CertificateProvisioner
from tests.aws.rig import REGION, AwsRig
from tests.places import ENVIRONMENTS

UAT = ENVIRONMENTS / "uat.yaml"


def _certificate(**overrides: str) -> list[Resource]:
    dotted = {f"livekit.{key}": value for key, value in overrides.items()}
    return CertificateProvisioner(load_environment(UAT, overrides=dotted, environ={}).livekit).resources


def test_names_come_and_go_with_a_new_certificate(rig: AwsRig) -> None:
    """The validation record of a name is the same for every certificate: it stays, and does not block the plan."""
    boto3.client("route53", REGION).create_hosted_zone(Name="example.com", CallerReference="x")
    rig.up(_certificate())
    both = {address for address in rig.records if address.startswith("route53.record/")}
    assert len(both) == 2

    without = _certificate(turn="null")
    assert not [change for change in rig.plan(without).changes if change.action is Action.BLOCKED]
    rig.calls()
    rig.up(without)
    assert rig.calls().count("ChangeResourceRecordSets") == 1  # TURN's is deleted, LiveKit's own is left as it is
    assert len({address for address in rig.records if address.startswith("route53.record/")} & both) == 1
    assert rig.plan(without).changes == ()

    other = _certificate(turn="null", domain="other.example.com")
    rig.up(other)
    assert [address for address in rig.records if "other.example.com" in address]
    assert rig.plan(other).changes == ()
