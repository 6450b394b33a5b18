"""botocore clients: one session, one client for each service, time limits, and the lease check before each send."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

from livekit_deploy.aws.access.connecting import asking
from livekit_deploy.aws.access.pacing import Pacing
from livekit_deploy.aws.access.parsers import Parsers
from livekit_deploy.aws.errors.local import translating
from livekit_deploy.aws.errors.login import Login
from livekit_deploy.base.clock import Clock
from livekit_deploy.errors import CredentialsError

#: lets an attempt of a call leave, or raises; given the real time at which the call's first attempt began
Fence = Callable[[float], None]


class Clients:
    """Makes botocore clients from one session, each once, under a lock: clients are thread-safe, sessions are not.

    Without ``endpoint_url``, ``access_key`` and ``secret_key`` the usual AWS environment and profile decide.
    ``call_bound`` is the longest that one call may take in seconds, its retries included.
    ``instrument`` sees every new client (tests count and interrupt calls with it), ``listen`` the events of every new
    session, those that ask for credentials included; ``clock`` runs the pace of calls.
    """

    def __init__(
        self,
        region: str,
        *,
        profile: str | None = None,
        role_arn: str | None = None,
        endpoint_url: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        call_bound: float = 40.0,
        instrument: Callable[[Any], None] | None = None,
        listen: Callable[[Any], None] = lambda events: None,
        clock: Clock | None = None,
    ) -> None:
        self.region, self.profile, self.role_arn, self.endpoint_url = region, profile, role_arn, endpoint_url
        #: what errors say to do about credentials
        self.login = Login(profile, region, role_arn)
        self._keys = (access_key, secret_key)
        self.call_bound = call_bound
        self._instrument, self._listen = instrument, listen
        #: real time, as AWS counts it, unless a test has its own
        self.clock = clock or Clock()
        self.pacing = Pacing(self.clock)
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._opener: Clients = self
        self._made: dict[tuple[str, bool], Any] = {}
        self._local = threading.local()

    @property
    def attempt_bound(self) -> float:
        """Seconds that one attempt of a call may take."""
        return self.call_bound / 2

    def __call__(self, service: str, *, retries: bool = True) -> Any:
        """The client for ``service``; with ``retries=False`` one that sends each request at most once."""
        with self._lock:
            client = self._made.get((service, retries))
            if client is None:
                client = self._made[service, retries] = self._make(service, retries)
                if self._instrument is not None:
                    self._instrument(client)
            return client

    @property
    def on_this_machine(self) -> bool:
        """Whether what they ask is a rehearsal's, on this machine."""
        host = urlsplit(self("sts").meta.endpoint_url).hostname or ""
        return host in ("localhost", "127.0.0.1", "::1")

    def within(self, call_bound: float) -> Clients:
        """Clients of the same session and pace whose calls have a bound of their own; these keep theirs."""
        other = self.beside(self.region, call_bound=call_bound)
        other.pacing = self.pacing
        return other

    def beside(self, region: str, *, call_bound: float) -> Clients:
        """Clients of the same session for another region, with a bound of their own."""
        other = Clients(
            region,
            profile=self.profile,
            role_arn=self.role_arn,
            endpoint_url=self.endpoint_url,
            call_bound=call_bound,
            instrument=self._instrument,
            listen=self._listen,
            clock=self.clock,
        )
        other._opener, other._lock = self._opener, self._lock
        return other

    def session(self) -> boto3.Session:
        """The one session; the caller holds the lock."""
        if self._opener is not self:
            return self._opener.session()
        if self._session is None:
            with translating("sts", "session", self.login):
                self._session = self._open()
        return self._session

    def credentials(self) -> Any:
        """Those of the session, None where there are none; they may have to be renewed before they are used."""
        with self._lock, translating("sts", "credentials", self.login):
            return self.session().get_credentials()

    def _open(self) -> boto3.Session:
        access, secret = self._keys
        session = boto3.Session(
            aws_access_key_id=access, aws_secret_access_key=secret, profile_name=self.profile, region_name=self.region
        )
        self._listen(session.events)
        if self.role_arn is None:
            return session
        source = session.get_credentials()
        if source is None:
            raise CredentialsError("no AWS credentials to assume the role with", hint=f"log in: {self.login.again()}")
        inner = botocore.session.get_session()
        self._listen(inner.get_component("event_emitter"))
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=partial(inner.create_client, region_name=self.region, endpoint_url=self.endpoint_url),
            source_credentials=source,
            role_arn=self.role_arn,
        )
        inner._credentials = DeferredRefreshableCredentials(
            method="assume-role", refresh_using=fetcher.fetch_credentials
        )
        return boto3.Session(botocore_session=inner, region_name=self.region)

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
