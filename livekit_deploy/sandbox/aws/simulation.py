"""IAM's policy simulator: whether given policies allow an action on a resource, by the statements alone.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.responses import IamResponse

from livekit_deploy.sandbox.aws.iam import USER

#: the sandbox's own user, whom IAM does not show, may do everything
_EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'

Item = dict[str, Any]
Context = Mapping[str, Sequence[str]]
Test = Callable[[str, str], bool]


def _like(value: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


#: condition operator → how one value of the context meets one of the policy
_OPERATORS: dict[str, Test] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}


def install() -> None:
    """Give IAM its simulator."""
    for operation, documents in {
        "simulate_custom_policy": _given,
        "simulate_principal_policy": _of_principal,
    }.items():
        setattr(IamResponse, operation, _operation(documents))


def _operation(documents: Callable[[Any], list[str]]) -> Callable[[Any], ActionResult]:
    def answer(response: Any) -> ActionResult:
        policies = [_statements(text) for text in documents(response)]
        boundaries = [_statements(text) for text in _boundaries(response)]
        entries = response._get_param("ContextEntries", [])
        context = {one["ContextKeyName"].lower(): one["ContextKeyValues"] for one in entries}
        results = [
            {
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": _decision(policies, boundaries, action, resource, context),
                "MatchedStatements": [],
                "MissingContextValues": [],
            }
            for action in response._get_param("ActionNames", [])
            for resource in response._get_param("ResourceArns", None) or ["*"]
        ]
        return ActionResult({"EvaluationResults": results, "IsTruncated": False})

    return answer


# ---- whose policies


def _given(response: Any) -> list[str]:
    return list(response._get_param("PolicyInputList", []) or [])


def _of_principal(response: Any) -> list[str]:
    if response._get_param("PolicySourceArn") == f"arn:aws:iam::{response.current_account}:user/{USER}":
        return [_EVERYTHING]
    return [*_policies(response.backend, _principal(response)), *_given(response)]


def _principal(response: Any) -> Any:
    arn = response._get_param("PolicySourceArn")
    entities = (*response.backend.users.values(), *response.backend.roles.values(), *response.backend.groups.values())
    found = next((one for one in entities if one.arn == arn), None)
    if found is None:
        raise NotFoundException(f"The entity {arn} cannot be found.")
    return found


def _policies(backend: Any, principal: Any) -> Iterator[str]:
    yield from (policy if isinstance(policy, str) else json.dumps(policy) for policy in principal.policies.values())
    yield from (_document(policy) for policy in principal.managed_policies.values())
    for group in backend.groups.values():
        if principal in group.users:
            yield from _policies(backend, group)


def _document(policy: Any) -> str:
    return next(str(one.document) for one in policy.versions if one.is_default)


def _boundaries(response: Any) -> list[str]:
    given = list(response._get_param("PermissionsBoundaryPolicyInputList", []) or [])
    source = str(response._get_param("PolicySourceArn") or "")
    if given or not source or source.endswith(f":user/{USER}"):
        return given
    arn = getattr(_principal(response), "permissions_boundary_arn", None)
    return [_document(response.backend.get_policy(arn))] if arn else []


# ---- what they say


def _statements(text: str) -> list[Item]:
    found = json.loads(text)["Statement"]
    return found if isinstance(found, list) else [found]


def _decision(
    policies: list[list[Item]], boundaries: list[list[Item]], action: str, resource: str, context: Context
) -> str:
    def effects(documents: list[list[Item]]) -> set[str]:
        every = (statement for document in documents for statement in document)
        return {one["Effect"] for one in every if _applies(one, action, resource, context)}

    own, edge = effects(policies), effects(boundaries)
    if "Deny" in own | edge:
        return "explicitDeny"
    return "allowed" if "Allow" in own and (not boundaries or "Allow" in edge) else "implicitDeny"


def _applies(statement: Item, action: str, resource: str, context: Context) -> bool:
    if "NotAction" in statement:
        acts = not any(_like(action.lower(), one.lower()) for one in _listed(statement["NotAction"]))
    else:
        acts = any(_like(action.lower(), one.lower()) for one in _listed(statement.get("Action")))
    if "NotResource" in statement:
        covers = not any(_like(resource, one) for one in _listed(statement["NotResource"]))
    else:
        covers = any(_like(resource, one) for one in _listed(statement.get("Resource")))
    conditions = statement.get("Condition", {}).items()
    return acts and covers and all(_met(operator, wanted, context) for operator, wanted in conditions)


def _met(operator: str, wanted: Mapping[str, Any], context: Context) -> bool:
    return all(_meets(operator, context.get(key.lower()), _listed(values)) for key, values in wanted.items())


def _meets(operator: str, values: Sequence[str] | None, wanted: list[str]) -> bool:
    """One key of a condition; a key that is absent meets what is negated, ``…IfExists`` and ``ForAllValues``."""
    if operator == "Null":
        return (values is None) == (wanted[0].lower() == "true")
    every = operator.startswith("ForAllValues:")
    name = operator.rpartition(":")[2]
    optional, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    negated, name = "Not" in name, name.replace("Not", "")
    if values is None:
        return optional or negated or every
    test = _OPERATORS[name]
    met = [any(test(value, one) for one in wanted) is not negated for value in values]
    return all(met) if every or negated else any(met)


def _listed(value: Any) -> list[str]:
    return [] if value is None else [str(one) for one in value] if isinstance(value, list) else [str(value)]
