"""Every list that the product asks AWS for is one that the sandbox lets lag, or there is a reason why it does not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import botocore.session
import pytest
from botocore.model import OperationModel, StructureShape
from moto.core.utils import get_pagination_model

from livekit_deploy.sandbox.faults.lists import LATE
from tests.places import ROOT

_SERVICES = (
    *("acm", "ec2", "eks", "elasticache", "elbv2", "iam", "kms", "logs", "resourcegroupstaggingapi"),
    *("route53", "secretsmanager", "sts"),
)
_PRODUCT = [path for path in (ROOT / "livekit_deploy").rglob("*.py") if "sandbox" not in path.parts]
_LISTS = re.compile(r"(describe|list)_\w+|get_resources")
#: lists that are not late, each with the reason
PROMPT = {
    "route53:ListResourceRecordSets": "AWS: the most current version, also of what is not yet on all DNS servers",
    **dict.fromkeys(
        (
            *("ec2:DescribeLaunchTemplateVersions", "elbv2:DescribeListeners", "elbv2:DescribeTargetHealth"),
            *("eks:ListAssociatedAccessPolicies", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
            *("iam:ListInstanceProfilesForRole", "iam:ListPolicyVersions", "elasticache:DescribeEvents"),
            *("acm:ListTagsForCertificate", "elasticache:ListTagsForResource", "elasticache:DescribeCacheParameters"),
            *("kms:ListResourceTags", "logs:ListTagsForResource", "kms:ListGrants"),
        ),
        "parts of one object that the call names",
    ),
    "ec2:DescribeVpcBlockPublicAccessExclusions": "what others set for the account, looked at before anything is made",
    **dict.fromkeys(
        (
            *("ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypes", "ec2:DescribeAvailabilityZones"),
            "ec2:DescribeRegions",
            *("eks:DescribeAddonVersions", "eks:DescribeClusterVersions"),
            *("elasticache:DescribeReservedCacheNodesOfferings", "elasticache:DescribeCacheEngineVersions"),
        ),
        "what AWS offers, which nobody here makes or changes",
    ),
}


def _operations() -> Iterator[OperationModel]:
    """Each operation of AWS's that the product's source names as boto3 does."""
    named = {pair for path in _PRODUCT for pair in _named(ast.parse(path.read_text(encoding="utf-8")))}
    session = botocore.session.get_session()
    for service in _SERVICES:
        model = session.get_service_model(service)
        for one in model.operation_names:
            if {(service, one.lower()), ("", one.lower())} & named:
                yield model.operation_model(one)


def _named(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(service, operation in small letters) of what is called, "" for the service where only its name is given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and _LISTS.fullmatch(node.attr):
            yield node.value.attr, node.attr.replace("_", "")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _LISTS.fullmatch(node.value):
            yield "", node.value.replace("_", "")


def _name(operation: OperationModel) -> str:
    return f"{operation.service_model.service_name}:{operation.name}"


def _is_list(operation: OperationModel) -> bool:
    shape = operation.output_shape
    paged = operation.name in get_pagination_model(operation.service_model.service_name)
    lists = isinstance(shape, StructureShape) and any(one.type_name == "list" for one in shape.members.values())
    filters = operation.input_shape is not None and "Filters" in operation.input_shape.members
    return paged or (lists and (filters or operation.name.startswith("List")))


def test_every_list_is_late_in_the_sandbox_or_there_is_a_reason() -> None:
    lists = {_name(one) for one in _operations() if _is_list(one)}
    assert len(lists) > 30
    assert lists - LATE.keys() - PROMPT.keys() == set()
    assert not LATE.keys() & PROMPT.keys()
    assert LATE.keys() - lists == set(), "a list that is asked for no more"


@pytest.mark.parametrize("name", LATE)
def test_a_list_is_read_as_its_service_writes_it(name: str) -> None:
    service, _, operation = name.partition(":")
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).output_shape
    item = shape.members[LATE[name].key].member
    assert item.type_name == "string" if not LATE[name].id else LATE[name].id in item.members
