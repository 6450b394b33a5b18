"""Commands on a real pseudo-terminal, or with their output in files, each a fork of one process that imported all.

`Terminal` starts that process, this module run as a program, and asks it; a command costs what it does, not its start.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import pkgutil
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_ROWS = 60


@dataclass(frozen=True)
class Shown:
    """What a command wrote: on a terminal all to ``out``, with its escape sequences."""

    code: int
    out: str
    err: str


class Terminal:
    """Runs command lines in ``folder``."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, *arguments: str, columns: int | None = None, **environ: str) -> Shown:
        """On a terminal of so many ``columns``, or without one."""
        assert self._process.stdin
        assert self._process.stdout
        asked = {"arguments": arguments, "columns": columns, "environ": environ}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Shown(**json.loads(self._process.stdout.readline()))


def _on_terminal(arguments: list[str], columns: int) -> dict[str, Any]:
    pid, screen = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
        _run(arguments)
    written = bytearray()
    while part := _read(screen):
        written += part
    os.close(screen)
    return {"code": _ended(pid), "out": written.decode().replace("\r\n", "\n"), "err": ""}


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # EIO: the other end is closed
        return b""


def _into_files(arguments: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            for number, at in enumerate((os.open(os.devnull, os.O_RDONLY), out.fileno(), err.fileno())):
                os.dup2(at, number)
            _run(arguments)
        code = _ended(pid)
        texts = [(file.seek(0), file.read().decode())[1] for file in (out, err)]
    return {"code": code, "out": texts[0], "err": texts[1]}


def _ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _run(arguments: list[str]) -> None:
    """Be the command, and end."""
    from livekit_deploy.cli.entry import run

    code = 70
    try:
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, buffering=1, encoding="utf-8", closefd=False)
            for number, mode in ((0, "r"), (1, "w"), (2, "w"))
        )
        code = run(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def main() -> None:
    """Carry out what is asked, a line each, until the input ends."""
    for package in ("livekit_deploy.cli", "livekit_deploy.render", "livekit_deploy.aws", "livekit_deploy.k8s"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    own = dict(os.environ)
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ.clear()
        os.environ.update(own | asked["environ"])
        columns = asked["columns"]
        answer = _into_files(asked["arguments"]) if columns is None else _on_terminal(asked["arguments"], columns)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
