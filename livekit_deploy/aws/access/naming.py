"""Makes names that fit the limit of each AWS service; a name that is cut stays unique."""

from __future__ import annotations

import hashlib


def fit(name: str, limit: int) -> str:
    """``name``, or its beginning and a digest of the whole where it has more than ``limit`` characters."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{name[: limit - 7].rstrip('-')}-{digest}"
