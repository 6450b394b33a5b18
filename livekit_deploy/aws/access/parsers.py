"""botocore's response parsers, changed so that an answer that cannot be parsed always raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore import parsers

#: what botocore lets out where an answer is another than its model says
_LEAKED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class _ListsOnly(parsers.BaseJSONParser):  # type: ignore[misc]
    """botocore takes the letters of a text, or the keys of a map, for the entries of a list."""

    def _handle_list(self, shape: Any, node: Any) -> Any:
        if not isinstance(node, list):
            raise parsers.ResponseParserError(f"{shape.name} is not a list")
        return super()._handle_list(shape, node)


class _Json(_ListsOnly, parsers.JSONParser):  # type: ignore[misc]
    pass


class _RestJson(_ListsOnly, parsers.RestJSONParser):  # type: ignore[misc]
    pass


_PARSERS = {**parsers.PROTOCOL_PARSERS, "json": _Json, "rest-json": _RestJson}


class _Saying:
    """A parser that raises nothing but `ResponseParserError`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        try:
            parsed = self._inner.parse(response, shape)
        except _LEAKED as error:
            raise parsers.ResponseParserError(f"{type(error).__name__}: {error}") from error
        if not isinstance(parsed, dict):
            raise parsers.ResponseParserError("it has no fields")
        return parsed


class Parsers(parsers.ResponseParserFactory):  # type: ignore[misc]
    """Gives a client the parser of its protocol."""

    def create_parser(self, protocol_name: str) -> Any:
        return _Saying(_PARSERS[protocol_name](**self._defaults))
