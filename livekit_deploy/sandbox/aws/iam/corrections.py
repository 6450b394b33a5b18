"""IAM and STS: AWS's managed policies exist, attached policies cannot be deleted, documents are validated, and an
access key tells its account.

The account's number is the end of the access key: ``AKIA123456789012`` is the sandbox's user in account 123456789012.
Where others can reach it, the sandbox's key stands before that (see `sandbox.seal`).
Source: IAM API reference, DeletePolicy; STS API reference, GetCallerIdentity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import moto.iam.models
from moto.core.responses import BaseResponse
from moto.iam.exceptions import DeleteConflictException, MalformedPolicyDocument, NotFoundException
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator
from moto.sts.models import STSBackend

from livekit_deploy.sandbox.aws.every_service.patching import around

Original = Callable[..., Any]

_FORM = r"A[KS]IA(?:[0-9A-F]{32})?(\d{12})"
_KEY = re.compile(_FORM)
_CREDENTIAL = re.compile(rf"Credential=({_FORM})/")
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
USER = "sandbox"


def install() -> None:
    """Correct IAM and STS."""
    _accounts()
    _managed_policies()
    _roles()

    @around(IAMBackend, "delete_policy")
    def delete_policy(original: Original, backend: Any, policy_arn: str) -> None:
        policy = backend.get_policy(policy_arn)
        if policy.attachment_count > 0:
            raise DeleteConflictException("Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise DeleteConflictException("This policy has more than one version. Delete the others first.")
        original(policy_arn)


def _roles() -> None:
    @around(IAMBackend, "create_role")
    def create_role(
        original: Original,
        backend: Any,
        role_name: str,
        assume_role_policy_document: str,
        path: str,
        permissions_boundary: str | None,
        *args: Any,
        **more: Any,
    ) -> Any:
        _check_trust(assume_role_policy_document)
        _check_boundary(backend, permissions_boundary)
        return original(role_name, assume_role_policy_document, path, permissions_boundary, *args, **more)

    @around(IAMBackend, "put_role_permissions_boundary")
    def put_role_permissions_boundary(original: Original, backend: Any, role_name: str, boundary: str) -> None:
        _check_boundary(backend, boundary)
        original(role_name, boundary)


def _check_trust(document: str) -> None:
    IAMTrustPolicyDocumentValidator(document).validate()
    found = json.loads(document)["Statement"]
    statements = found if isinstance(found, list) else [found]
    if not statements or not all("Principal" in one for one in statements):
        raise MalformedPolicyDocument("AssumeRolepolicy must contain resources or principals.")


def _check_boundary(backend: Any, arn: str | None) -> None:
    """AWS's own policies count as there: they are more than are known here."""
    if arn and ":iam::aws:" not in arn and arn not in backend.managed_policies:
        raise NotFoundException(f"Scope ARN: {arn} does not exist or is not attachable.")


def _accounts() -> None:
    told = moto.iam.models.get_account_id_from

    def get_account_id_from(access_key: str) -> str:
        found = _KEY.fullmatch(access_key)
        return found[1] if found else told(access_key)

    moto.iam.models.get_account_id_from = get_account_id_from

    @around(BaseResponse, "get_access_key")
    def get_access_key(original: Original, response: Any) -> Any:
        """moto knows a key only by its 20 characters, which ours does not have."""
        found = _CREDENTIAL.search(response.headers.get("Authorization", ""))
        return found[1] if found else original()

    @around(STSBackend, "get_caller_identity")
    def get_caller_identity(original: Original, backend: Any, access_key_id: str, region: str) -> tuple[str, str, str]:
        user, arn, account = original(access_key_id, region)
        if arn.endswith(":user/moto"):  # moto's default is no ARN that IAM would give
            arn = f"arn:{backend.partition}:iam::{account}:user/{USER}"
        return user, arn, account


def _managed_policies() -> None:
    @around(IAMBackend, "_init_aws_policies")
    def init_aws_policies(original: Original, backend: Any) -> list[Any]:
        loaded = original()
        known = {policy.name for policy in loaded}
        return [*loaded, *(_policy(backend, name) for name in MANAGED if name not in known)]


def _policy(backend: Any, name: str) -> AWSManagedPolicy:
    now = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    data = {"DefaultVersionId": "v1", "Path": "/", "Document": document, "CreateDate": now, "UpdateDate": now}
    return AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
