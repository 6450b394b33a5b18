"""LiveKit's API keys as their one secret holds them: any number of pairs, each with a name that says whom it is for.

While a key is rotated two pairs have the same name. The first pair is the one that ``api_key`` and ``api_secret`` of
the secret give: programs that read no more than these two, `verify` and webhooks use it.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field

from livekit_deploy.errors import StateError

FIRST = "main"
_ALPHABET = string.ascii_letters + string.digits
_SECRET_LENGTH = 48  # LiveKit wants 32 or more


@dataclass(frozen=True)
class Pair:
    """A key with its secret; ``since`` is UTC, ISO 8601, "" where it is not known."""

    key: str
    name: str
    since: str
    secret: str = field(repr=False)


def random(length: int) -> str:
    """So many letters and digits that nobody can guess."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def draw(name: str, since: str) -> Pair:
    """A new pair."""
    return Pair(f"API{random(12)}", name, since, random(_SECRET_LENGTH))


def dump(pairs: Sequence[Pair]) -> str:
    """What the secret holds: ``api_key``, ``api_secret``, ``keys`` in the form of LIVEKIT_KEYS, and ``pairs``."""
    first = pairs[0]
    told = [{"name": one.name, "api_key": one.key, "api_secret": one.secret, "since": one.since} for one in pairs]
    keys = "\n".join(f"{one.key}: {one.secret}" for one in pairs)
    return json.dumps({"api_key": first.key, "api_secret": first.secret, "keys": keys, "pairs": told})


def load(text: str) -> tuple[Pair, ...]:
    """The pairs of what a secret holds; one that somebody else wrote may have no more than the first.

    Raises `StateError` when there is none, and never says what is there.
    """
    try:
        held = json.loads(text)
        told = held.get("pairs") or [{"name": FIRST, "since": "", **held}]
        return tuple(Pair(one["api_key"], one["name"], one["since"], one["api_secret"]) for one in told)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StateError(
            "the secret does not hold API keys as JSON with api_key and api_secret",
            hint="bring an earlier version of it back in Secrets Manager",
        ) from None
