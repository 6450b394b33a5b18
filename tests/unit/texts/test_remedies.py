"""A remedy can be followed: what it tells to type can be typed, what it names exists, and it says what to do.

`test_texts` and `test_hints` hold this program's commands, options and keys; here are those of other programs, values
of options, variables, rights and pages, in every text, and what all remedies have in common.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.configprovider
import botocore.session
import click
import pytest
from botocore import xform_name

import livekit_deploy
from livekit_deploy.aws.errors import client_side
from livekit_deploy.aws.errors.causes import RULES
from livekit_deploy.aws.errors.translation import _HINTS
from livekit_deploy.aws.kinds import states
from livekit_deploy.checks.verify import balancers, causes, outside
from tests.places import ROOT
from tests.service_authorization import privilege
from tests.unit.texts.commands import command, named, texts
from tests.unit.texts.hints import PUT, takes

_PRODUCT = Path(livekit_deploy.__file__).parent


def _said(value: Any, seen: set[int]) -> Iterator[str]:
    """Every text in a table of the product, as it is built."""
    if isinstance(value, str):
        yield value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for item in value.values():
            yield from _said(item, seen)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _said(item, seen)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _said(getattr(value, field.name), seen)


@functools.cache
def _built() -> frozenset[str]:
    """The texts of all tables and constants of the product's modules."""
    found: set[str] = set()
    for info in pkgutil.walk_packages(livekit_deploy.__path__, "livekit_deploy."):
        if not re.search(r"\.(sandbox|__main__)", info.name):
            for name, value in vars(importlib.import_module(info.name)).items():
                if not name.startswith("__"):
                    found.update(_said(value, set()))
    return frozenset(found)


TEXTS = sorted({text for text in (*_built(), *(text for text, _ in texts())) if " " in text})


# ---- this program


def _typed(said: str) -> str:
    """Why the real parser refuses the command that words begin with, "" where it takes it; prose may go on behind."""
    found, context, rest = command(said.split())
    if isinstance(found, click.Group):
        return ""
    choices = {
        name: option.type.choices[0]
        for option in found.params
        if isinstance(option.type, click.Choice)
        for name in option.opts
    }
    rest = [
        word.rstrip(".").replace(PUT, str(choices.get(before, 1)))
        for before, word in zip(["", *rest], rest, strict=False)
    ]
    refused = ""
    for count in range(len(rest), -1, -1):
        try:
            found.make_context(str(found.name), rest[:count], parent=context.parent)
        except click.UsageError as error:
            refused = refused or error.format_message()
            continue
        left = [word for word in rest[count:] if word.startswith("-")]
        return f"it is refused with {left[0]}: {refused}" if left else ""
    return refused


@pytest.mark.parametrize(("said", "file"), [one for one in named() if not one[0].startswith((PUT, "-"))])
def test_the_parser_takes_a_command_that_is_named(said: str, file: str) -> None:
    assert _typed(said) == ""


# ---- other programs

#: of the AWS CLI itself, behind which there is no operation of AWS (AWS CLI command reference)
_OF_THE_CLI = {("sso", "login"), ("configure", "list-profiles")}
_GLOBAL = {"profile", "region", "query", "output"}
_AWS = re.compile(r"\baws ([a-z][a-z0-9-]+) ([a-z][a-z0-9-]+)((?: (?!(?:or|and|then|tells) )[^\s;,:()]+)*)")


@functools.cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model({"configservice": "config"}.get(service, service))


def _aws() -> list[tuple[str, str, str]]:
    return sorted({one for text in TEXTS for one in _AWS.findall(text)})


@pytest.mark.parametrize(("service", "operation", "rest"), _aws())
def test_a_command_of_the_aws_cli_has_each_option_that_it_needs_and_no_other(
    service: str, operation: str, rest: str
) -> None:
    if (service, operation) in _OF_THE_CLI or service == "login":
        return
    names = {xform_name(name, "-"): name for name in _model(service).operation_names}
    assert operation in names, f"aws {service} has no {operation}"
    shape = _model(service).operation_model(names[operation]).input_shape
    members = {xform_name(name, "-"): name for name in (shape.members if shape else ())}
    given = set(re.findall(r"--([a-z0-9-]+)", rest))
    assert given - members.keys() - _GLOBAL == set()
    needed = {xform_name(name, "-") for name in (shape.required_members if shape else ())}
    assert needed - given == set(), "nobody can type it as it stands"


#: verb → what may stand behind it (kubectl reference)
_KINDS = {"pods", "pdb", "node", "nodes", "quota", "limitrange", "replicaset", "ingress", "namespace", "secret", "crds"}
_KINDS |= {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}
_VERBS = ("get", "describe", "logs", "label", "rollout", "delete", "edit", "apply", "annotate", "patch", "scale")
_KUBECTL = re.compile(rf"\bkubectl ((?:{'|'.join(_VERBS)})\b(?:(?! or | and | then | lists )[^\n;,()])*)")
_WITH_VALUE = {"-n", "-l", "-o", "--field-selector", "--namespace"}


@pytest.mark.parametrize("said", sorted({one.strip() for text in TEXTS for one in _KUBECTL.findall(text)}))
def test_a_command_of_kubectl_says_of_what(said: str) -> None:
    verb, *rest = shlex.split(said.replace(PUT, "x"))
    plain = [
        word
        for before, word in zip(["", *rest], rest, strict=False)
        if not word.startswith("-") and before not in _WITH_VALUE
    ]
    options = {word.partition("=")[0] for word in rest if word.startswith("-")}
    assert options <= _WITH_VALUE | {"-A", "--all-namespaces", "--previous"}
    if verb == "logs":
        assert plain or "-l" in options, "of which pod?"
    elif verb == "rollout":
        assert plain[0] in {"resume", "restart", "status", "undo"}
        assert "/" in plain[1]
    else:
        assert plain, "of which kind?"
        assert set(plain[0].split(",")) <= _KINDS
        assert verb == "get" or "-n" in options or len(plain) > 1, "of which one?"


