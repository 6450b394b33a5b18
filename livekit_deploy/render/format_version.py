"""The format version of every JSON object that is printed; docs/json.md lists what belongs to it.

It is raised when a key goes away or changes its meaning. New keys may come at any time: readers pass over them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from livekit_deploy.render import escaping

FORMAT_VERSION = 2


def versioned(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with ``format_version`` before everything else."""
    return {"format_version": FORMAT_VERSION, **values}


def line(values: Mapping[str, Any]) -> str:
    """One line of a stream: ``format_version`` and ``@timestamp`` before everything else."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return escaping.json(json.dumps(versioned({"@timestamp": moment, **values}), default=str)) + "\n"
