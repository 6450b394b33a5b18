"""Evaluates a policy statement: whether it matches an action, a resource and the conditions of a request.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Statement = dict[str, Any]
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


def read(text: str) -> list[Statement]:
    """The statements of a document."""
    found = json.loads(text)["Statement"]
    return found if isinstance(found, list) else [found]


def applies(statement: Statement, action: str, resource: str, context: Context) -> bool:
    """Whether a statement speaks of such a request; the keys of ``context`` are in lower case."""
    if "NotAction" in statement:
        acts = not any(_like(action.lower(), one.lower()) for one in listed(statement["NotAction"]))
    else:
        acts = any(_like(action.lower(), one.lower()) for one in listed(statement.get("Action")))
    if "NotResource" in statement:
        covers = not any(_like(resource, one) for one in listed(statement["NotResource"]))
    else:
        covers = any(_like(resource, one) for one in listed(statement.get("Resource")))
    conditions = statement.get("Condition", {}).items()
    return acts and covers and all(_met(operator, wanted, context) for operator, wanted in conditions)


def _met(operator: str, wanted: Mapping[str, Any], context: Context) -> bool:
    return all(_meets(operator, context.get(key.lower()), listed(values)) for key, values in wanted.items())


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


def listed(value: Any) -> list[str]:
    """An element that may be one text or a list of them."""
    return [] if value is None else [str(one) for one in value] if isinstance(value, list) else [str(value)]


def trusts(document: Any, service: str, source: str) -> bool:
    """Whether a trust policy lets a service take on the role for the object with the ARN ``source``.

    EKS user guide, "Cross-service confused deputy prevention": a service says for whom, and may be asked for it.
    """
    context = {"aws:sourcearn": [source], "aws:sourceaccount": [source.split(":")[4]]}
    return any(
        service in listed(statement.get("Principal", {}).get("Service"))
        and statement["Effect"] == "Allow"
        and applies({**statement, "Resource": "*"}, "sts:AssumeRole", "*", context)
        for statement in read(document if isinstance(document, str) else json.dumps(document))
    )
