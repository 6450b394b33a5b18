"""Lists in pages, by ``limit`` and ``continue``.

Source: Kubernetes API concepts, "Retrieving large results sets in chunks".
"""

from __future__ import annotations

import base64
import json
from typing import Any

from livekit_deploy.sandbox.cluster.objects.errors import ApiError

Obj = dict[str, Any]


def page(items: list[Obj], query: dict[str, str], version: int) -> tuple[list[Obj], Obj]:
    """(the objects of one page, what the metadata of the list says of the others); raises `ApiError` 400.

    ``items`` are all of them, by namespace and name.
    """
    first = _start(query.get("continue"))
    left = [item for item in items if first is None or _key(item) > first]
    size = _number(query.get("limit"))
    if not size or len(left) <= size:
        return left, {}
    more: Obj = {"continue": _token(_key(left[size - 1]), version)}
    if not query.get("labelSelector") and not query.get("fieldSelector"):
        more["remainingItemCount"] = len(left) - size
    return left[:size], more


def _key(item: Obj) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _token(after: tuple[str, str], version: int) -> str:
    said = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": "/".join(after)})
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def _start(token: str | None) -> tuple[str, str] | None:
    if not token:
        return None
    try:
        said = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, _, name = str(said["start"]).partition("/")
    except (ValueError, KeyError, TypeError) as error:
        raise ApiError(400, f"invalid continue token: continue key is not valid: {error}") from error
    return namespace, name


def _number(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError as error:
        raise ApiError(400, f"limit: Invalid value: {text!r}") from error
