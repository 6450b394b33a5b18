"""Reads and writes files where the user says; raises `UsageError` for one that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livekit_deploy.base import private_files
from livekit_deploy.errors import UsageError


@contextmanager
def usable(what: str, hint: str) -> Iterator[None]:
    """Say of what the system refuses inside that it is as ``what`` says, why, and what to do."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{what}: {error.strerror}", hint=hint) from error


def written(path: Path, text: str) -> None:
    """Write a file that only its owner may read; raises `UsageError` where that cannot be."""
    with usable(f"{path} cannot be written", "choose a file in a folder that you can write to"):
        private_files.write(path, text)
