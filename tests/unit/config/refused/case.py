"""One file that is refused, and the nearest that is taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """``bad`` begins on line 3 of the file; ``good`` is the nearest file that is taken."""

    name: str
    bad: str
    place: str
    field: str
    wrong: str
    remedy: str
    good: str


ARN = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b"
LONG = ".".join(["a" * 40, "b" * 40, "example.com"])
TAGS = ", ".join(f"t{number}: x" for number in range(41))


def media(**values: object) -> str:
    keys = ", ".join(f"{key}: {value}" for key, value in values.items())
    return f"nodes: {{media: {{{keys}}}}}"


def livekit(*keys: str) -> str:
    return "\n".join(["livekit:", "  domain: livekit.example.com", *(f"  {key}" for key in keys)])
