"""Pages the answers of every Describe and List operation that AWS pages.

How each operation asks and answers is in botocore's own paginators. What moto pages by itself is left as it is, and
so are Route 53's records, whose next page begins with a name.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import DataNotFoundError
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_pagination_model

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

_MARK = "sandbox-page-"
_largest = math.inf
corrected = Corrections()
install = corrected.install


@corrected(BaseResponse)
def call_action(original: Original, response: Any) -> Any:
    how = _paging(response.boto3_service_name, response._get_action())
    response._sandbox_page = _Page(response, how) if how else None
    status, headers, body = original()
    page = response._sandbox_page
    if page is not None and not page.seen and status == 200 and isinstance(body, str) and body.startswith("{"):
        result = json.loads(body)
        page.cut(result)
        body = json.dumps(result)
    return status, headers, body


@corrected(BaseResponse)
def serialized(original: Original, response: Any, result: ActionResult) -> Any:
    page = getattr(response, "_sandbox_page", None)
    if page is not None and isinstance(result.result, dict):
        page.cut(result.result)
    return original(result)


@contextmanager
def short(size: int) -> Iterator[None]:
    """No page is longer than ``size``, whatever is asked for: AWS may answer so at any time."""
    global _largest
    before, _largest = _largest, size
    try:
        yield
    finally:
        _largest = before


@functools.cache
def _paging(service: str, operation: str) -> Mapping[str, Any] | None:
    """How an operation pages, where it does so by one token."""
    try:
        how: Mapping[str, Any] | None = get_pagination_model(service).get(operation)
    except DataNotFoundError:
        return None
    single = how is not None and isinstance(how["input_token"], str) and isinstance(how["result_key"], str)
    return how if single else None


class _Page:
    """What one request asks for: so many items from so far on."""

    def __init__(self, response: Any, how: Mapping[str, Any]) -> None:
        self._how = how
        limit, token = response._get_param(how.get("limit_key", "")), response._get_param(how["input_token"])
        self._size = min(int(limit) if limit else math.inf, _largest)
        self._from = 0
        self.seen = False
        if isinstance(token, str) and token.startswith(_MARK):
            self._from = int(token.removeprefix(_MARK))
            _hide(response, how["input_token"])

    def cut(self, result: dict[str, Any]) -> None:
        """Leave this page of a result, and the token of the next."""
        key, token = self._how["result_key"], self._how["output_token"]
        items = result.get(key)
        self.seen = True
        if items is None or result.get(token):  # nothing, or paged already
            return
        found = list(items)
        end = min(self._from + self._size, len(found))
        result[key] = found[self._from : int(end)]
        if end < len(found):
            result[token] = f"{_MARK}{end}"
        if "more_results" in self._how:
            result[self._how["more_results"]] = end < len(found)


def _hide(response: Any, name: str) -> None:
    """A token of ours is none of moto's."""
    for known in (response.querystring, getattr(response, "params", None)):
        if known is not None:
            known.pop(name, None)
    if isinstance(response.body, str) and response.body.startswith("{"):
        response.body = json.dumps({key: value for key, value in json.loads(response.body).items() if key != name})
