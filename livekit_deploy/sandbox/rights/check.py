"""Checks every call against its caller's permissions, before anything else happens."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model
from moto.iam.models import iam_backends

from livekit_deploy.sandbox.rights.asked import Request, requests
from livekit_deploy.sandbox.rights.objects import Asking
from livekit_deploy.sandbox.rights.policies import Caller, caller

#: boto3's name of a service → IAM's, and what IAM calls an operation of S3
PREFIXES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag", "service-quotas": "servicequotas"}
_S3 = {
    **{"HeadBucket": "ListBucket", "ListObjectVersions": "ListBucketVersions", "ListObjectsV2": "ListBucket"},
    **{"PutBucketEncryption": "PutEncryptionConfiguration", "PutPublicAccessBlock": "PutBucketPublicAccessBlock"},
    **{"PutBucketLifecycleConfiguration": "PutLifecycleConfiguration", "HeadObject": "GetObject"},
    **{"ListObjects": "ListBucket", "GetBucketEncryption": "GetEncryptionConfiguration"},
    **{"GetPublicAccessBlock": "GetBucketPublicAccessBlock"},
    **{"GetBucketLifecycleConfiguration": "GetLifecycleConfiguration"},
}


class Register:
    """What was refused since the last `clear`, and which statement allowed which action."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: list[dict[str, str]] = []
        self._used: Counter[tuple[str, str]] = Counter()

    def refuse(self, call: Asking, request: Request) -> None:
        with self._lock:
            self._refused.append({"call": call.action, "action": request.action, "resource": request.resource})

    def use(self, sids: list[str], action: str) -> None:
        with self._lock:
            self._used.update((sid, action) for sid in sids)

    def listed(self) -> dict[str, Any]:
        """As data."""
        with self._lock:
            return {"refused": list(self._refused), "used": sorted(self._used)}

    def clear(self) -> None:
        with self._lock:
            self._refused.clear()
            self._used.clear()


register = Register()
_linking = threading.Lock()


def refused(response: Any, service: str, describe: Callable[[], tuple[str, dict[str, Any]]]) -> Refused | None:
    """What the caller of a call lacks; None when it may. ``describe`` gives the operation and its parameters."""
    partition = response.partition
    who = caller(response.current_account, partition, response.get_access_key())
    if who is None:
        return None
    operation, parameters = describe()
    call = Asking(
        PREFIXES.get(service, service),
        _S3.get(operation, operation) if service == "s3" else operation,
        parameters,
        response.current_account,
        response.region,
        who.principal,
        partition,
    )
    lacking = _lacking(who, call)
    return Refused(who, call, lacking) if lacking else None


def _lacking(who: Caller, call: Asking) -> Request | None:
    linked = []
    for request in requests(call):
        allowed, sids = who.allows(request)
        if not allowed:
            register.refuse(call, request)
            return request
        register.use(sids, request.action)
        if request.action == "iam:CreateServiceLinkedRole":
            linked.append(request.resource)
    for arn in linked:
        _link(call, arn)
    return None


def _link(call: Asking, arn: str) -> None:
    """The service makes its role with the caller's right, once in an account."""
    backend = iam_backends[call.account][call.partition]
    path, _, name = arn.partition(":role")[2].rpartition("/")
    taker = {"Effect": "Allow", "Principal": {"Service": path.rpartition("/")[2]}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [taker]})
    with _linking:
        if not any(one.name == name for one in backend.roles.values()):
            backend.create_role(name, trust, f"{path}/", None, "", [], "3600")


def parameters(response: Any) -> dict[str, Any]:
    """What was asked, in the form of the API reference."""
    request = response.normalized_request
    model = get_service_model(response.boto3_service_name)
    operation = model.operation_model(response._get_action())
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)](operation)
    found: dict[str, Any] = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_path": request.path,
            "url_params": response.uri_match,
        }
    )
    return found


class Refused:
    """Says what AWS says of a caller that lacks a right."""

    def __init__(self, who: Caller, call: Asking, lacking: Request) -> None:
        self._who, self._call, self._lacking = who, call, lacking

    @property
    def code(self) -> str:
        """The service's own code, "" for its usual one; EKS has another for what it asks EC2 and KMS for."""
        return "InvalidRequestException" if self._inside_eks else ""

    @property
    def status(self) -> int:
        return 400 if self._inside_eks else 403

    @property
    def _inside_eks(self) -> bool:
        return self._call.service == "eks" and self._lacking.action.partition(":")[0] in ("ec2", "kms")

    @property
    def message(self) -> str:
        if self._inside_eks and self._lacking.action.startswith("ec2:"):
            return (
                "You are not authorized to launch instances with this launch template. "
                "Encoded authorization failure message: c2FuZGJveA"
            )
        asked = self._lacking
        return (
            f"User: {self._who.arn} is not authorized to perform: {asked.action} on resource: {asked.resource} "
            f"because no identity-based policy allows the {asked.action} action"
        )
