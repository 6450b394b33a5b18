"""The least policy that one environment's `up` and `down` need, for the role that runs them.

Each part is small enough to be a managed policy of its own (IAM user guide, "IAM and STS character quotas"). Actions,
resource types and condition keys follow the Service Authorization Reference; a test holds every statement to it and
every call of a run to the policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from livekit_deploy.permissions import access, cluster, front, network, prerequisites, services, state
from livekit_deploy.permissions.statement import Scope, Statement

if TYPE_CHECKING:
    from livekit_deploy.config import Environment

#: characters of a managed policy, blanks not counted
MANAGED_POLICY = 6144
#: statements that `up` and `down` can do without
OPTIONAL = {prerequisites.LIST_PRICES}

_PARTS = {
    "prerequisites": prerequisites.statements,
    "state": state.statements,
    "network": network.statements,
    "access": access.statements,
    "cluster": cluster.statements,
    "services": services.statements,
    "front": front.statements,
}


def parts(env: Environment, *, account: str) -> dict[str, dict[str, Any]]:
    """The policy in parts by subject, each a document that fits into a managed policy."""
    scope = Scope(env, account)
    return {name: _document(made(scope)) for name, made in _PARTS.items()}


def policy(env: Environment, *, account: str) -> dict[str, Any]:
    """The whole policy as one document."""
    found = parts(env, account=account).values()
    return {"Version": "2012-10-17", "Statement": [statement for part in found for statement in part["Statement"]]}


def actions(document: Mapping[str, Any]) -> list[str]:
    """Every action that a document allows, each once."""
    return sorted({action for statement in document["Statement"] for action in statement["Action"]})


def _document(statements: Iterable[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement.plain() for statement in statements]}
