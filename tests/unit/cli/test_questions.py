"""What is asked before something is done, and what counts for an answer."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from livekit_deploy.cli import entry
from livekit_deploy.cli.asking import agreed, says_yes
from livekit_deploy.errors import Interrupted
from livekit_deploy.render.screen import Screen
from livekit_deploy.state.document import Holder, State
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import FileStore

Streams = pytest.CaptureFixture[str]


# ---- asking


class _Typing:
    """A terminal at which somebody does something in place of answering."""

    def __init__(self, act: Callable[[], str]) -> None:
        self.readline = act


def _interrupts() -> str:
    signal.raise_signal(signal.SIGINT)
    return "y\n"


@pytest.mark.parametrize(
    ("typed", "agrees"), [("y\n", True), ("Yes\n", True), ("\n", False), ("", False), ("no\n", False)]
)
def test_only_yes_is_yes(typed: str, agrees: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", _Typing(lambda: typed))
    assert says_yes(Screen(), "Do it?") is agrees


def test_ctrl_c_ends_a_question_although_a_run_would_take_it(monkeypatch: pytest.MonkeyPatch, capsys: Streams) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    monkeypatch.setattr(sys, "stdin", _Typing(_interrupts))
    try:
        with pytest.raises(Interrupted, match="nothing was done") as ended:
            agreed(Screen(), "Do it?")
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ended.value.exit_code, heard) == (130, [signal.SIGINT])
    assert capsys.readouterr().err == "Do it? [y/N] \n"


# ---- nobody to ask


@pytest.mark.parametrize(
    ("line", "flag"),
    [
        ("up --env dev", "add --yes"),
        ("up --env dev --json", "add --yes"),
        ("down --env dev", "add --yes"),
        ("down --env prod", "add --confirm prod"),
        ("down --env prod --yes", "add --confirm prod"),
        ("keys add --env dev", "add --yes"),
        ("keys remove APIx --env dev --json", "add --yes"),
    ],
)
def test_without_a_terminal_it_is_refused_at_once_naming_the_flag(
    line: str, flag: str, here: Path, capsys: Streams
) -> None:
    assert entry.run(line.split()) == 3
    out, err = capsys.readouterr()
    assert "there is no terminal" in out + err
    assert flag in out + err


@pytest.fixture
def held(here: Path) -> FileStore:
    """An environment ``dev`` with its state in a file, whose lease somebody holds."""
    file = here / "manifests/environments/dev.yaml"
    file.write_text(file.read_text() + "\nstate: {path: dev.json}\n")
    store = FileStore("dev.json")
    holder = Holder("h", "ada", "laptop", 1, "up", "2026-11-23T00:00:00Z", 90.0)
    session = Session.acquire(store, holder, lambda: State.new("livekit", "dev"), lock_timeout=0)
    session.abandon()
    return store


def _holder(store: FileStore) -> Holder | None:
    found = lease_of(store)
    assert found is not None
    return found[1]


def test_a_lease_is_not_taken_away_without_a_word(held: FileStore, capsys: Streams) -> None:
    assert entry.run(["state", "unlock", "--env", "dev"]) == 3
    err = capsys.readouterr().err
    assert "ada@laptop" in err
    assert "add --yes" in err
    assert _holder(held) is not None


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("\n", 1), ("", 1), ("y\n", 0), ("yes\n", 0)])
def test_the_answer_decides(
    answer: str, code: int, held: FileStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = tmp_path / "answer"
    said.write_text(answer)
    monkeypatch.setattr("livekit_deploy.cli.asking.interactive", lambda: True)
    with said.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert entry.run(["state", "unlock", "--env", "dev"]) == code
    assert (_holder(held) is None) is (code == 0)


def test_yes_needs_no_answer(held: FileStore, capsys: Streams) -> None:
    assert entry.run(["state", "unlock", "--env", "dev", "--yes"]) == 0
    assert _holder(held) is None
    assert entry.run(["state", "unlock", "--env", "dev"]) == 0
    assert "nobody holds the lease" in capsys.readouterr().err
