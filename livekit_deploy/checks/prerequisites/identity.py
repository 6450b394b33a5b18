"""Checks whose credentials these are, how long they last, and whether they allow `up` and `down`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from livekit_deploy import permissions
from livekit_deploy.aws.access.account import Identity
from livekit_deploy.aws.access.answers import odd
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.credentials import session_end
from livekit_deploy.checks.finding import Trouble
from livekit_deploy.checks.prerequisites.context import PrerequisitesContext
from livekit_deploy.config import Environment
from livekit_deploy.errors import ConfigError, Denied, WrongAccount
from livekit_deploy.state.limits import Limits

LEAST_LEASE = 60  # seconds, on AWS
_MARGIN = 1.5  # how much longer than usual `up` may take
_NAMED = 6
_AT_ONCE = 4  # IAM throttles its simulator early


def right_account(who: Identity, env: Environment) -> None:
    """Raise `WrongAccount` where the credentials are for another account than that of the file."""
    if env.account_id and who.account != env.account_id:
        raise WrongAccount(
            f"the credentials are for account {who.account}, the environment is for {env.account_id}: {who.arn}",
            hint="set AWS_PROFILE or --profile to the right account",
        )


def long_lease(clients: Clients, env: Environment) -> None:
    """Raise `ConfigError` where a lease on AWS is one for rehearsals: a call would have a second to connect."""
    seconds = env.state.lease_seconds
    if seconds < LEAST_LEASE and not clients.on_this_machine:
        raise ConfigError(
            f"state.lease_seconds is {seconds}: on AWS a lease lasts at least {LEAST_LEASE} s, "
            f"and a call may take {Limits(LEAST_LEASE).call:.0f}",
            hint=f"write at least {LEAST_LEASE}, or leave it out; less is for rehearsals: --sandbox, or an "
            "AWS_ENDPOINT_URL on this machine",
            field="state.lease_seconds",
        )


def identity(survey: PrerequisitesContext) -> str:
    """The credentials are valid, and for the account of the file."""
    who = survey.cloud.identity
    right_account(who, survey.env)
    long_lease(survey.cloud.clients, survey.env)
    return who.principal


def session(survey: PrerequisitesContext) -> str:
    """The session lasts as long as `up` takes."""
    kind, end = session_end(survey.cloud.clients)
    if end is None:
        return kind
    left = (end - datetime.now(UTC)).total_seconds()
    wanted = survey.seconds_of_up * _MARGIN
    if left < wanted:
        raise Trouble(
            f"{kind} that ends in {max(left, 0) / 60:.0f} min; up takes about {survey.seconds_of_up / 60:.0f} min",
            cause="a role's session ends after an hour, or when its MaxSessionDuration says",
            remedy="log in again, or ask for a longer session (chained roles end after an hour)",
        )
    return f"{kind} that ends in {left / 60:.0f} min; up takes about {survey.seconds_of_up / 60:.0f} min"


def rights(survey: PrerequisitesContext) -> str:
    """IAM's simulator allows us every action of this environment's policy, on its resources, that `up` needs."""
    who = survey.cloud.identity
    document = permissions.policy(survey.env, account=who.account)
    statements = [one for one in document["Statement"] if one["Sid"] not in permissions.OPTIONAL]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            denied = [action for found in pool.map(lambda one: _denied(survey, one), statements) for action in found]
        except Denied as error:
            raise Trouble(
                "the permissions cannot be checked: iam:SimulatePrincipalPolicy is refused",
                cause=error.message,
                remedy=f"allow it, or attach the policy that this prints: livekit-deploy iam-policy --env "
                f"{survey.env.name}",
            ) from error
    if denied:
        names = sorted(set(denied))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise Trouble(
            f"{len(names)} actions are refused: {', '.join(names[:_NAMED])}{more}",
            cause=f"the policies of {who.principal}, its boundary or its organization do not allow them",
            remedy=f"attach the policy that this prints: livekit-deploy iam-policy --env {survey.env.name}",
        )
    return f"{len(permissions.actions({'Statement': statements}))} actions are allowed"


def _denied(survey: PrerequisitesContext, statement: Mapping[str, Any]) -> list[str]:
    results = survey.cloud.iam.pages(
        "simulate_principal_policy",
        "EvaluationResults",
        PolicySourceArn=survey.cloud.identity.principal,
        ActionNames=list(statement["Action"]),
        ResourceArns=list(statement["Resource"]),
        ContextEntries=list(_context(statement.get("Condition", {}))),
    )
    if untold := set(statement["Action"]) - {one["EvalActionName"] for one in results}:
        raise odd("iam:SimulatePrincipalPolicy", "EvaluationResults", f"says nothing of {min(untold)}")
    return [one["EvalActionName"] for one in results if one["EvalDecision"] != "allowed"]


def _context(conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A request that meets the conditions of a statement."""
    for keys in json.loads(json.dumps(conditions)).values():
        for key, value in keys.items():
            values = [value] if isinstance(value, str) else list(value)
            yield {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": values[:1]}
