"""Our marks on each kind: where they are, put on and taken off by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.access.tags import ADDRESS, ENV, LINEAGE, PROJECT
from livekit_deploy.engine.resource import Live, Observed, Resource, Status
from livekit_deploy.state.document import Record
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import Base, Case, closure
from tests.kinds import kinds

MARKS = (PROJECT, ENV, LINEAGE, ADDRESS)
#: kinds whose objects AWS cannot tag, each with the reason
UNTAGGED = {
    "kms.alias": "an alias has no tags: it is ours by its key",
    "route53.record": "a record has no tags: it is ours by the state and by what it says",
    "elbv2.load_balancer": "the load balancer controller makes it and tags it",
}
#: kinds of the cluster, which have labels and values (tests/k8s/test_marks.py)
IN_THE_CLUSTER = {"k8s.namespace", "k8s.secret", "helm.release"}


def _aws(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def _by_kind(made: Record, keys: Sequence[str]) -> dict[str, Callable[[], object]]:
    """How tags are taken off an object of each service, through nothing of ours."""
    keys, arn = list(keys), made.outputs.get("arn")
    pairs = [{"Key": key} for key in keys]
    return {
        "ec2": lambda: _aws("ec2").delete_tags(Resources=[made.id], Tags=pairs),
        "iam.role": lambda: _aws("iam").untag_role(RoleName=made.id, TagKeys=keys),
        "iam.policy": lambda: _aws("iam").untag_policy(PolicyArn=made.id, TagKeys=keys),
        "iam.oidc_provider": lambda: _aws("iam").untag_open_id_connect_provider(
            OpenIDConnectProviderArn=made.id, TagKeys=keys
        ),
        "eks": lambda: _aws("eks").untag_resource(resourceArn=arn, tagKeys=keys),
        "elasticache": lambda: _aws("elasticache").remove_tags_from_resource(ResourceName=arn, TagKeys=keys),
        "secretsmanager": lambda: _aws("secretsmanager").untag_resource(SecretId=made.id, TagKeys=keys),
        "kms": lambda: _aws("kms").untag_resource(KeyId=made.id, TagKeys=keys),
        "acm": lambda: _aws("acm").remove_tags_from_certificate(CertificateArn=made.id, Tags=pairs),
        "logs": lambda: _aws("logs").untag_resource(resourceArn=arn, tagKeys=keys),
    }


def strip(made: Record, *keys: str) -> None:
    """Take these tags off."""
    ways = _by_kind(made, keys)
    (ways.get(made.kind) or ways[made.kind.partition(".")[0]])()


def put_on(rig: AwsRig, address: str, tags: Mapping[str, str] | None = None) -> None:
    """Put tags on an object, by default its own, as another run would."""
    made = rig.records[address]
    item = kinds()[made.kind].recorded(address, made.inputs)
    live = Live(str(made.id), Status.READY, outputs=made.outputs)
    item.put_own_tags(rig.cloud, live, tags or item.own_tags(rig.cloud, {}))


TAGGED = [
    pytest.param(case, id=case.kind.kind)
    for case in CASES
    if not issubclass(case.kind, Observed) and case.kind.kind not in UNTAGGED
]


def built(case: Case) -> tuple[Resource, list[Resource]]:
    subject = case.make(Base())
    return subject, closure(subject)
