"""Starts Python interpreters that import nothing from the working directory.

``python -m`` looks there first, before the standard library. So this module imports only what `livekit_deploy` itself
has loaded already.
"""

import os
import sys

_HOME = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
_PACKAGE = __name__.partition(".")[0]


def leave() -> None:
    """Take the working directory off the path of ``python -m livekit_deploy…``, unless this package is in it."""
    if sys.argv[:1] != ["-m"] or not _named(sys.orig_argv[-len(sys.argv)]):
        return
    try:
        here = os.getcwd()
    except FileNotFoundError:
        here = ""
    if os.path.realpath(here) != _HOME:
        sys.path[:] = [one for one in sys.path if one not in ("", here)]


def _named(argument: str) -> bool:
    """Whether it names this package or a part of it, as ``-m`` takes it: apart, or right behind."""
    module = argument.partition("m")[2] if argument.startswith("-") else argument
    return module.partition(".")[0] == _PACKAGE


def command(module: str, *arguments: str) -> list[str]:
    """What starts a module with this very interpreter, from wherever."""
    return [sys.executable, "-P", "-m", module, *arguments]


def script(path: str, *arguments: str) -> list[str]:
    """What starts a file with this very interpreter, and with the standard library only."""
    return [sys.executable, "-I", "-S", path, *arguments]


def python_path() -> str:
    """``PYTHONPATH`` without what would mean another folder elsewhere (an empty entry is the working directory), and
    with the folder of this package where nobody installed it.
    """
    given = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(one)]
    installed = os.path.basename(_HOME) in ("site-packages", "dist-packages")
    return os.pathsep.join([*given, *([] if installed or _HOME in given else [_HOME])])
