"""Runs command lines in one process under a poisoned AWS set-up, and prints how each ended and what it reached for.

Run as ``python -m tests.sandbox.poisoned``, with a list of command lines in JSON on stdin. Nothing but this machine can
be reached; what is asked of anything else is noted, as is each of the user's files for AWS that is opened.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

from livekit_deploy.cli.entry import run

_OURS = ("127.0.0.1", "localhost", "::1")
_METADATA = ("169.254.169.254", "169.254.170.2", "fd00:ec2::254")
#: what no command asks for with an AWS set-up alone: the public chart repository, which is looked for first
_PUBLIC = ("aws.github.io",)
reached: list[str] = []


def _watch(event: str, given: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(given[0], str | Path) and "poisoned-aws" in str(given[0]):
        reached.append(f"open {given[0]}")
    if event == "subprocess.Popen" and "poisoned" in str(given[1]):
        reached.append(f"run {given[1]}")
    if event not in ("socket.getaddrinfo", "socket.connect", "socket.gethostbyname"):
        return
    host = given[0] if event != "socket.connect" else given[1][0] if isinstance(given[1], tuple) else "127.0.0.1"
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in _OURS:
        return
    if name not in _PUBLIC:
        reached.append(f"{event} {name}")
    raise OSError("the network is blocked")


def main() -> None:
    """One line of JSON for each command."""
    commands = json.load(sys.stdin)
    sys.addaudithook(_watch)
    environ = dict(os.environ)
    for arguments in commands:
        reached.clear()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(arguments)
        same = dict(os.environ) == environ
        said = out.getvalue() + err.getvalue()
        print(json.dumps({"code": code, "reached": reached, "said": said, "same": same}), flush=True)


if __name__ == "__main__":
    main()
