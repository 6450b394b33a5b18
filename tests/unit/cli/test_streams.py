"""Outputs that fail and outputs in any encoding: a command does its work, and ends with its own exit code."""

from __future__ import annotations

import ast
import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from livekit_deploy.events import Notice
from livekit_deploy.render import streams
from livekit_deploy.render.log import logging_run
from tests.places import ROOT


def _run(line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A shell's line, in which $P is the program."""
    return subprocess.run(
        ["bash", "-c", f"P='{sys.executable} -m livekit_deploy'\n{line}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
    )


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("$P version >&-", 0, ""),
        ("$P version 2>&-", 0, ""),
        ("$P version <&- >&- 2>&-", 0, ""),
        ("$P version > /dev/full", 1, "the results were not all written: No space left on device"),
        ("$P config validate --env nothing 2> /dev/full", 3, ""),
        ("$P config show --env dev > /dev/full", 1, "No space left on device"),
        ("set -o pipefail; $P config show --env dev | true", 0, ""),
        ("set -o pipefail; $P iam-policy --env dev --set account_id=123456789012 2> /dev/full | head -1", 0, ""),
        ("$P --nonsense 2>&-", 3, ""),
    ],
)
def test_an_output_that_fails_costs_no_more_than_what_was_to_be_said(line: str, code: int, said: str) -> None:
    done = _run(line)
    assert done.returncode == code, done
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_what_is_opened_next_does_not_get_the_number_of_a_closed_stream() -> None:
    """Or a connection to AWS would be written what is said on stderr."""
    code = (
        "from livekit_deploy.render import streams; streams.set_up(); import os; "
        "n = os.open('/dev/null', os.O_RDONLY); assert n > 2, n; assert os.fstat(2)"
    )
    done = _run(f'{sys.executable} -c "{code}" <&- >&- 2>&-')
    assert done.returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp500", "utf-16", "koi8-r"])
def test_signs_are_written_in_any_encoding(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "livekit_deploy", "config", "validate", "--env", "no\N{EN DASH}ne\udcff"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
    )
    said = done.stderr.decode(encoding)
    assert done.returncode == 3, said
    assert "there is no environment file" in said
    assert "internal error" not in said


def test_every_sign_of_the_program_has_one_in_ascii() -> None:
    used = {
        sign
        for path in (ROOT / "livekit_deploy").rglob("*.py")
        if "sandbox" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for sign in node.value
        if not sign.isascii()
    }
    assert used <= set(streams.SIGNS)
    assert all(text.isascii() for text in streams.SIGNS.values())


class _Full(io.StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_under_the_log_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with logging_run("console", "/dev/full", 0, command="up", env="dev") as tell:
        for _ in range(100):
            tell(Notice(level="info", message="x" * 10_000))
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "the log /dev/full ends early: No space left on device" in err


def test_a_failed_stream_keeps_its_first_failure() -> None:
    full = streams.Lasting(_Full())
    full.write("a")
    full.flush()
    full.write("b")
    assert full.failure is not None
    assert full.failure.errno == errno.ENOSPC


#: looks for a module, and is sent a signal by itself in the middle of its import
_INTERRUPTED = """
import importlib.abc, os, sys
wanted, number = sys.argv[1], int(sys.argv[2])
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == wanted:
            os.kill(os.getpid(), number)
sys.meta_path.insert(0, Finder())
from livekit_deploy.cli import main
sys.argv[1:] = sys.argv[3:]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "module", ["livekit_deploy.render", "livekit_deploy.cli.entry", "click", "pydantic", "livekit_deploy.aws", "boto3"]
)
def test_a_signal_ends_a_command_while_it_is_imported(number: int, module: str) -> None:
    arguments = [sys.executable, "-c", _INTERRUPTED, module, f"{number:d}", "plan", "--env", "dev"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(arguments, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_who_asked_to_live_through_a_hang_up_does(tmp_path: Path) -> None:
    code = "from livekit_deploy.cli import signals; import signal, os; signals.from_now_on(); os.kill(os.getpid(), 1)"
    assert _run(f"trap '' HUP; {sys.executable} -c '{code}'").returncode == 0
    assert _run(f"{sys.executable} -c '{code}'").returncode == 130
