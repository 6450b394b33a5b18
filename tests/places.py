"""Where the tests find what is not a module: the tree, and the environment files that are shipped."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / "manifests" / "environments"
