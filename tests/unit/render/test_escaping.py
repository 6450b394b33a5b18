"""Hostile text in every field of everything that is shown, on every screen: nothing of it is more than text.

The instances are made from the fields of the dataclasses themselves, so that a new field is covered as it comes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import importlib
import inspect
import io
import json as parser
import pkgutil
import random
import re
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

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
from livekit_deploy.render import chains, escaping, failure, github, graph, json_lines, lines, live, log, markdown
from livekit_deploy.render.screen import Screen
from livekit_deploy.state.document import Holder
from livekit_deploy.state.history import Past
from tests.json_format import event_kinds
from tests.places import ROOT

#: what somebody may have written into a tag, an event, a file or a state
PARTS = (
    "\x1b[2K\x1b[1A", "\x1b]8;;https://evil.example\x07", "\x9b31m", "\u202e", "\u2066", "\u200b", "\u2028", "\x85",
    "\x00", "\r", "\n", "lead\nBROKEN", "\n::error::forged", "::set-output name=x::forged", " ::stop-commands::forged ",
    "##[error]forged", "[/]", "[link=https://evil.example]", "[bold", "]", "\\", "\\[", "|", "`", "```\n",
    "<img src=x>", "[a](https://evil.example)", "\ud800", "%0A", "%", "x" * 70, "plain", " ",
)  # fmt: skip
HOSTILE = some.lists(some.sampled_from(PARTS), min_size=1, max_size=4).map("".join)
_BARE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_FORGED = re.compile(r"^(?:\s*::[A-Za-z][^\n]*::|.*##\[|BROKEN)", re.MULTILINE)


class Maker:
    """Instances of any dataclass with hostile text wherever text may be."""

    def __init__(self, texts: list[str], seed: int) -> None:
        self._texts, self._random = texts, random.Random(seed)

    def text(self) -> str:
        return self._random.choice(self._texts)

    def make(self, kind: Any) -> Any:
        if dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind)
            wanted = [item for item in dataclasses.fields(kind) if item.init]
            return kind(**{item.name: self.make(hints[item.name]) for item in wanted})  # type: ignore[operator]
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        if origin is typing.Literal:
            return self._random.choice(inner)
        if origin in (typing.Union, types.UnionType):
            return self.make(self._random.choice([one for one in inner if one is not type(None)]))
        if origin in (dict, Mapping) or (inspect.isclass(origin) and issubclass(origin, Mapping)):
            return {self.make(inner[0]): self.make(inner[1]) for _ in range(2)}
        if origin is tuple and Ellipsis not in inner:
            return tuple(map(self.make, inner))
        if origin is not None and inner:
            return [self.make(inner[0]) for _ in range(2)] if origin is list else (self.make(inner[0]),) * 2
        return self._plain(kind)

    def _plain(self, kind: Any) -> Any:
        if inspect.isclass(kind) and issubclass(kind, enum.Enum):
            return self._random.choice(list(kind))
        if inspect.isclass(kind) and issubclass(kind, errors.DeployError):
            return kind(self.text(), hint=self.text())
        if kind is bool:
            return self._random.random() < 0.5
        if kind in (int, float):
            return kind(self._random.choice((0, 1, 700)))
        if kind is Any or kind is object:
            return self._random.choice([self.text(), [self.text(), self.text()], {self.text(): self.text()}, 5, None])
        return self.text()


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


def _said(show: Callable[[Maker, Screen], object], make: Maker) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        show(make, Screen(color=False, verbose=make.make(int)))
    return out.getvalue()


@pytest.mark.parametrize("name", SCREENS)
@settings(max_examples=15, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_on_a_screen_it_is_only_text(name: str, texts: list[str], seed: int) -> None:
    said = _said(SCREENS[name], Maker(texts, seed))
    assert _BARE.search(said) is None, ascii(said)
    assert _FORGED.search(said) is None, said


@pytest.mark.parametrize("name", JSON)
@settings(max_examples=15, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_in_json_it_keeps_its_value_and_is_only_text(name: str, texts: list[str], seed: int) -> None:
    said = _said(JSON[name], Maker(texts, seed))
    assert said.isascii()
    assert _BARE.search(said) is None
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
        said = _said(lambda make, screen: _listened(make, github.GitHub(screen, Clock())), make)
        github.output("livekit-url", make.text())
    for line in said.splitlines():
        found = _FORGED.search(line)
        assert found is None or (ours.match(line) and "##[" not in line), line
    assert all("\n" not in text for variable, text in written if variable == "GITHUB_OUTPUT")
    _check_markdown("\n".join(text for variable, text in written if variable == "GITHUB_STEP_SUMMARY"), [])


@settings(max_examples=30, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_in_markdown_it_is_no_markup(texts: list[str], seed: int) -> None:
    made: Plan = Maker(texts, seed).make(Plan)
    made = dataclasses.replace(made, header={"env": texts[0]})
    _check_markdown(markdown.plan_markdown(made), ["<details>", "<summary>", "</summary>", "</details>"])


class Drawn:
    """As much of a resource as is drawn of one."""

    stage, runtime_depends_on, works_with = "livekit", (), ()

    def __init__(self, address: str, usual: float, before: list[Drawn]) -> None:
        self.address, self.usual, self._before = address, usual, before

    def dependencies(self) -> list[Drawn]:
        return self._before


def _graph(texts: list[str], seed: int) -> list[Any]:
    draw, made = random.Random(seed), list[Drawn]()
    for text in dict.fromkeys(texts):
        made.append(Drawn(text, draw.choice((1, 60)), draw.sample(made, draw.randrange(len(made) + 1))))
    return made


#: what there is in a picture of ours, and what each part may say
_PICTURE = {
    "svg": {"viewBox"},
    "style": set(),
    "g": {"class"},
    "path": {"class", "d"},
    "rect": {"x", "y", "width", "height", "rx"},
    "title": set(),
    "text": {"x", "y"},
}


@settings(max_examples=50, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_in_a_picture_it_is_only_text(texts: list[str], seed: int) -> None:
    resources = _graph(texts, seed)
    said = graph.drawn(resources, "svg")
    assert _BARE.search(said) is None
    root = ElementTree.fromstring(said)
    for part in root.iter():
        assert set(part.attrib) <= _PICTURE[part.tag.rpartition("}")[2]]
        assert part.attrib.get("class", "longest") == "longest"
    titles = [str(one.text).rpartition(": usually ")[0] for one in root.iter() if one.tag.endswith("title")]
    assert sorted(titles) == sorted(escaping.line(one.address) for one in resources)


@settings(max_examples=50, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
def test_in_a_diagram_it_is_only_text(texts: list[str], seed: int) -> None:
    """In Mermaid, which GitHub draws where it stands in a comment."""
    resources = _graph(texts, seed)
    said = graph.drawn(resources, "mermaid")
    assert _BARE.search(said) is None
    node, edge = r'  n\d+\["(?:[^"<>`&#]|#\d+;)*"\]', r"  n\d+ --> n\d+"
    ours = rf"graph LR|{node}|{edge}|  classDef longest stroke-width:3px|  class [n\d,]+ longest"
    assert [line for line in said.split("\n") if not re.fullmatch(ours, line)] == []
    labels = re.findall(r'\["(.*)"\]$', said, re.MULTILINE)
    plain = [re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label) for label in labels]
    assert sorted(plain) == sorted(escaping.line(one.address) for one in resources)


@settings(max_examples=30, deadline=None)
@given(texts=some.lists(HOSTILE, min_size=1, max_size=6), seed=some.integers(0, 2**16))
@pytest.mark.parametrize("form", ["text", "mermaid", "svg"])
def test_a_graph_on_a_screen_is_only_text(form: str, texts: list[str], seed: int) -> None:
    said = _said(lambda make, screen: screen.graph(_graph(texts, seed), form), Maker(texts, seed))
    assert _BARE.search(said) is None
    assert _FORGED.search(said) is None


def _check_markdown(said: str, ours: list[str]) -> None:
    """Outside of code nothing is a link, a picture or HTML but what is ours, and no row of a table has other cells."""
    assert _BARE.search(said) is None
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
