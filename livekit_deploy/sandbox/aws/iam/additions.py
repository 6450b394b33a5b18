"""IAM: AWS's own policies, which moto has only where it is told to load them (its simulator is in `rights`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import AWSManagedPolicy, IAMBackend

from livekit_deploy.sandbox.aws.every_service.patching import Corrections

corrected = Corrections()
install = corrected.install
#: AWS's own policies that an environment attaches; what they allow is not looked at here
MANAGED = (
    "AmazonEKSClusterPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKS_CNI_Policy",
    "AmazonEKSVPCResourceController",
    "AdministratorAccess",
    "ReadOnlyAccess",
)


@corrected(IAMBackend)
def _init_aws_policies(original: Callable[[], list[Any]], backend: Any) -> list[Any]:
    loaded = original()
    known = {policy.name for policy in loaded}
    return [*loaded, *(_policy(backend, name) for name in MANAGED if name not in known)]


def _policy(backend: Any, name: str) -> AWSManagedPolicy:
    now = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    data = {"DefaultVersionId": "v1", "Path": "/", "Document": document, "CreateDate": now, "UpdateDate": now}
    return AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
