"""The part of a kind that decides whether an object is ours."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from livekit_deploy.engine.cloud import KindsCloud
from livekit_deploy.engine.live import Live
from livekit_deploy.state.document import Record


class Owned:
    """An object is ours by the tags that it carries now. A kind whose objects carry none says by what else."""

    kind: ClassVar[str]
    #: what is lost with it nobody can bring back: it is not deleted while what used it stays
    kept_for_users: ClassVar[bool] = False

    @property
    def may_be_recreated(self) -> bool:
        """Whether others may make it again after it was deleted: `down` looks once more, and knows it by its record."""
        return False

    @property
    @abstractmethod
    def address(self) -> str:
        """``kind/instance``: the value of the address tag."""

    def own_tags(self, cloud: KindsCloud, outputs: Mapping[str, Any]) -> dict[str, str]:
        """The tags that the object should carry; ``outputs`` are those on record."""
        found: dict[str, str] = cloud.ownership.own(self.address)
        return found

    def put_own_tags(self, cloud: KindsCloud, live: Live, tags: Mapping[str, str]) -> None:
        """Put tags back that somebody took off: exactly one mutating call."""
        raise TypeError(f"{self.kind} does not say how it is tagged")

    def ownership_differences(self, cloud: KindsCloud, live: Live, record: Record | None) -> dict[str, tuple[Any, Any]]:
        """What tells that an object is not ours: path → (what it says, what ours would say); {} for ours."""
        if live.tags is None or cloud.ownership.lineage is None:
            return {}
        wanted = self.own_tags(cloud, record.outputs if record is not None else {})
        there = live.tags
        return {
            f"ownership_tags.{key}": (there.get(key), want) for key, want in wanted.items() if there.get(key) != want
        }

    def shows_it_is_foreign(self, cloud: KindsCloud, live: Live, path: str) -> bool:
        """Whether a difference in ``path`` means that the object is not ours to delete."""
        return True

    def belongs_to_others(self, cloud: KindsCloud, live: Live, record: Record | None) -> bool:
        """Whether an object with `ownership_differences` is surely of somebody else: another state has tagged it."""
        return bool(live.tags) and bool(cloud.ownership.of_another_state(live.tags))

    def intent_outputs(self, desired: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs that the intent of a change records, so that the object is known again after a crash."""
        return {}

    def recreated_by_others(self, cloud: KindsCloud, live: Live, record: Record | None) -> bool:
        """Whether others made it again, without tags, in the place of what our record says that we deleted."""
        return False
