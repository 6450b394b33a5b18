"""The policies of a caller: an IAM user or role; the sandbox's own user may do everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from livekit_deploy.sandbox.aws.iam.policy_statements import Statement, applies, read
from livekit_deploy.sandbox.rights.asked import Request
from livekit_deploy.sandbox.rights.keys import let_in


@dataclass(frozen=True)
class Caller:
    """``arn`` is that of the session, ``principal`` that of its user or role."""

    arn: str
    principal: str
    policies: list[Statement] = field(default_factory=list)
    #: None where there is no boundary
    boundary: list[Statement] | None = None

    def allows(self, request: Request) -> tuple[bool, list[str]]:
        """Whether it may, and the statements of its own policies that let it, by their Sid."""
        own = [one for one in self.policies if applies(one, request.action, request.resource, request.context)]
        effects = {one["Effect"] for one in own}
        if self.boundary is not None:
            edge = {one["Effect"] for one in self.boundary if applies(one, *_asked(request))}
            effects -= set() if "Allow" in edge else {"Allow"}
            effects |= edge & {"Deny"}
        if request.policy:
            said, delegated = let_in(request.policy, self.principal, request.action, request.context)
            effects = (effects if delegated else effects - {"Allow"}) | said
        sids = [str(one.get("Sid", "")) for one in own if one["Effect"] == "Allow"]
        return "Allow" in effects and "Deny" not in effects, sids


def _asked(request: Request) -> tuple[str, str, Any]:
    return request.action, request.resource, request.context


def caller(account: str, partition: str, access_key: str) -> Caller | None:
    """Whoever signs with this key; None for whom IAM does not know, who may do everything here."""
    backend = iam_backends[account][partition]
    session = sts_backends[account][partition].get_assumed_role_from_access_key(access_key)
    if session is not None:
        found = next((one for one in backend.roles.values() if one.arn == session.role_arn), None)
        arn = session.arn
    else:
        found = backend.get_user_from_access_key_id(access_key)
        arn = found.arn if found else ""
    if found is None:
        return None
    statements = [statement for text in documents(backend, found) for statement in read(text)]
    return Caller(arn, found.arn, statements, _boundary(backend, found))


def documents(backend: Any, principal: Any) -> Iterator[str]:
    """The policies of a user, role or group, and those of a user's groups."""
    yield from (policy if isinstance(policy, str) else json.dumps(policy) for policy in principal.policies.values())
    yield from (document(policy) for policy in principal.managed_policies.values())
    for group in backend.groups.values():
        if principal in group.users:
            yield from documents(backend, group)


def document(policy: Any) -> str:
    """The version of a managed policy that is in force."""
    return next(str(one.document) for one in policy.versions if one.is_default)


def _boundary(backend: Any, principal: Any) -> list[Statement] | None:
    arn = getattr(principal, "permissions_boundary_arn", None)
    return read(document(backend.get_policy(arn))) if arn else None
