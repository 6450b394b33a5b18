"""What the kinds of AWS's declare of their fields, and where botocore's models have it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

import livekit_deploy.stack  # noqa: F401  (imports every kind)
from livekit_deploy.aws.access.cloud import mutates
from livekit_deploy.aws.access.services import NAMES
from livekit_deploy.engine.resource import Observed, Resource
from tests.kinds import kinds
from tests.service_operations import operations

OURS = {name: kind for name, kind in kinds().items() if kind.__module__.startswith("livekit_deploy.")}
OF_AWS = {
    name: kind
    for name, kind in OURS.items()
    if kind.__module__.startswith("livekit_deploy.aws.") and not issubclass(kind, Observed)
}

#: what a kind writes into its calls itself, although it may not be changed in place: the parameter; "" for none
WRITTEN = {
    "ec2.security_group_rule.source": "UserIdGroupPairs",
    "ec2.vpc_endpoint.service": "ServiceName",
    "eks.access_entry.principal": "principalArn",
    "eks.cluster.zones": "",  # of its subnets
    "elasticache.replication_group.auth": "",  # whether there is a token
    "route53.record.record": "Name",
    "route53.record.type": "Type",
    "route53.record.zone": "HostedZoneId",
    "secretsmanager.secret.form": "",  # of what is generated
}


def parameter(kind: str, name: str) -> str:
    """Where a call has an input, without the marks of lists; "" for nowhere."""
    declared = kinds()[kind].inputs[name].api or WRITTEN.get(f"{kind}.{name}", "")
    return declared.replace("[0]", "").replace("[]", "")


def has(shape: Any, path: str) -> bool:
    """Whether a shape of botocore's has a path."""
    head, _, rest = path.partition(".")
    name, listed, _ = head.partition("[")
    inner = getattr(shape, "members", {}).get(name)
    if inner is None:
        return False
    if listed:
        if inner.type_name != "list":
            return False
        inner = inner.member
    return not rest or inner.type_name == "map" or has(inner, rest)


def methods(kind: type[Resource]) -> dict[str, ast.FunctionDef]:
    """The functions of a class, with those that it inherits from the package's other kinds."""
    found: dict[str, ast.FunctionDef] = {}
    for one in reversed(kind.__mro__):
        if one.__module__.startswith(("livekit_deploy.aws", "livekit_deploy.k8s")):
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
            found |= {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return found


def spread(kind: type[Resource], method: ast.FunctionDef) -> Iterator[Any]:
    """The models of the changing calls of a method that are given a request as a whole."""
    for node in ast.walk(method):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner, name = node.func.value, node.func.attr
        service = owner.attr if isinstance(owner, ast.Attribute) and owner.attr in NAMES else ""
        if service and name != "pages" and mutates(name) and None in {keyword.arg for keyword in node.keywords}:
            yield operations(service)[name]
