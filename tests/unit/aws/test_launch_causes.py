"""Each cause is found by its own example, and by no rule before it; each code that AWS's models know has one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import botocore.session
import pytest

from livekit_deploy.aws.errors.causes import RULES, cause_of
from livekit_deploy.aws.errors.rules import Rule
from livekit_deploy.errors import QuotaExceeded
from tests.unit.aws.test_error_codes import answered

ENUMS = [
    ("eks", "NodegroupIssueCode"),
    ("eks", "ClusterIssueCode"),
    ("eks", "AddonIssueCode"),
    ("eks", "ErrorCode"),
    ("acm", "FailureReason"),
]


def _codes(rule: Rule) -> Iterator[str]:
    """The codes of a rule, where they are written out."""
    yield from (code.replace("\\", "") for code in rule.codes.split("|") if re.fullmatch(r"[\w\\.]+", code))


EXAMPLES = [(rule, code) for rule in RULES for code in (*_codes(rule),)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.codes[:40])
def test_a_rule_is_found_by_its_own_example_and_by_no_rule_before_it(rule: Rule) -> None:
    code = next(_codes(rule), "")
    assert code or "(" in rule.codes
    assert bool(rule.example) is bool(rule.words), "words are shown by an example"
    if code:
        assert next(one for one in RULES if one.fits(code, rule.example)) is rule


@pytest.mark.parametrize(("service", "enum"), ENUMS)
def test_each_issue_of_the_models_has_a_cause_and_a_remedy(service: str, enum: str) -> None:
    members = botocore.session.get_session().get_service_model(service).shape_for(enum).enum
    assert len(members) > 8
    missing = [code for code in members if cause_of(code, "") is None and cause_of(code, code) is None]
    assert missing == []


#: what EC2 says of a launch, as an issue of the node group
LAUNCHES = [
    (
        "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your "
        "current vCPU limit of 5 allows for the instance bucket that the specified instance type belongs to. Please "
        "visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
        "quota of vCPUs for running instances",
        "L-1216C47A",
    ),
    ("MaxSpotInstanceCountExceeded - Max spot instance count exceeded", "quota of vCPUs for Spot", "L-34B43A08"),
    ("Your Spot request price of 0.1 is lower than the minimum required", "cost more", "on_demand"),
    ("There is no Spot capacity available that matches your request.", "no Spot instances", "nodes.*.instance_types"),
    (
        "InsufficientInstanceCapacity - We currently do not have sufficient c6i.large capacity in the Availability "
        "Zone you requested (us-east-1a). Our system will be working on provisioning additional capacity.",
        "no such instances",
        "nodes.*.instance_types",
    ),
    (
        "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state",
        "Auto Scaling",
        "kms:CreateGrant",
    ),
    ("Client.InternalError: Client error on launch", "encrypted volume", "kms:CreateGrant"),
    ("Client.VolumeLimitExceeded: Volume limit exceeded", "EBS storage", "nodes.*.disk_gib"),
    ("The specified instance type is not eligible for Free Tier.", "free plan", "upgrade the account"),
    ("Your requested instance type (m7i.large) is not supported in your requested Availability Zone", "offer", "types"),
    ("There are not enough free addresses in subnet 'subnet-1' to satisfy the requested number", "addresses", "fewer"),
    ("Something that nobody has heard of", "for the reason that AWS gives", "look at"),
]


@pytest.mark.parametrize(("said", "likely", "remedy"), LAUNCHES)
def test_a_launch_that_failed_has_its_cause_and_a_remedy_for_a_cluster_that_runs(
    said: str, likely: str, remedy: str
) -> None:
    found = cause_of("AsgInstanceLaunchFailures", said)
    assert found is not None
    assert likely in found.likely
    assert remedy in found.remedy
    assert "network.availability_zones" not in found.remedy, "a cluster keeps its zones"


def test_no_remedy_changes_what_a_cluster_that_runs_keeps() -> None:
    """Zones may be chosen while there is no cluster, which is when EKS refuses one."""
    fixed = re.compile(r"larger network\.cidr|leave the zone out")
    assert [rule.codes for rule in RULES if fixed.search(rule.cause.remedy)] == []


@pytest.mark.parametrize(
    ("code", "quota"),
    [("VcpuLimitExceeded", "L-1216C47A"), ("MaxSpotInstanceCountExceeded", "L-34B43A08")],
)
def test_a_launch_that_ec2_itself_refuses_names_the_quota(code: str, quota: str) -> None:
    error = answered(code, "You have requested more vCPU capacity than your limit", "ec2:RunInstances")
    assert isinstance(error, QuotaExceeded)
    assert quota in error.hint
    assert quota in error.likely
