"""The format version of every JSON object that is printed; docs/json.md lists what belongs to it.

It is raised when a key goes away or changes its meaning. New keys may come at any time: readers pass over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMAT_VERSION = 2


def versioned(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with ``format_version`` before everything else."""
    return {"format_version": FORMAT_VERSION, **values}
