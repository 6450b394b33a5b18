"""The texts that the sandbox's stand-in is held to are those of the real servers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.livekit_starts import SINCE, STARTS, Start
from tests.real.recipes import LIVEKIT, program
from tests.unit.sandbox.test_livekit_stand_in import words


def ended(start: Start, version: str, folder: Path) -> tuple[str, int]:
    """What a real server says beside its log, and its exit code."""
    for name, (text, mode) in start.files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(mode)
    variables = {key: value.format(folder=folder) for key, value in start.environment.items()}
    command = [str(program(LIVEKIT[version])), *(one.format(folder=folder) for one in start.arguments)]
    done = subprocess.run(
        command,
        env={"LIVEKIT_CONFIG": start.config, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return words(done.stdout + done.stderr), done.returncode


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize(("version", "code"), [("newest", 1), ("oldest", 0)])
def test_a_start_that_fails_ends_so(name: str, version: str, code: int, tmp_path: Path) -> None:
    start = STARTS[name]
    assert ended(start, version, tmp_path) == (start.says.format(folder=tmp_path), code)


def test_a_key_is_known_since_its_version(tmp_path: Path) -> None:
    assert ended(SINCE, "oldest", tmp_path) == (SINCE.says, 0)
