"""What every view of one cloud shares: the calls in flight, who we are, and what this process wrote."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property

from livekit_deploy.aws.access.answers import Answer, odd
from livekit_deploy.base.timing import counted


@dataclass(frozen=True)
class Identity:
    """Who the credentials belong to."""

    account: str
    arn: str
    look_up: Callable[[str], str] = field(repr=False, compare=False)

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov`` and so on."""
        return self.arn.split(":")[1]

    @cached_property
    def principal(self) -> str:
        """The IAM user or role, never the session of an assumed role.

        A session does not tell the path of its role, so that IAM is asked for it (GetRole), and only when it is needed:
        whoever looks at what runs needs no right to IAM.
        """
        return self.look_up(self.arn)


def identified(said: Answer, look_up: Callable[[str], str]) -> Identity:
    """Who STS says that we are."""
    if not re.fullmatch(r"\d{12}", said["Account"]):
        raise odd(said.call, "Account", "is not an account number")
    if not re.match(rf"arn:[\w-]+:(iam|sts)::{said['Account']}:", said["Arn"]):
        raise odd(said.call, "Arn", f"is not a principal of account {said['Account']}")
    return Identity(said["Account"], said["Arn"], look_up)


class Account:
    """One account as this process uses it, with ``parallelism`` calls in flight at most."""

    def __init__(self, parallelism: int = 10, identity: Identity | None = None) -> None:
        self._slots = threading.BoundedSemaphore(parallelism)
        self._lock = threading.Lock()
        self._calls = self._mutating = 0
        self._identity = identity
        self._written: dict[str, str] = {}

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return self._calls

    @property
    def mutating(self) -> int:
        """Mutating calls that have not come back yet."""
        return self._mutating

    @contextmanager
    def calling(self, *, changes: bool) -> Iterator[None]:
        """One call to AWS, once there is room for it."""
        with counted("queued"):
            self._slots.acquire()
        try:
            with self._lock:
                self._calls += 1
            with self.changing() if changes else nullcontext():
                yield
        finally:
            self._slots.release()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One change, whichever way it leaves."""
        with self._lock:
            self._mutating += 1
        try:
            yield
        finally:
            with self._lock:
                self._mutating -= 1

    def identity(self, ask: Callable[[], Identity]) -> Identity:
        """Who we are; asked once."""
        if self._identity is None:
            self._identity = ask()
        return self._identity

    @property
    def number(self) -> str:
        """The account's number, "" before it is known."""
        return self._identity.account if self._identity is not None else ""

    def wrote(self, arn: str, version: str) -> None:
        """Note the version that we gave a secret: newer than what Secrets Manager may tell of it yet."""
        self._written[arn] = version

    def written(self, arn: str) -> str | None:
        """The version that this process gave a secret."""
        return self._written.get(arn)
