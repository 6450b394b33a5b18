"""Writes files that only their owner may read: plans, kubeconfigs, rescue copies of the state."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write a file of mode 0600, also where there is one already that others may read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        if stat.S_ISREG(os.fstat(handle).st_mode):  # the terminal's own mode, say, is none of ours
            os.fchmod(handle, 0o600)
        file.write(text)
