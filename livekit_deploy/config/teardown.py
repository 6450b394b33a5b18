"""Reads from an invalid file what `down` needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from livekit_deploy.config.load import layered
from livekit_deploy.config.models import Environment
from livekit_deploy.config.presets import PRESETS, merged
from livekit_deploy.config.refusals import unsaid
from livekit_deploy.errors import ConfigError

_KEPT = ("preset", "name", "project", "region", "account_id", "tags", "protect", "state")
#: stands for what is not needed to take an environment down
_FILLED = {"cluster": {"public_cidrs": ["0.0.0.0/0"]}, "livekit": {"domain": "livekit.invalid.example"}}


def load_teardown_config(path: Path, overrides: Mapping[str, str]) -> Environment | None:
    """The environment with only its name, place and state from the file; None when even those are not usable."""
    try:
        given = layered(path, overrides, os.environ)
    except ConfigError:
        return None
    if given.refused or any(place[0] in _KEPT for place, _ in unsaid(given.data, given.where)):
        return None  # it may have said which account, or where the state is
    told: dict[str, Any] = {key: given.data[key] for key in _KEPT if key in given.data}
    if not isinstance(preset := told.get("preset", "dev"), str) or preset not in PRESETS:
        preset = told["preset"] = "prod"  # it protects: nothing is deleted because a word could not be read
    try:
        env = Environment.model_validate(merged(PRESETS[preset], _FILLED, {"name": path.stem}, told))
    except ValidationError:
        return None
    env._source = path
    return env
