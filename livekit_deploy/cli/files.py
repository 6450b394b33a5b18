"""Writes files where the user says; raises `UsageError` for a file that cannot be written."""

from __future__ import annotations

from pathlib import Path

from livekit_deploy.base import private_files
from livekit_deploy.errors import UsageError


def written(path: Path, text: str) -> None:
    """Write a file that only its owner may read; raises `UsageError` where that cannot be."""
    try:
        private_files.write(path, text)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", hint="choose a file in a folder that you can write to"
        ) from error
