"""Sends once more what was applied, as something new and without keeping it, to hear what the API server says of it."""

from __future__ import annotations

import re
from typing import Any

from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from tests.real.control import Change, ControlPlane

Obj = dict[str, Any]
SPACE = "replayed"
_INSIDE = re.compile(r"/namespaces/([^/]+)/")
#: the name of one says what it defines
_DEFINITIONS = "/customresourcedefinitions/"


def said_of(plane: ControlPlane, change: Change) -> list[str]:
    """The warnings, or why it is refused: every field must be known, and none of them deprecated."""
    path, body = _elsewhere(change.path.partition("?")[0], change.body)
    try:
        answer = plane.wire.answer(
            "PATCH",
            path,
            body,
            "application/apply-patch+yaml",
            **{"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "replay", "force": "true"},
        )
    except ApiError as error:
        return [f"{change}: refused: {error.message}"]
    return [f"{change}: {warning}" for warning in answer.headers.getlist("Warning")]


def space(plane: ControlPlane) -> None:
    """Make the namespace in which it is replayed."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    plane.wire.ask("PATCH", f"/api/v1/namespaces/{SPACE}", body, "application/apply-patch+yaml", fieldManager="replay")


def _elsewhere(path: str, body: Obj) -> tuple[str, Obj]:
    """Where nothing is yet: what is new is looked at more closely than what changes."""
    metadata = dict(body["metadata"])
    if _INSIDE.search(path):
        metadata["namespace"] = SPACE
        return _INSIDE.sub(f"/namespaces/{SPACE}/", path, count=1), {**body, "metadata": metadata}
    if _DEFINITIONS in path:
        return path, body
    metadata["name"] += "-replayed"
    return f"{path}-replayed", {**body, "metadata": metadata}
