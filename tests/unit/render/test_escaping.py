"""Hostile text in every field of everything that is shown, on every screen: nothing of it is more than text.

The instances are made from the fields of the dataclasses themselves, so that a new field is covered as it comes.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json as parser
import pkgutil
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import livekit_deploy.render
from livekit_deploy import errors
from livekit_deploy.base.clock import Clock
from livekit_deploy.base.timing import Timing
from livekit_deploy.checks.finding import Finding
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.engine.critical_path import Step
from livekit_deploy.engine.plan import Plan
from livekit_deploy.k8s.cluster_events import ClusterEvent
from livekit_deploy.k8s.pod_logs import LogLine
from livekit_deploy.operations.api_keys import Keys
from livekit_deploy.operations.report import Recorded, Report, StatusReport
from livekit_deploy.operations.state_repair import Proposal
from livekit_deploy.render import chains, escaping, failure, github, json_lines, lines, live, log, markdown
from livekit_deploy.render.screen import Screen
from livekit_deploy.state.document import Holder
from livekit_deploy.state.history import Past
from tests.json_format import event_kinds
from tests.places import ROOT
from tests.unit.render.hostile import BARE, FORGED, HOSTILE, Maker, on_screen


def _env() -> Environment:
    return load_environment(ROOT / "manifests/environments/dev.yaml", environ={})


def _report(make: Maker, command: str, **given: Any) -> Report:
    made: Report = dataclasses.replace(make.make(Report), **given)
    made.command, made.timings = command, {}  # the chain is made of them, and is shown by itself
    return made


def _listened(make: Maker, listens: Any) -> None:
    with listens:
        for kind in event_kinds():
            listens(make.make(kind))
        listens.finished(_report(make, "down"))


def _logged(make: Maker, form: str) -> None:
    with log.logging_run(form, None, 2, command="up", env="dev") as tell:
        for kind in event_kinds():
            tell(make.make(kind))


def _errors(make: Maker, *, json: bool) -> None:
    todo = [errors.DeployError]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if not kind.__module__.startswith("livekit_deploy.errors"):
            continue
        extra: dict[str, Any] = {}
        if issubclass(kind, errors.Incomplete):
            extra = {"report": _report(make, random.choice(["up", "down"])), "code": 8}
        elif issubclass(kind, errors.VerifyFailed):
            extra = {"findings": [make.make(Finding)]}
        else:
            extra = {name: make.text() for name in ("code", "request_id", "likely", "where") if name in _takes(kind)}
        failure.show(kind(make.text(), hint=make.text(), **extra), json=json, plain=True)


def _takes(kind: type[errors.DeployError]) -> set[str]:
    return set(inspect.signature(kind.__init__).parameters)


def _live(make: Maker) -> None:
    screen = Screen(color=False)
    screen.err.width = 10_000  # or a word that is wrapped begins a line
    view = live.LiveView(screen, Clock())
    for kind in event_kinds():
        view(make.make(kind))
        screen.err.print(view.draw())


def _several(make: Maker, kind: Any) -> list[Any]:
    return [make.make(kind) for _ in range(3)]


#: what writes to stdout or stderr, with everything that it may be given
SCREENS: dict[str, Callable[[Maker, Screen], object]] = {
    "plan": lambda make, screen: screen.plan(make.make(Plan)),
    "drift": lambda make, screen: screen.drift(make.make(Plan)),
    "outputs": lambda make, screen: screen.outputs({make.text(): make.text(), make.text(): [make.text()]}),
    "status": lambda make, screen: screen.status(make.make(StatusReport), make.make(Plan)),
    "records": lambda make, screen: screen.records(_several(make, Recorded)),
    "log line": lambda make, screen: screen.log_line(make.make(LogLine), named=bool(make.make(bool)), json=False),
    "events": lambda make, screen: screen.events(_several(make, ClusterEvent)),
    "keys": lambda make, screen: screen.keys(make.make(Keys)),
    "key changed": lambda make, screen: screen.key_changed(_env(), key=make.text(), name=make.text(), old=make.text()),
    "history": lambda make, screen: screen.history(_several(make, Past)),
    "proposal": lambda make, screen: screen.proposal(make.make(Proposal)),
    "up": lambda make, screen: screen.finished_up(_report(make, "up"), _env(), ""),
    "a stage": lambda make, screen: screen.finished_up(_report(make, "up", findings=[]), _env(), "livekit"),
    "unfinished": lambda make, screen: screen.unfinished(_report(make, "up"), _env()),
    "down": lambda make, screen: screen.finished_down(_report(make, "down")),
    "critical path": lambda make, screen: screen.critical_path(_several(make, Step)),
    "chain": lambda make, screen: screen._lines(chains.run_lines(_several(make, Timing), None, every=True)),
    "findings": lambda make, screen: screen.verified(_several(make, Finding), _env()),
    "say": lambda make, screen: screen.warn([make.text(), make.text()]),
    "holder": lambda make, screen: screen.holder(make.make(Holder), 3.0),
    "errors": lambda make, screen: _errors(make, json=False),
    "lines": lambda make, screen: _listened(make, lines.Lines(screen, Clock())),
    "live": lambda make, screen: _live(make),
    "log": lambda make, screen: _logged(make, "console"),
}  # fmt: skip
JSON: dict[str, Callable[[Maker, Screen], object]] = {
    "errors": lambda make, screen: _errors(make, json=True),
    "events": lambda make, screen: _listened(make, json_lines.JsonLines(Clock())),
    "log line": lambda make, screen: screen.log_line(make.make(LogLine), named=False, json=True),
    "log": lambda make, screen: _logged(make, "json"),
}


@pytest.mark.parametrize("name", SCREENS)
@settings(max_examples=15, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_on_a_screen_it_is_only_text(name: str, texts: list[str], seed: int) -> None:
    said = on_screen(SCREENS[name], Maker(texts, seed))
    assert BARE.search(said) is None, ascii(said)
    assert FORGED.search(said) is None, said


@pytest.mark.parametrize("name", JSON)
@settings(max_examples=15, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_in_json_it_keeps_its_value_and_is_only_text(name: str, texts: list[str], seed: int) -> None:
    said = on_screen(JSON[name], Maker(texts, seed))
    assert said.isascii()
    assert BARE.search(said) is None
    assert "##[" not in said
    for line in said.splitlines():
        parser.loads(line)


@settings(max_examples=50, deadline=None)
@given(text=HOSTILE)
def test_json_is_the_same_to_a_parser(text: str) -> None:
    for ascii_only in (True, False):
        whole = parser.dumps({"a": [text]}, ensure_ascii=ascii_only, indent=1)
        assert parser.loads(escaping.json(whole)) == {"a": [text]}


@settings(max_examples=20, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_in_a_workflow_it_is_no_command_and_in_its_summary_no_markup(texts: list[str], seed: int) -> None:
    make, ours = Maker(texts, seed), re.compile(r"^::(?:group|endgroup|warning|error)[ :]")
    with pytest.MonkeyPatch.context() as patch:
        written: list[tuple[str, str]] = []
        patch.setattr(github, "_append", lambda variable, text: written.append((variable, text)))
        said = on_screen(lambda make, screen: _listened(make, github.GitHub(screen, Clock())), make)
        github.output("livekit-url", make.text())
    for line in said.splitlines():
        found = FORGED.search(line)
        assert found is None or (ours.match(line) and "##[" not in line), line
    assert all("\n" not in text for variable, text in written if variable == "GITHUB_OUTPUT")
    _check_markdown("\n".join(text for variable, text in written if variable == "GITHUB_STEP_SUMMARY"), [])


@settings(max_examples=30, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_in_markdown_it_is_no_markup(texts: list[str], seed: int) -> None:
    made: Plan = Maker(texts, seed).make(Plan)
    made = dataclasses.replace(made, header={"env": texts[0]})
    _check_markdown(markdown.plan_markdown(made), ["<details>", "<summary>", "</summary>", "</details>"])


def _check_markdown(said: str, ours: list[str]) -> None:
    """Outside of code nothing is a link, a picture or HTML but what is ours, and no row of a table has other cells."""
    assert BARE.search(said) is None
    if opened := re.search(r"^(`{3,})$", said, re.MULTILINE):
        before, _, rest = said.partition(f"\n{opened[1]}\n")
        shown, closed, after = rest.partition(f"\n{opened[1]}\n")
        assert closed
        assert opened[1] not in shown
        said = before + after
    bare = re.sub(r"\\.", "", re.sub(r"(?<!\\)`[^`]*`", "", said))
    for tag in ours:
        bare = bare.replace(tag, "")
    assert "<" not in bare, bare
    assert "](" not in bare, bare
    for row in said.splitlines():
        if row.startswith("| "):
            assert len(re.sub(r"\\\|", "", row).split("|")) == 5, row


def test_every_part_of_render_takes_its_markup_through_the_one_place() -> None:
    found = []
    for module in pkgutil.iter_modules(livekit_deploy.render.__path__):
        path = inspect.getsourcefile(importlib.import_module(f"livekit_deploy.render.{module.name}"))
        assert path
        if "rich.markup" in Path(path).read_text(encoding="utf-8"):
            found.append(module.name)
    assert found == []


def test_what_is_ordinary_stays_as_it_is() -> None:
    for text in ("::/0", "2001:db8::/32 and ::1", "a → b · c …", "naïve", "[bold]", "C:\\temp"):
        assert escaping.text(text) == text
    assert escaping.line("one\r\n  two") == "one two"
    assert escaping.code("a|b`c`") == "`a\\|b'c'`"
