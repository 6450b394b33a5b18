"""The observed state of an object: its status, its properties, and the address tag by which a scan found it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where an existing object is in its life."""

    READY = "ready"
    PENDING = "pending"
    DELETING = "deleting"
    #: it never came up: it is deleted and made again
    FAILED = "failed"
    #: it is there, and only a person can bring it further
    STUCK = "stuck"


@dataclass(frozen=True)
class Live:
    """What `read` saw.

    ``props`` is comparable to `Resource.desired`, ``outputs`` is what other resources may refer to, and ``detail``
    says why the object is pending or failed, in AWS's own words; ``code`` is AWS's code for that. ``unfinished`` is
    what continues by itself, for hours perhaps, although it is READY: it is told, and not waited for. ``held`` are the
    fields that may have to wait before they change: it is asked why, and what then, "" for nothing.

    ``warning`` is what AWS says is wrong with an object that is READY all the same, and ``remedy`` what a person does
    about it, or about one that is STUCK. ``cured_by_waiting`` says whether what it warns of passes by itself where it
    has never been well yet. ``noted`` is what a person should know of an object that is well, and what to do: it keeps
    nothing waiting. What is ``busy`` serves, and takes no change at present.
    """

    id: str
    status: Status
    props: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""
    code: str = ""
    unfinished: str = ""
    warning: str = ""
    remedy: str = ""
    noted: tuple[str, str] = ("", "")
    cured_by_waiting: bool = True
    busy: bool = False
    held: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    #: the tags that it carries, None for a kind that carries none of ours
    tags: Mapping[str, str] | None = None
    #: what tells it from one that somebody makes later under the same id: AWS's own id of it, or when it was made; ""
    #: where that is not told, or the id is never used again
    made: str = ""


def joined(told: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Several that are wrong and what to do about each, as one; "" for nothing."""
    found = [one for one in told if one[0]]
    return "; ".join(said for said, _ in found), "; ".join(remedy for _, remedy in found if remedy)


def made_at(said: Mapping[str, Any], field: str) -> str:
    """When an answer says that something was made, as text; "" where it does not."""
    return str(said.get(field) or "")


@dataclass(frozen=True)
class Found:
    """One object met by `scan`: ``address`` is the one in its tag, "" when the tag names none."""

    address: str
    live: Live
