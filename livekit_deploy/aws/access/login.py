"""How this process logs in to AWS: one boto3 session, opened when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import botocore.session
from boto3 import Session as Session
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

from livekit_deploy.aws.errors.client_side import translating
from livekit_deploy.aws.errors.login import Login
from livekit_deploy.errors import CredentialsError


class Opener:
    """Opens the session; ``lock`` is held by whoever works with it, since sessions are not thread-safe."""

    def __init__(
        self,
        login: Login,
        *,
        endpoint_url: str | None,
        keys: tuple[str | None, str | None],
        listen: Callable[[Any], None],
        opened: Session | None,
    ) -> None:
        self.lock = threading.RLock()
        self._login, self._endpoint_url, self._keys, self._listen = login, endpoint_url, keys, listen
        self._session = opened

    def session(self) -> Session:
        """The one session."""
        with self.lock:
            if self._session is None:
                with translating("sts", "session", self._login):
                    self._session = self._open()
            return self._session

    def _open(self) -> Session:
        (access, secret), login = self._keys, self._login
        session = Session(
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            profile_name=login.profile,
            region_name=login.region,
        )
        self._listen(session.events)
        if login.role_arn is None:
            return session
        source = session.get_credentials()
        if source is None:
            raise CredentialsError("no AWS credentials to assume the role with", hint=f"log in: {login.again()}")
        inner = botocore.session.get_session()
        self._listen(inner.get_component("event_emitter"))
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=partial(inner.create_client, region_name=login.region, endpoint_url=self._endpoint_url),
            source_credentials=source,
            role_arn=login.role_arn,
        )
        inner._credentials = DeferredRefreshableCredentials(
            method="assume-role", refresh_using=fetcher.fetch_credentials
        )
        return Session(botocore_session=inner, region_name=login.region)
