"""Raises the failures that an answer reports although it is not an error, in AWS's words.

EC2 deletes what it can of a list and says what it could not; it takes a launch template with parameters that are not
valid and says which. What an answer tells of the health of an object is for the kind to read. Sources: EC2 API
reference, UnsuccessfulItem and ValidationWarning; EKS API reference, Update; Service Quotas API reference, ErrorReason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from livekit_deploy.aws.access.answers import Answer
from livekit_deploy.aws.errors.translation import translate

#: where in an answer, of whatever call, a failure is told: ``[]`` is for each item of a list
PLACES = ("Unsuccessful[].Error", "Warning.Errors[]", "update.errors[]", "Quota.ErrorReason")
#: what was it that failed, beside the failure
_NAMED = ("ResourceId", "resourceIds")


def raise_failures(answer: Answer, service: str, operation: str) -> Answer:
    """The answer, unless it tells of a failure, which is raised as if it had been the answer."""
    for place in PLACES:
        for code, message in _told(answer, place.split("."), ""):
            said = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": answer.get("ResponseMetadata", {})}
            raise translate(ClientError(said, operation.title().replace("_", "")), service, operation)
    return answer


def _told(value: Mapping[str, Any], path: list[str], named: str) -> Iterator[tuple[str, str]]:
    """(code, message) of each failure below a path; ``named`` is what it is about."""
    if not path:
        code = next((str(value[key]) for key in ("Code", "ErrorCode", "errorCode") if value.get(key)), "")
        message = next((str(value[key]) for key in ("Message", "ErrorMessage", "errorMessage") if value.get(key)), "")
        if code or message:
            yield code or "Failed", f"{named}: {message}" if named else message
        return
    key, *rest = path
    found = value.get(key.removesuffix("[]"))
    for one in (found or []) if key.endswith("[]") else [found] if found else []:
        about = next((str(one.get(name)) for name in _NAMED if one.get(name)), named)
        yield from _told(one, rest, about)
