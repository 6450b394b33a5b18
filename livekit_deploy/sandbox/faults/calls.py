"""Strikes calls with faults: every call to moto passes here, in this process or through the server. Callers without the
right permissions are refused here as well.

An error is answered in the form that the service's protocol asks for, by moto's own serializer. A lost connection is
botocore's own error, which a client in this process sees as it is; `connections` does the same to a server's clients.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from moto.core.errors import COMMON_ERROR_CODES
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.ec2.models import ec2_backends
from moto.s3.responses import S3Response
from moto.sts.models import sts_backends

from livekit_deploy.sandbox.aws.every_service.patching import Corrections
from livekit_deploy.sandbox.aws.s3.corrections import tags_of_new_bucket
from livekit_deploy.sandbox.faults.catalogue import CATALOGUE, Effect, Kind
from livekit_deploy.sandbox.faults.endings import ENDINGS, ILLS, Made
from livekit_deploy.sandbox.faults.hiding import Hiding
from livekit_deploy.sandbox.faults.late_answers import late, lateness
from livekit_deploy.sandbox.faults.plan import Call, Fault, current
from livekit_deploy.sandbox.rights import check

Answer = tuple[int, Any, Any]
#: IAM's name of a service, where it is not boto3's
_PREFIXES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}

hiding = Hiding()
corrected = Corrections()
install = corrected.install


class _Refusal(ServiceException):  # type: ignore[misc]
    """Of no service: moto would look for the codes of an error's own package."""


@corrected(BaseResponse)
def call_action(original: Callable[[], Answer], response: Any) -> Answer:
    service = response.boto3_service_name
    return _passes(response, lambda: Call(service, str(response._get_action()), _asked(response)), original)


#: a subresource, as the query has it → boto3's name of it, where moto says another or none
_PARTS_OF_BUCKETS = {
    "encryption": "BucketEncryption",
    "publicAccessBlock": "PublicAccessBlock",
    "lifecycle": "BucketLifecycleConfiguration",
}
#: the same of lists, whose name the part alone says
_LISTS = {"list-type": "ListObjectsV2", "versions": "ListObjectVersions"}


def _respond(resource: str, original: Callable[..., Answer], response: Any, request: Any, full_url: str) -> Answer:
    def call() -> Call:
        asked = response._get_querystring(request, full_url)
        response._set_action(resource, request.method, asked)
        part = next((name for key, name in _PARTS_OF_BUCKETS.items() if key in asked), None)
        listed = next((name for key, name in _LISTS.items() if key in asked), str(response.data["Action"]))
        named = f"{request.method.title()}{part}" if part else listed
        return Call("s3", named, {"url": full_url})

    return _passes(response, call, lambda: original(request, full_url))


corrected(S3Response, "_bucket_response")(partial(_respond, "BUCKET"))
corrected(S3Response, "_key_response")(partial(_respond, "KEY"))


def clear() -> None:
    """Lift every fault, and show what was hidden."""
    current.clear()
    hiding.clear()
    lateness.clear()


def _passes(response: Any, describe: Callable[[], Call], original: Callable[[], Answer]) -> Answer:
    if (lacking := _lacking(response, describe)) is not None:
        return lacking
    if not current.active and not hiding.active:
        return original()
    call = describe()
    fault = current.strike(call)
    if fault is not None:
        return _struck(fault, call, response, original)
    answer: Answer = hiding.around(call.service, call.operation, original)
    return late(response, call, answer, current.late(call)) if current.lists_are_late else answer


