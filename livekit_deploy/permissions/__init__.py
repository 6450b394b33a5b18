"""The smallest IAM policy with which one environment's `up` and `down` work.

Each part is small enough to be a managed policy of its own (IAM user guide, "IAM and STS character quotas"). Actions,
resource types and condition keys follow the Service Authorization Reference; a test holds every statement to it and
every call of a run to the policy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from livekit_deploy.config import Environment
from livekit_deploy.errors import UsageError
from livekit_deploy.permissions import (
    access,
    cluster,
    dns_and_balancers,
    network,
    prerequisites,
    redis_and_secrets,
    state,
)
from livekit_deploy.permissions.statement import Scope, Statement

#: characters of a managed policy, blanks not counted
MANAGED_POLICY = 6144
#: managed policies that a role takes, unless Service Quotas gave it more
POLICIES_OF_ROLE = 10
#: statements that `up` and `down` can do without
OPTIONAL = {prerequisites.LIST_PRICES}

_PARTS = {
    "prerequisites": prerequisites.statements,
    "state": state.statements,
    "network": network.statements,
    "access": access.statements,
    "cluster": cluster.statements,
    "services": redis_and_secrets.statements,
    "front": dns_and_balancers.statements,
}


def parts(env: Environment, *, account: str) -> dict[str, dict[str, Any]]:
    """The policy in parts by subject, each a document that fits into a managed policy.

    A subject that does not fit into one continues in a second, ``network-2``. Raises `UsageError` where one statement
    alone is too long.
    """
    scope = Scope(env, account)
    return {name: document for subject, made in _PARTS.items() for name, document in _split(subject, made(scope))}


def length(document: Mapping[str, Any]) -> int:
    """How long IAM finds a document (IAM user guide, "IAM and STS character quotas"): white space does not count."""
    return len(json.dumps(document, separators=(",", ":")))


def _split(subject: str, statements: Iterable[Statement]) -> Iterator[tuple[str, dict[str, Any]]]:
    held: list[Statement] = []
    number = 1
    for statement in statements:
        if length(_document([statement])) > MANAGED_POLICY:
            raise UsageError(
                f"{statement.sid} alone is longer than a managed policy may be ({MANAGED_POLICY} characters)",
                hint="shorten what it repeats: name, project, iam.path or the domains",
            )
        if held and length(_document([*held, statement])) > MANAGED_POLICY:
            yield _numbered(subject, number), _document(held)
            held, number = [], number + 1
        held.append(statement)
    if held:
        yield _numbered(subject, number), _document(held)


def _numbered(subject: str, number: int) -> str:
    return subject if number == 1 else f"{subject}-{number}"


def policy(env: Environment, *, account: str) -> dict[str, Any]:
    """The whole policy as one document."""
    found = parts(env, account=account).values()
    return {"Version": "2012-10-17", "Statement": [statement for part in found for statement in part["Statement"]]}


def actions(document: Mapping[str, Any]) -> list[str]:
    """Every action that a document allows, each once."""
    return sorted({action for statement in document["Statement"] for action in statement["Action"]})


def _document(statements: Iterable[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement.plain() for statement in statements]}
