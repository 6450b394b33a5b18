"""Every document that this program reads, and that somebody else may have written: each odd form of it is told of.

The odd forms are made from a sample: each field left out, or of another type; the text cut off, doubled, or no text at
all. Whatever comes, it is taken or refused with a remedy, and is never a mistake of the program.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from livekit_deploy.cli.entry import run
from livekit_deploy.errors import DeployError
from livekit_deploy.render import failure
from livekit_deploy.state import document, holder
from livekit_deploy.state.lease import locked
from tests.odd.samples import DOCUMENTS, STATE, Document, as_json, odd_bytes
from tests.unit.environments import HEAD, LIVEKIT


def wrong_with(found: Document, body: bytes, folder: Path) -> str:
    """Why a form of a document is not dealt with, "" when it is."""
    try:
        found.read(body, folder)
    except DeployError as error:
        said = f"{error.message} {error.hint}"
        if not error.message or not error.hint:
            return f"no remedy: {said}"
        foreign = any(words in said for words in ("Input should", "validation error", "Traceback", "object has no"))
        return f"in other words than ours: {said}" if foreign else ""
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a mistake of the program
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("found", DOCUMENTS, ids=lambda one: one.name)
def test_each_odd_form_of_a_document_is_taken_or_refused_with_a_remedy(found: Document, tmp_path: Path) -> None:
    bad: dict[str, bytes] = {}
    for body in found.odd():
        if why := wrong_with(found, body, tmp_path):
            bad.setdefault(why, body[:300])
    assert not bad, "\n".join(f"{why[:150]}\n    {body!r}" for why, body in list(bad.items())[:5])


@pytest.mark.parametrize("found", DOCUMENTS, ids=lambda one: one.name)
def test_the_sample_itself_is_read(found: Document, tmp_path: Path) -> None:
    body = found.write(found.sample)
    if found.name in ("the Secret of a release", "an edited state document"):
        with pytest.raises(DeployError):
            found.read(body, tmp_path)
    else:
        found.read(body, tmp_path)


def test_a_holder_of_an_odd_machine_is_told_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its names come from wherever it runs: they are written, read again and shown."""
    for odd in ("", "\udcff", "\x1b[2J", "::error::x", "a\nb", "x" * 10_000, "\u202e"):
        for name in ("LOGNAME", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"):
            monkeypatch.setenv(name, odd)
        monkeypatch.setattr("socket.gethostname", lambda odd=odd: odd)
        made = holder.this_process(odd, 90)
        state = dataclasses.replace(STATE, lease=made)
        assert document.load(document.dump(state), "the state").lease == made
        for line in failure.lines(locked(made, 12.0, "wait for it")):
            assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", line)
            assert not line.startswith("::")


# ---- the whole way, from the command line


@pytest.mark.parametrize("given", ["file", "plan"])
def test_an_odd_file_ends_a_command_in_the_documented_code(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = HEAD + LIVEKIT + "state: {path: state.json}\n"
    for body in odd_bytes(whole.encode() if given == "file" else as_json({"format_version": 1, "all": []})):
        Path("dev.yaml").write_text(whole)
        if given == "file":
            Path("dev.yaml").write_bytes(body)
            code = run(["config", "validate", "--config", "dev.yaml"])
        else:
            Path("saved").write_bytes(body)
            code = run(["up", "--config", "dev.yaml", "--yes", "--plan", "saved"])
        said = capsys.readouterr()
        assert code in ((0, 3) if given == "file" else (3,)), (body[:80], said.err)
        assert "internal error" not in said.err, body[:80]
        assert "Traceback" not in said.err
