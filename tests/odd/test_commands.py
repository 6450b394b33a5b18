"""An odd state document goes through whole commands: each ends in its code, says what to do, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from unittest import mock

import pytest

from livekit_deploy.aws.access.cloud import mutates
from livekit_deploy.aws.access.login import Opener
from livekit_deploy.cli.entry import run
from livekit_deploy.errors import DeployError, StateError
from livekit_deploy.state import document
from tests.aws.rig import _boto, account
from tests.odd.samples import odd_bytes, odd_values, sealed, unsealed
from tests.unit.environments import HEAD, LIVEKIT

CHANGE = ("up --yes", "down --yes", "down --confirm dev", "plan --destroy --out p", "keys rotate --yes")
LOOK = ("status", "plan", "state show", "state list", "outputs", "keys list", "events", "verify")
REPAIR = ("state forget ec2.vpc/main --yes", "state import ec2.vpc/main vpc-1 --yes", "state unlock --yes")
COMMANDS = (*CHANGE, *LOOK, *REPAIR)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an environment whose state is a file in it, and an account in this process."""
    (tmp_path / "dev.yaml").write_text(HEAD.replace("uat", "dev") + LIVEKIT + "state: {path: state.json}\n")
    monkeypatch.chdir(tmp_path)
    for name, value in {"AWS_ACCESS_KEY_ID": "AKIA123456789012", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)
    with account(), mock.patch.object(Opener, "_open", return_value=_boto()):
        yield tmp_path


def _odd() -> list[bytes]:
    """Every odd form of a document that is sealed as ours are, and every text that is none."""
    return [*odd_bytes(sealed(unsealed())), *map(sealed, odd_values(unsealed()))]


def _refused(body: bytes) -> bool:
    try:
        document.load(body, "it")
    except DeployError:
        return True
    return False


def _wrong(command: str, body: bytes, here: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What is wrong with how a command takes a document that cannot be read, "" for nothing."""
    (here / "state.json").write_bytes(body)
    made: list[str] = []

    def note(model: object, **_: object) -> None:
        made.append(str(getattr(model, "name", "")))

    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file() and path.suffix != ".lock"}
    events = _boto().events
    events.register("before-call.*.*", note)
    try:
        code = run([*command.split(), "--config", "dev.yaml"])
    finally:
        events.unregister("before-call.*.*", note)
    said = capsys.readouterr()
    after = {path: path.read_bytes() for path in here.rglob("*") if path.is_file() and path.suffix != ".lock"}
    wrong = []
    if code != StateError.exit_code:
        wrong.append(f"it ends with {code}")
    if "internal error" in said.err or "Traceback" in said.err:
        wrong.append("it is a internal error")
    if "state.json" not in said.err or "  next " not in said.err:
        wrong.append(f"it does not say where, and what to do: {said.err!r}")
    if before != after:
        wrong.append("it writes")
    if changes := [name for name in made if mutates(name)]:
        wrong.append(f"it changes something: {changes}")
    return ", ".join(wrong)


def _all_wrong(cases: list[tuple[str, bytes]], here: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    told = [(command, body, _wrong(command, body, here, capsys)) for command, body in cases]
    return [f"{command}: {wrong}: {body[:200]!r}" for command, body, wrong in told if wrong]


def test_each_command_refuses_what_cannot_be_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each odd form by one command, in turn."""
    refused = [body for body in _odd() if _refused(body)]
    assert len(refused) > 800
    assert _all_wrong(list(zip(cycle(COMMANDS), refused[::6], strict=False)), here, capsys) == []


def test_the_history_is_shown_beside_what_cannot_be_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the way back: what it lists is what `state restore` takes."""
    for body in filter(_refused, _odd()[::40]):
        (here / "state.json").write_bytes(body)
        assert run(["state", "history", "--config", "dev.yaml"]) == 0
        assert "mistake" not in capsys.readouterr().err


@pytest.mark.slow
def test_every_command_refuses_every_form_that_cannot_be_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = [body for body in _odd() if _refused(body)]
    assert _all_wrong([(command, body) for command in COMMANDS for body in refused], here, capsys) == []


@pytest.mark.parametrize("command", ["status", "state show", "state list", "outputs", "state history", "plan"])
def test_a_document_that_is_odd_and_can_be_read_is_told_as_it_is(
    command: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = [body for body in _odd() if not _refused(body)]
    assert bodies
    for body in bodies[:: 24 if command == "plan" else 6]:
        (here / "state.json").write_bytes(body)
        code = run([*command.split(), "--config", "dev.yaml"])
        said = capsys.readouterr()
        assert "internal error" not in said.err, (body, said.err)
        assert code in (0, 1), (body, said.err)
        assert (here / "state.json").read_bytes() == body
