"""The form of the secret with LiveKit's API keys: any number of key pairs, each with a name.

While a key is rotated two pairs have the same name. The first pair is the one that ``api_key`` and ``api_secret`` of
the secret give: programs that read no more than these two, `verify` and webhooks use it.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field

from livekit_deploy.aws.access.secret_values import Held

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


def load(held: Held) -> tuple[Pair, ...]:
    """The pairs of what a secret holds; one that somebody else wrote may have no more than the first.

    Raises `StateError` when there is none, and never says what is there.
    """
    found = held.fields()
    told = found.get("pairs") or [{"name": FIRST, "since": "", **found}]
    try:
        pairs = tuple(Pair(one["api_key"], one["name"], one["since"], one["api_secret"]) for one in told)
    except KeyError as error:
        raise held.wrong(f"it holds no API keys: {error.args[0]} is missing") from None
    except TypeError:
        raise held.wrong("its field pairs is not a list of keys") from None
    if not all(isinstance(text, str) and text for one in pairs for text in (one.key, one.name, one.secret)):
        raise held.wrong("api_key and api_secret must both be text")
    return pairs
