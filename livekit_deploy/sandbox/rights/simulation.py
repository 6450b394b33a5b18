"""IAM's policy simulator: whether given policies allow an action on a resource.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.responses import IamResponse

from livekit_deploy.sandbox.aws.iam.policy_statements import Context, Statement, applies, read
from livekit_deploy.sandbox.aws.sts.corrections import USER
from livekit_deploy.sandbox.rights.policies import document, documents

#: the sandbox's own user, whom IAM does not show, may do everything
_EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


def install() -> None:
    """Give IAM its simulator."""
    for operation, documents_of in {
        "simulate_custom_policy": _given,
        "simulate_principal_policy": _of_principal,
    }.items():
        setattr(IamResponse, operation, _operation(documents_of))


def _operation(given: Callable[[Any], list[str]]) -> Callable[[Any], ActionResult]:
    def answer(response: Any) -> ActionResult:
        policies = [read(text) for text in given(response)]
        boundaries = [read(text) for text in _boundaries(response)]
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
    return [*documents(response.backend, _principal(response)), *_given(response)]


def _principal(response: Any) -> Any:
    arn = response._get_param("PolicySourceArn")
    entities = (*response.backend.users.values(), *response.backend.roles.values(), *response.backend.groups.values())
    found = next((one for one in entities if one.arn == arn), None)
    if found is None:
        raise NotFoundException(f"The entity {arn} cannot be found.")
    return found


def _boundaries(response: Any) -> list[str]:
    given = list(response._get_param("PermissionsBoundaryPolicyInputList", []) or [])
    source = str(response._get_param("PolicySourceArn") or "")
    if given or not source or source.endswith(f":user/{USER}"):
        return given
    arn = getattr(_principal(response), "permissions_boundary_arn", None)
    return [document(response.backend.get_policy(arn))] if arn else []


# ---- what they say


def _decision(
    policies: list[list[Statement]], boundaries: list[list[Statement]], action: str, resource: str, context: Context
) -> str:
    def effects(documents: list[list[Statement]]) -> set[str]:
        every = (statement for document in documents for statement in document)
        return {one["Effect"] for one in every if applies(one, action, resource, context)}

    own, edge = effects(policies), effects(boundaries)
    if "Deny" in own | edge:
        return "explicitDeny"
    return "allowed" if "Allow" in own and (not boundaries or "Allow" in edge) else "implicitDeny"
