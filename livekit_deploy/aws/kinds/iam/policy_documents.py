"""IAM policy documents: our templates, the text for IAM, and a normal form for comparison.

A template says ``${partition}`` where a partition belongs and ``${anything}`` for a value that the caller supplies.
IAM's own policy variables hold a colon (``${aws:username}``) and are left alone. Two documents are equal when they
allow the same: one string and a list of that one string are the same, order in lists of strings does not count, and
the partition of an ARN is that of the account they are in. Conditions on the source of a call
(``aws:SourceAccount``, ``aws:SourceArn``) are compared as templates: ``${account}``, ``${region}`` and ``${prefix}``
stand there for what is our own, and for nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from livekit_deploy.aws.access.answers import odd

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_PARTITION = re.compile(r"\barn:aws[\w-]*:")
_SCALARS = {"Version", "Sid", "Effect", "Id"}
_SOURCES = {"aws:SourceAccount", "aws:SourceArn"}


def render(template: Any, values: Mapping[str, str]) -> Any:
    """A copy of ``template`` in which every known placeholder, in keys as well, is replaced; others stay."""
    if isinstance(template, Mapping):
        return {_fill(str(key), values): render(item, values) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [render(item, values) for item in template]
    return _fill(template, values) if isinstance(template, str) else template


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), text)


def normal(document: Any, own: Mapping[str, str] | None = None) -> Any:
    """The comparable form of a document, given as a mapping or as the text that IAM returns.

    ``own`` are the values that the templates' placeholders have here.
    """
    try:
        if isinstance(document, str):
            document = json.loads(unquote(document) if document.lstrip().startswith("%") else document)
        return _normal(document, "", own or {})
    except (ValueError, TypeError, RecursionError) as error:
        raise odd("iam", "a policy", "it is not a policy in JSON") from error


def _normal(value: Any, key: str, own: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {_neutral(str(name)): _normal(item, str(name), own) for name, item in value.items()}
    if key == "Statement":
        statements = value if isinstance(value, list) else [value]
        return [_normal(item, "", own) for item in statements]
    if isinstance(value, str) and key in _SCALARS:
        return value
    items = list(value) if isinstance(value, list | tuple) else [value]
    if key in _SOURCES:
        items = [_template(item, own) for item in items]
    return sorted(_neutral(item) if isinstance(item, str) else json.dumps(item) for item in items)


def _template(value: Any, own: Mapping[str, str]) -> Any:
    for name, said in own.items():
        if name != "partition":  # of ARNs, which are neutral anyway
            value = re.sub(rf"(?<![\w-]){re.escape(said)}(?!\w)", f"${{{name}}}", value)
    return value


def _neutral(text: str) -> str:
    return _PARTITION.sub("arn:${partition}:", text)


def text(document: Any, values: Mapping[str, str]) -> str:
    """What IAM is given: the document with these values, without the blanks that count towards IAM's limits."""
    return json.dumps(render(document, values), separators=(",", ":"))


def shown_statement(statement: Mapping[str, Any]) -> str:
    """A statement of a resource's policy as the plan shows it: whom it lets do what."""
    who = statement.get("Principal") or {"all but": statement.get("NotPrincipal")}
    whom = [who] if isinstance(who, str) else [str(one) for ones in who.values() for one in _list(ones)]
    what = _list(statement.get("Action") or statement.get("NotAction"))
    under = " under conditions" if statement.get("Condition") else ""
    return f"{statement['Effect']} {', '.join(sorted(whom))}: {', '.join(sorted(map(str, what)))}{under}"


def statements(document: str) -> list[Mapping[str, Any]]:
    """The statements of a policy, given as the text that AWS returns."""
    return _list(json.loads(document).get("Statement", []))


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
