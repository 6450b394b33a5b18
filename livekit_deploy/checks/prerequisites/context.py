"""What the prerequisite checks get: the environment, its records, and access to AWS and to the Internet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.zones import Layout, Zone, laid_out, offered
from livekit_deploy.checks.reach import Reach
from livekit_deploy.config import Environment
from livekit_deploy.engine.graph import ordered
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import DeployError
from livekit_deploy.state.document import Phase, Record, State


class PrerequisitesContext:
    """Everything is read once, whichever checks ask for it. ``declare`` makes the resources, in a layout if one can be
    had; ``lease`` reads the state; ``fix`` allows what is safe to be corrected."""

    def __init__(
        self,
        env: Environment,
        cloud: Cloud,
        reach: Reach,
        declare: Callable[[Layout | None], Sequence[Resource]],
        lease: Callable[[], tuple[State, Any, float] | None],
        *,
        fix: bool = False,
    ) -> None:
        self.env, self.cloud, self.reach, self.fix = env, cloud.remembering(), reach, fix
        self._declare, self._lease = declare, lease

    @cached_property
    def state(self) -> State | DeployError | None:
        """The state document, or what keeps it from being read, which the check of the bucket tells."""
        try:
            found = self._lease()
        except DeployError as error:
            return error
        if found is not None:
            self.cloud = self.cloud.with_lineage(found[0].lineage)
        return found[0] if found else None

    @property
    def records(self) -> Mapping[str, Record]:
        """What is recorded; nothing where the state cannot be read."""
        return self.state.records if isinstance(self.state, State) else {}

    @cached_property
    def layout(self) -> Layout:
        """The zones that get subnets; raises `ConfigError` where they cannot be had."""
        return laid_out(self.env, self.cloud, self.records)

    @cached_property
    def zones(self) -> dict[str, Zone]:
        """The zones of the region as this account has them, by name."""
        return {zone.name: zone for zone in offered(self.cloud)}

    @cached_property
    def resources(self) -> Sequence[Resource]:
        """What is declared; that zones cannot be had is told by their own check."""
        try:
            return self._declare(self.layout)
        except DeployError:
            return self._declare(None)

    @cached_property
    def to_make(self) -> list[Resource]:
        """What `up` would make: it is not ready by the state."""
        return [
            item
            for item in ordered(self.resources)
            if (record := self.records.get(item.address)) is None or record.phase is not Phase.READY
        ]

    def count(self, kind: str) -> int:
        """How many of a kind `up` would make."""
        return sum(item.kind == kind for item in self.to_make)

    @property
    def seconds_of_up(self) -> float:
        """How long `up` usually takes from here: the longest chain of what is to be made."""
        length: dict[str, float] = {}
        for item in self.to_make:
            before = max((length.get(other.address, 0.0) for other in item.dependencies()), default=0.0)
            length[item.address] = before + item.usual
        return max(length.values(), default=0.0)
