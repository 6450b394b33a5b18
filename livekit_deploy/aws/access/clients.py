"""botocore clients: one session, one client for each service, time limits, and the lease check before each send."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config

from livekit_deploy.aws.access.fenced_connections import asking
from livekit_deploy.aws.access.login import Opener, Session
from livekit_deploy.aws.access.pacing import Pacing
from livekit_deploy.aws.access.parsers import Parsers
from livekit_deploy.aws.errors.client_side import translating
from livekit_deploy.aws.errors.login import Login
from livekit_deploy.base.clock import Clock

#: lets an attempt of a call leave, or raises; given the real time at which the call's first attempt began
Fence = Callable[[float], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Clients:
    """Makes botocore clients from one session, each once, under a lock: clients are thread-safe, sessions are not.

    Without ``endpoint_url``, ``access_key`` and ``secret_key`` the usual AWS environment and profile decide, or a
    session that was ``opened`` before. ``call_bound`` is the longest that one call may take in seconds, its retries
    included.
    ``instrument`` sees every new client (tests count and interrupt calls with it), ``listen`` the events of every new
    session, those that ask for credentials included; ``clock`` runs the pace of calls: real time, as AWS counts it,
    unless a test has its own.

    They never change: others of the same session are made from them, which are their ``kin``.
    """

    region: str = field(kw_only=False)
    profile: str | None = None
    role_arn: str | None = None
    endpoint_url: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    call_bound: float = 40.0
    instrument: Callable[[Any], None] | None = None
    listen: Callable[[Any], None] = lambda events: None
    clock: Clock = field(default_factory=Clock)
    opened: InitVar[Session | None] = None
    kin: InitVar[Clients | None] = None
    pacing: Pacing = field(init=False, repr=False)
    _opener: Opener = field(init=False, repr=False)
    _made: dict[tuple[str, bool], Any] = field(init=False, repr=False, default_factory=dict)
    _local: threading.local = field(init=False, repr=False, default_factory=threading.local)

    def __post_init__(self, opened: Session | None, kin: Clients | None) -> None:
        keys = (self.access_key, self.secret_key)
        opener = Opener(self.login, endpoint_url=self.endpoint_url, keys=keys, listen=self.listen, opened=opened)
        object.__setattr__(self, "_opener", kin._opener if kin is not None else opener)
        same = kin is not None and kin.region == self.region
        object.__setattr__(self, "pacing", kin.pacing if kin is not None and same else Pacing(self.clock))

    @property
    def login(self) -> Login:
        """What errors say to do about credentials."""
        return Login(self.profile, self.region, self.role_arn)

    @property
    def attempt_bound(self) -> float:
        """Seconds that one attempt of a call may take."""
        return self.call_bound / 2

    def __call__(self, service: str, *, retries: bool = True) -> Any:
        """The client for ``service``; with ``retries=False`` one that sends each request at most once."""
        with self._opener.lock:
            client = self._made.get((service, retries))
            if client is None:
                client = self._made[service, retries] = self._make(service, retries)
                if self.instrument is not None:
                    self.instrument(client)
            return client

    @property
    def on_this_machine(self) -> bool:
        """Whether what they ask is a rehearsal's, on this machine."""
        host = urlsplit(self("sts").meta.endpoint_url).hostname or ""
        return host in ("localhost", "127.0.0.1", "::1")

    def within(self, call_bound: float) -> Clients:
        """Clients of the same session and pace whose calls have a bound of their own."""
        return self if call_bound == self.call_bound else replace(self, call_bound=call_bound, kin=self)

    def beside(self, region: str, *, call_bound: float) -> Clients:
        """Clients of the same session for another region, with a bound of their own."""
        return replace(self, region=region, call_bound=call_bound, kin=self)

    def session(self) -> Session:
        """The one session."""
        return self._opener.session()

    def credentials(self) -> Any:
        """Those of the session, None where there are none; they may have to be renewed before they are used."""
        with self._opener.lock, translating("sts", "credentials", self.login):
            return self.session().get_credentials()

    def _make(self, service: str, retries: bool) -> Any:
        config = Config(
            connect_timeout=min(5.0, self.attempt_bound / 2),
            read_timeout=self.attempt_bound / 2,
            max_pool_connections=32,
            retries={"mode": "standard", "total_max_attempts": 5} if retries else {"total_max_attempts": 1},
            user_agent_extra="livekit_deploy",
        )
        with translating(service, "client", self.login):
            session = self.session()
            session._session.register_component("response_parser_factory", Parsers())
            client = session.client(service, region_name=self.region, config=config, endpoint_url=self.endpoint_url)
        client.meta.events.register("before-send", self._before_send)
        http = client._endpoint.http_session
        http._pool_classes_by_scheme = asking(http._pool_classes_by_scheme, self.ask)  # of proxies to come
        http._manager.pool_classes_by_scheme = http._pool_classes_by_scheme
        self.pacing.watch(service, client)
        return client

    # ---- the fence: asked right before each attempt of a call leaves, in the thread that makes the call

    @contextmanager
    def leaving(self, fence: Fence | None) -> Iterator[None]:
        """A call that begins now in this thread, and what must let each of its attempts pass."""
        before: tuple[Fence, float] | None = getattr(self._local, "leaving", None)
        self._local.leaving = (fence, time.monotonic()) if fence is not None else None
        try:
            yield
        finally:
            self._local.leaving = before

    def ask(self) -> None:
        """Raise unless this thread's call may leave: asked before it is sent, and once a connection is made for it."""
        leaving: tuple[Fence, float] | None = getattr(self._local, "leaving", None)
        if leaving is not None:
            fence, begun = leaving
            fence(begun)

    def _before_send(self, **_: Any) -> None:
        self.ask()
