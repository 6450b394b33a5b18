"""What the API refuses, in the form that clients parse: a Status object. Source: Kubernetes API conventions."""

from __future__ import annotations

from typing import Any

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
    500: "InternalError",
}


class ApiError(Exception):
    """``code`` is the HTTP status, ``details`` what the Status carries beside reason and message."""

    def __init__(self, code: int, message: str, reason: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details
        self.reason = reason or _REASONS.get(code, "Unknown")

    def status(self) -> dict[str, Any]:
        """The Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": {key: value for key, value in self.details.items() if value},
            "code": self.code,
        }


def unknown_path() -> ApiError:
    """No such resource type."""
    return ApiError(404, "the server could not find the requested resource")


def invalid(kind: str, name: str, field: str, what: str) -> ApiError:
    """A value that validation refuses."""
    cause = {"reason": "FieldValueInvalid", "message": what, "field": field}
    return ApiError(422, f'{kind} "{name}" is invalid: {field}: {what}', name=name, kind=kind, causes=[cause])
