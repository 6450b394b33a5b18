"""Programs of containers: chosen by image; each starts or fails with a last message, and answers requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from livekit_deploy.sandbox.cluster.port import RedisServer


@dataclass(frozen=True)
class Ended:
    """It ends ``seconds`` after its start with an exit code and these lines."""

    lines: tuple[str, ...] = ()
    code: int = 0
    seconds: float = 0.0


class Running(Protocol):
    """It runs until it is told to end."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What it says at its start."""

    @property
    def seconds(self) -> float:
        """AWS's seconds from its start until it listens."""

    def listens(self, port: int) -> bool:
        """Whether a TCP connection to that port is taken."""

    def ports(self) -> frozenset[int]:
        """The TCP ports that nobody else can have."""

    def answer(
        self, port: int, path: str, headers: Mapping[str, str], redis: tuple[RedisServer, ...]
    ) -> tuple[int, bytes]:
        """What it says to a request: status and body."""


@dataclass(frozen=True)
class Anything:
    """A program that nothing is known of: it runs, and is well wherever it is asked."""

    lines: tuple[str, ...]
    declared: frozenset[int] = field(default_factory=frozenset)
    seconds: float = 0.0

    def listens(self, port: int) -> bool:
        return True

    def ports(self) -> frozenset[int]:
        return self.declared

    def answer(
        self, port: int, path: str, headers: Mapping[str, str], redis: tuple[RedisServer, ...]
    ) -> tuple[int, bytes]:
        return 200, b"ok"
