"""Writes a rescue copy of a document that its store does not accept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from livekit_deploy.base import private_files
from livekit_deploy.state.document import State, dump

FOLDER = Path("state/local")


def rescued(state: State) -> Path | None:
    """Where the copy is, of mode 0600; None when it can be written nowhere."""
    for folder in _folders():
        path = folder / f"errored-{state.env}-{state.serial}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            private_files.write(path, dump(state).decode())
        except OSError:
            continue
        return path
    return None


def _folders() -> Iterator[Path]:
    yield FOLDER
    try:
        yield Path(tempfile.mkdtemp(prefix="livekit-deploy-"))
    except OSError:
        return
