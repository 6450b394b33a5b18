"""What is left to work with when a file does not validate any more: enough to take the environment down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from livekit_deploy.config.models import Environment
from livekit_deploy.config.presets import PRESETS, merged
from livekit_deploy.config.source import read
from livekit_deploy.errors import ConfigError

_KEPT = ("preset", "name", "project", "region", "account_id", "tags", "protect", "state")
#: stands for what is not needed to take an environment down
_FILLED = {"cluster": {"public_cidrs": []}, "livekit": {"domain": "livekit.invalid.example"}}


def load_reduced(path: Path, overrides: Mapping[str, str]) -> Environment | None:
    """The environment with only its name, place and state from the file; None when even those are not usable."""
    try:
        data, _ = read(path)
    except ConfigError:
        return None
    told: dict[str, Any] = {key: data[key] for key in _KEPT if key in data}
    told |= {key: value for key, value in overrides.items() if key in _KEPT}
    preset = told.get("preset", "dev")
    base = PRESETS.get(preset, PRESETS["dev"]) if isinstance(preset, str) else PRESETS["dev"]
    try:
        env = Environment.model_validate(merged(base, _FILLED, {"name": path.stem}, told))
    except ValidationError:
        return None
    env._source = path
    return env
