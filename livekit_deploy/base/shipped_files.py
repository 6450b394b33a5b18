"""Finds the files that ship with the program: policy documents and charts.

A wheel carries ``manifests/iam`` and ``manifests/charts`` as data inside the package; a checkout has them in
``manifests/`` beside it. Environments are never among them: those are read from the working directory.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from livekit_deploy.errors import DeployError


def path(relative: str) -> Path:
    """Where a shipped file or folder is, such as ``charts/livekit-server``; raises `DeployError` when it is missing."""
    package = Path(str(resources.files("livekit_deploy")))
    for root in (package / "manifests", package.parent / "manifests"):
        found = root / relative
        if found.exists():
            return found
    raise DeployError(
        f"the file {relative} is missing from this installation",
        hint="install livekit-deploy again, or repair the checkout",
    )


def text(relative: str) -> str:
    """What a shipped file says."""
    return path(relative).read_text(encoding="utf-8")


def document(relative: str) -> dict[str, Any]:
    """A shipped JSON file, such as ``iam/cluster-trust.json``."""
    found: dict[str, Any] = json.loads(text(relative))
    return found
