"""Translates answers of a cluster's API: refusals into our errors, and warnings.

A refusal is a Status object, and its reason tells the kind of it. What an API server says before it knows what is asked
for has none (a group that it does not serve, too many requests, a time limit): there the HTTP status tells, as it does
for client-go. Every answer of an API server carries an Audit-Id. What has neither comes from something in between and
says nothing about the cluster, least of all that something is not there.
Sources: Kubernetes API conventions, "Response Status Kind"; k8s.io/apiserver, audit; RFC 7234, 5.5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from livekit_deploy.base.clock import http_date
from livekit_deploy.errors import Absent, Conflict, Denied, ResourceError

_ID = "kubernetes"  # its API gives its requests no ids
NO_ACCESS = "add the role or user to cluster.admins"
_SET_THE_CLOCK = "set the clock of this machine (timedatectl set-ntp true), and run the same command again"
#: seconds between two clocks from which a token, which is good for a quarter of an hour, is in doubt
_ASKEW = 300
_RUN_AGAIN = "run the same command again: it continues from here"
_RULES = "a rule of the cluster refuses it: see its admission policies, its quotas and limits"
#: HTTP status → reason, where the answer gives none
_REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    422: "Invalid",
    429: "TooManyRequests",
    502: "ServiceUnavailable",
    503: "ServiceUnavailable",
    504: "Timeout",
}
#: an error that the API server has no reason for, but that is one of what was sent
_TYPED = "failed to create typed patch object"
_KINDS: dict[str, type[ResourceError]] = {"NotFound": Absent, "Conflict": Conflict, "AlreadyExists": Conflict}
_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Refusal:
    """An answer with an HTTP status of 400 or more."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Mapping[str, Any] | None:
        """The Status object, None where the answer has none."""
        try:
            found = json.loads(self.body or b"null")
        except ValueError:
            return None
        return found if isinstance(found, Mapping) and found.get("kind") == "Status" else None

    @property
    def of_the_api(self) -> bool:
        """Whether an API server gave it, and not something on the way there."""
        return self.said is not None or "Audit-Id" in self.headers

    def error(self, call: str) -> ResourceError:
        """Our error for it; ``call`` is what was asked, such as ``GET /api/v1/nodes``."""
        said = self.said or {}
        message = str(said.get("message") or self.body[:200].decode("utf-8", "replace").strip())
        reason = str(said.get("reason") or self._reason(message))
        where = f"{call}: {message or f'HTTP {self.status}'}"
        if reason == "Unauthorized" and (askew := self._askew()):
            return Denied(f"{askew} ({where})", code="ClockSkew", request_id=_ID, hint=_SET_THE_CLOCK)
        if reason == "Unauthorized":
            unknown = f"the cluster does not know this caller ({where})"
            return Denied(unknown, code=reason, request_id=_ID, hint=NO_ACCESS)
        if reason == "Forbidden" and not of_a_rule(message):
            return Denied(f"the cluster forbids {where}", code=reason, request_id=_ID, hint=NO_ACCESS)
        hint = _RULES if reason == "Forbidden" and "terminat" not in message else _RUN_AGAIN
        return _KINDS.get(reason, ResourceError)(where, code=reason, request_id=_ID, hint=hint)

    def _askew(self) -> str:
        """How wrong this machine's clock is, "" where a token signed by it is good."""
        now = http_date(self.headers.get("Date"))
        ahead = (datetime.now(UTC) - now).total_seconds() if now is not None else 0.0
        if abs(ahead) < _ASKEW:
            return ""
        said = f"{abs(ahead) / 60:.0f} minutes {'ahead of' if ahead > 0 else 'behind'}"
        return f"the clock of this machine is {said} the cluster's, so the cluster accepts no token"

    def _reason(self, message: str) -> str:
        if message.startswith(_TYPED):
            return "Invalid"
        return _REASONS.get(self.status, "InternalError" if self.status >= 500 else str(self.status))


def of_a_rule(message: str) -> bool:
    """Whether admission forbids it (a quota, a policy, a namespace that ends), and not the caller's want of rights."""
    low = message.lower()
    if low.startswith("admission webhook "):
        return True
    return " is forbidden: " in low and 'forbidden: user "' not in low


def warnings(headers: Any) -> Iterator[str]:
    """What the API server warns of: fields that it does not know, versions that it will not serve for ever."""
    for line in headers.getlist("Warning"):
        for text in _WARNING.findall(line):
            yield re.sub(r"\\(.)", r"\1", text)