# ---- what is named

_VARIABLE = re.compile(r"\b((?:AWS|LIVEKIT_DEPLOY|XDG|HTTPS?|KUBE)_[A-Z0-9_]+)(…)?")


@functools.cache
def _variables() -> set[str]:
    """What botocore reads of the environment, and what this program does by itself."""
    chain = botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES.values()
    read = {name for _, names, *_ in chain for name in ([names] if isinstance(names, str) else names or ())}
    for module in ("botocore.credentials", "botocore.utils", "botocore.configprovider", "botocore.tokens"):
        source = Path(str(importlib.import_module(module).__file__)).read_text()
        read |= set(re.findall(r"['\"](AWS_[A-Z0-9_]+)['\"]", source))
    for path in _PRODUCT.rglob("*.py"):
        read |= {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"[A-Z0-9_]+", node.value)
        }
    return read | {"HTTPS_PROXY", "HTTP_PROXY"}  # which urllib reads in lower case too


def test_a_variable_that_is_named_is_read() -> None:
    named = {match.group(1, 2) for text in TEXTS for match in _VARIABLE.finditer(text)}
    assert len(named) > 8, "nothing is found where there is much"
    unread = {
        name
        for name, more in named
        if not (any(one.startswith(name) for one in _variables()) if more else name.rstrip("_") in _variables())
        and not name.startswith("LIVEKIT_DEPLOY__")
    }
    assert unread == set()


_ACTION = re.compile(r"(?<![\w:/.-])([a-z][a-z0-9-]+):([A-Z][A-Za-z]+)(?![\w:])")


def test_a_right_that_is_named_is_one_of_iam() -> None:
    named = {(match[1], match[2]) for text in TEXTS for match in _ACTION.finditer(text) if match[1] != "aws"}
    assert ("kms", "CreateGrant") in named, "nothing is found where there is much"
    wrong = []
    for service, name in sorted(named):
        try:
            privilege(f"{service}:{name}")
        except KeyError:
            wrong.append(f"{service}:{name}")
    assert wrong == []


def test_a_page_that_is_named_is_there() -> None:
    named = {one for text in TEXTS for one in re.findall(r"\bdocs/[\w/.-]+\.md\b", text)}
    assert len(named) > 1
    assert {one for one in named if not (ROOT / one).is_file()} == set()


_EACH = re.compile(r"\b(nodes)\.\*\.([a-z_]+)(?: to (\"[^\"]*\"|[\w.-]+))?")


def test_a_key_of_each_group_of_nodes_is_one_and_takes_the_value() -> None:
    named = {match.group(2, 3) for text in TEXTS for match in _EACH.finditer(text)}
    assert len(named) > 3, "nothing is found where there is much"
    for key, value in named:
        for group in ("media", "system"):
            if value:
                takes(f"nodes.{group}.{key}", value)
            else:
                with pytest.raises((ValueError, StopIteration)) as caught:
                    takes(f"nodes.{group}.{key}", "{x: [y]}")
                assert not isinstance(caught.value, StopIteration), f"there is no nodes.{group}.{key}"


# ---- what is to be done

#: what a remedy may tell somebody to do
DO = re.compile(
    "add|allow|answer|ask|attach|cancel|change|check|choose|compare|confirm|connect|correct|create|delete|drop|edit|"
    "enable|exclude|exempt|find|finish|forget|free|give|go|have|import|install|keep|leave|let|log|look|lower|"
    "make|name|plan|put|raise|read|remove|rename|report|request|restore|run|save|say|scale|see|set|"
    "shorten|start|subscribe|switch|take|terminate|turn|type|undo|upgrade|use|wait|write"
)
#: or what it says is right to type
_TYPED = (
    PUT,
    "first: livekit-deploy ",
    "livekit-deploy ",
    "aws ",
    "kubectl ",
    "--",
    "there are: ",
    "its keys are ",
    "did you mean ",
    "use: ",
)


def _spoken(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be, with a sign for what is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else PUT for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*_spoken(node.body), *_spoken(node.orelse))
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _spoken(value)


def _remedies() -> Iterator[tuple[str, str]]:
    """Every text that is given as a hint or a remedy, or stands as one in a table, with where it is from."""
    for path in sorted(_PRODUCT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for keyword in node.keywords if isinstance(node, ast.Call) else ():
                if keyword.arg in ("hint", "remedy"):
                    yield from ((text, path.name) for text in _spoken(keyword.value) if text)
    for name, text in _tables():
        yield text, name


def _tables() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        yield "RULES", rule.cause.remedy
    for meaning in client_side.MEANINGS.values():
        yield "MEANINGS", meaning.remedy
    for cause in (*causes.PODS, *causes.LOG):
        yield "causes", cause.remedy
    for _, remedy in (*balancers._TARGETS.values(), balancers._NO_TARGET, *outside._ANSWERS.values(), outside._TIMES):
        yield "verify", remedy
    for table in vars(states).values():
        if isinstance(table, states.States):
            yield from (("states", remedy) for remedy in table.remedies.values())
    for remedy in _HINTS.values():
        yield "errors", remedy


def _does(text: str) -> bool:
    clauses = re.split(r"[:;,.()]+ ?| (?:or|and|then) ", text)
    return text.startswith(_TYPED) or any(DO.fullmatch(clause.split()[0]) for clause in clauses if clause.strip())


def test_every_remedy_says_what_to_do() -> None:
    idle = sorted({(text, where) for text, where in _remedies() if not _does(text)})
    assert idle == []
