"""Parses and rewrites the answer of a list, as a late list would answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.parsers import create_parser
from moto.core.responses import ActionResult
from moto.core.utils import get_service_model

from livekit_deploy.sandbox.faults.lateness import Lateness
from livekit_deploy.sandbox.faults.lists import LATE, asked
from livekit_deploy.sandbox.faults.plan import Call
from livekit_deploy.sandbox.rights import check

Answer = tuple[int, Any, Any]
#: beginnings of calls that change nothing
_READS = ("Describe", "List", "Get", "Head", "Assume", "Simulate")

lateness = Lateness()


def late(response: Any, call: Call, answer: Answer, reads: int) -> Answer:
    """The answer to a call while lists are ``reads`` answers behind, 0 for lists that are not; a change is noted."""
    name = f"{call.service}:{call.operation}"
    if answer[0] >= 300 or call.service == "s3" or not (name in LATE or not call.operation.startswith(_READS)):
        return answer
    if name not in LATE:
        lateness.note(call.operation, check.parameters(response), _parsed(response, answer))
        return answer
    listing = LATE[name]
    wanted = asked(listing, check.parameters(response))
    if wanted is None or not reads:
        return answer
    said = _parsed(response, answer)
    items = said.get(listing.key) or []
    place = f"{response.current_account} {response.region} {name}"
    more = any(said.get(token) for token in ("NextToken", "nextToken", "Marker", "NextMarker", "PaginationToken"))
    said[listing.key] = lateness.listed(place, listing, wanted, items, last=not more, reads=reads)
    return _written(response, answer, said)


def _parsed(response: Any, answer: Answer) -> dict[str, Any]:
    status, headers, body = answer
    text = body.encode() if isinstance(body, str) else body or b""
    if text.startswith(b"{"):
        found: dict[str, Any] = json.loads(text)
        return found
    model = get_service_model(response.boto3_service_name)
    shape = model.operation_model(response._get_action()).output_shape
    parser = create_parser(response.determine_response_protocol(model))
    said: dict[str, Any] = parser.parse({"status_code": status, "headers": headers, "body": text}, shape)
    said.pop("ResponseMetadata", None)
    return said


def _written(response: Any, answer: Answer, said: Mapping[str, Any]) -> Answer:
    status, headers, body = answer
    if body[:1] in ("{", b"{"):
        return status, headers, json.dumps(said)
    response._sandbox_page = None  # it is cut already
    status, headers, body = response.serialized(ActionResult(said))
    headers, body = response._enrich_response(headers, body)
    return status, headers, body
