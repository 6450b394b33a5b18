"""What is kept on this machine for later runs: charts, and the helm binary."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cached(*parts: str) -> Path:
    """Where it is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").joinpath("livekit_deploy", *parts)


def keep(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Write it beside and rename, so that nobody ever finds half of it. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.chmod(name, mode)
    os.replace(name, path)
    return path