def _struck(fault: Fault, call: Call, response: Any, original: Callable[[], Answer]) -> Answer:
    kind = CATALOGUE[fault.fault]
    endings = ILLS if kind.effect is Effect.DEGRADE else ENDINGS
    ends = kind.effect in (Effect.FAIL, Effect.DEGRADE)
    if kind.effect is Effect.REFUSE or (ends and _name(call) not in endings):
        return _refusal(fault, kind, call, response)
    if kind.effect is Effect.LOSE_REQUEST:
        raise ConnectionClosedError(endpoint_url=call.service)
    if kind.effect is Effect.HANG:
        raise ReadTimeoutError(endpoint_url=call.service)
    if kind.effect is Effect.HIDE:
        return hiding.making(_backend(response), call.service, fault.reads, original)  # type: ignore[no-any-return]
    answer = original()
    if kind.effect is Effect.LOSE_ANSWER:
        raise ConnectionClosedError(endpoint_url=call.service)
    if answer[0] < 300:
        said, code = fault.message or kind.message, fault.code or kind.code(call.service, call.operation)
        made = Made(response.current_account, response.region, call.parameters, _text(answer[2]))
        endings[_name(call)](made, code, said)
    return answer


def _text(body: str | bytes) -> str:
    return body.decode() if isinstance(body, bytes) else body


def _name(call: Call) -> str:
    return f"{call.service}:{call.operation}"


def _refusal(fault: Fault, kind: Kind, call: Call, response: Any) -> Answer:
    code = fault.code or kind.code(call.service, call.operation)
    action = f"{_PREFIXES.get(call.service, call.service)}:{call.operation}"
    words = fault.message or kind.said(call.service, call.operation, fault.turn)
    said = words.format(action=action, principal=_principal(response))
    return _error(response, code, said, kind.status)


def _lacking(response: Any, describe: Callable[[], Call]) -> Answer | None:
    """The answer to a caller who lacks a right, None when nothing is lacking."""
    service = response.boto3_service_name

    def asked() -> tuple[str, dict[str, Any]]:
        if service != "s3":
            return str(response._get_action()), check.parameters(response)
        operation, asked = describe().operation, {"Bucket": response.bucket_name, "Key": response.parse_key_name()}
        tags = tags_of_new_bucket(response.body) if operation == "CreateBucket" else {}
        key = response.headers.get("x-amz-server-side-encryption-aws-kms-key-id", "")
        return operation, {**asked, "Tags": tags, "SSEKMSKeyId": key}

    found = check.refused(response, service, asked)
    if found is None:
        return None
    operation = describe().operation if service == "s3" else str(response._get_action())
    return _error(response, found.code or CATALOGUE["denied"].code(service, operation), found.message, found.status)


def _error(response: Any, code: str, said: str, status: int) -> Answer:
    if code not in COMMON_ERROR_CODES:  # moto warns of a code that the service's model does not list
        COMMON_ERROR_CODES.append(code)
    _, headers, body = response.serialized(ActionResult(_Refusal(code, said)))
    headers, body = response._enrich_response(headers, body)  # draws the request id
    body = body.replace("request-id", headers["x-amzn-requestid"])
    headers["status"] = str(status)
    return status, headers, body


def _principal(response: Any) -> str:
    account = response.current_account
    said = sts_backends[account]["aws"].get_caller_identity(response.get_access_key(), response.region)
    return str(said[1])


def _backend(response: Any) -> Any:
    service = response.service_name or response.boto3_service_name
    return getattr(response, f"{service}_backend", None) or response.backend


def _asked(response: Any) -> dict[str, Any]:
    """What was asked, whatever the protocol: path, query, form and body; and the zones of the subnets in it."""
    found: dict[str, Any] = {key: unquote(str(value)) for key, value in (response.uri_match or {}).items()}
    found |= {key: values[0] if len(values) == 1 else values for key, values in response.querystring.items()}
    if isinstance(response.body, str | bytes) and response.body[:1] in ("{", b"{"):
        found |= json.loads(response.body)
    zones = _zones(response, repr(found))
    return found | ({"zone": zones} if zones else {})


def _zones(response: Any, asked: str) -> list[str]:
    """The zones of the subnets that a call names."""
    subnets: Mapping[str, Mapping[str, Any]] = ec2_backends[response.current_account][response.region].subnets
    return sorted({zone for zone, there in subnets.items() if any(id in asked for id in there)})
