"""The API's errors as Status objects.

Source: Kubernetes API conventions.
"""

from __future__ import annotations

from typing import Any

from livekit_deploy.sandbox.cluster.objects.kinds import Kind

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
}


#: what says nothing but its message
_BARE = (400, 401)


class ApiError(Exception):
    """``code`` is the HTTP status, ``details`` what the Status carries beside reason and message.

    ``reason`` None is an error that the API server does not know the kind of: its Status has none either.
    """

    def __init__(self, code: int, message: str, reason: str | None = "", **details: Any) -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.details = {key: value for key, value in details.items() if value}
        self.reason = _REASONS.get(code, "Unknown") if reason == "" else reason

    def status(self) -> dict[str, Any]:
        """The Status object."""
        found = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        found |= {"reason": self.reason} if self.reason else {}
        bare = not self.details and (self.code in _BARE or not self.reason)
        return {**found, **({} if bare else {"details": self.details}), "code": self.code}

    @property
    def headers(self) -> dict[str, str]:
        """What its answer carries beside the Status."""
        seconds = self.details.get("retryAfterSeconds")
        return {"Retry-After": str(seconds)} if seconds is not None else {}


class Bare(ApiError):
    """What is refused before anybody knows what is asked for: plain text, and no Status."""


class NoSuchPage(Bare):
    """Nobody serves the path: Go's own answer."""

    def __init__(self) -> None:
        super().__init__(404, "404 page not found")


class TooManyRequests(Bare):
    """There is no room for it (Kubernetes, "API Priority and Fairness")."""

    def __init__(self, message: str) -> None:
        super().__init__(429, message, retryAfterSeconds=1)


def unknown_path() -> ApiError:
    """No such resource type in a group that is served."""
    return ApiError(404, "the server could not find the requested resource")


def forbidden(kind: Kind, name: Any, why: str, **details: Any) -> ApiError:
    """What admission refuses, whoever asks."""
    said = f'{kind.qualified} "{name}" is forbidden: {why}'
    return ApiError(403, said, name=name, group=kind.group, kind=kind.plural, **details)


def required(kind: str, name: str, field: str, what: str) -> ApiError:
    """A value that is missing."""
    said = f"Required value: {what}"
    cause = {"reason": "FieldValueRequired", "message": said, "field": field}
    short, _, group = kind.partition(".")
    whole = {"name": name, "group": group, "kind": short, "causes": [cause]}
    return ApiError(422, f'{kind} "{name}" is invalid: {field}: {said}', "", **whole)


def invalid(kind: str, name: str, field: str, what: str) -> ApiError:
    """A value that validation refuses."""
    cause = {"reason": "FieldValueInvalid", "message": what, "field": field}
    return ApiError(422, f'{kind} "{name}" is invalid: {field}: {what}', name=name, kind=kind, causes=[cause])
