"""What the engine needs of a cloud. Its kinds need more of theirs, which is no matter of the engine's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, Self, TypeAlias

from livekit_deploy.state.document import Record


class Ownership(Protocol):
    """The tags that make an object ours."""

    @property
    def adopt(self) -> frozenset[str]:
        """Addresses that the user allows to be taken over."""

    def others(self, tags: Mapping[str, str]) -> bool:
        """Whether an object with these tags belongs to another environment."""


class Cloud(Protocol):
    """A cloud as it is at the beginning of a run; what is known later makes a view of it."""

    @property
    def ownership(self) -> Ownership:
        """Whose the run's objects are."""

    @property
    def kinds(self) -> Mapping[str, Any]:
        """The kinds that the environment may have objects of (`engine.kinds.Kinds`)."""

    @property
    def calls(self) -> int:
        """How many calls were made."""

    def remembering(self) -> Self:
        """A view whose reads are made once each."""

    def knowing(self, recorded: Iterable[str]) -> Self:
        """A view that knows the ids of what is on record: ours whatever tags it carries."""


def ids(records: Mapping[str, Record]) -> set[str]:
    """The ids and ARNs of what is on record."""
    every = (id for record in records.values() for id in (record.id, record.outputs.get("arn")))
    return {id for id in every if id}


#: the cloud that a verb is given: each kind narrows it to the one that it lives in, which an override may not do with a
#: parameter of any other type
KindsCloud: TypeAlias = Any
