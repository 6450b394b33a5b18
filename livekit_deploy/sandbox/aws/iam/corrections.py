"""IAM: what is attached cannot be deleted, trust policies are read, and a permissions boundary must exist.

moto deletes and takes everything. Source: IAM API reference, DeletePolicy, CreateRole and PutRolePermissionsBoundary.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.exceptions import DeleteConflictException, MalformedPolicyDocument, NotFoundException
from moto.iam.models import IAMBackend
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install


@corrected(IAMBackend)
def delete_policy(original: Original, backend: Any, policy_arn: str) -> None:
    policy = backend.get_policy(policy_arn)
    if policy.attachment_count > 0:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflictException("This policy has more than one version. Delete the others first.")
    original(policy_arn)


@corrected(IAMBackend)
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


@corrected(IAMBackend)
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
