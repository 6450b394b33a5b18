"""The stores that the suites of the state document run against, and the clock that their tests move."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from moto import mock_aws

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.state_bucket.bucket import ensure_bucket
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.install import install
from livekit_deploy.state.store import FileStore, S3Store, Store, Stored, Version
from tests.aws.rig import REGION, sharing

KEY = "livekit-deploy/livekit/uat.json"


@dataclass(frozen=True)
class Server:
    """An S3 that somebody else wrote; ``bucket`` is of ``owner``, and is made by the product where it is not there."""

    endpoint_url: str
    access_key: str
    secret_key: str
    owner: str
    bucket: str
    is_there: bool = False


class Timed:
    """A store whose documents are older than they are, by ``ahead`` seconds that a test lets pass."""

    def __init__(self, inner: Store) -> None:
        self.inner, self.ahead = inner, 0.0
        #: the body of each document that was sent → `ahead` by then
        self._sent: dict[bytes, float] = {}

    def get(self) -> Stored | None:
        found = self.inner.get()
        return found and replace(found, age=found.age + self.ahead - self._sent.get(found.body, 0.0))

    def put(self, body: bytes, expected: str | None) -> str:
        self._sent.setdefault(body, self.ahead)
        return self.inner.put(body, expected)

    @property
    def location(self) -> str:
        return self.inner.location

    def archive(self, name: str, body: bytes) -> None:
        self.inner.archive(name, body)

    def versions(self, most: int) -> list[Version]:
        return self.inner.versions(most)

    def version(self, id: str) -> bytes:
        return self.inner.version(id)

    def prepare(self) -> None:
        self.inner.prepare()

    # ---- what somebody else does to it

    def overwrite(self) -> None:
        """Put what is no state document in its place."""
        if isinstance(self.inner, FileStore):
            self.inner.path.write_bytes(b"{}")
        elif isinstance(self.inner, S3Store):
            self.inner._s3.put_object(Bucket=self.inner.bucket, Key=self.inner.key, Body=b"{}")

    def remove(self) -> None:
        """Delete it; a versioned bucket has a delete marker in its place."""
        if isinstance(self.inner, FileStore):
            self.inner.path.unlink()
        elif isinstance(self.inner, S3Store):
            self.inner._s3.delete_object(Bucket=self.inner.bucket, Key=self.inner.key)

    def empty(self) -> None:
        """Delete it with all its versions."""
        if isinstance(self.inner, S3Store):
            where = {"Bucket": self.inner.bucket, "Key": self.inner.key}
            for one in self.inner._s3.list_object_versions(Bucket=self.inner.bucket)["Versions"]:
                self.inner._s3.delete_object(**where, VersionId=one["VersionId"])
        else:
            self.remove()


def on_disk(folder: Path) -> Store:
    return FileStore(folder / "deep" / "state.json")


@contextmanager
def in_the_sandbox() -> Iterator[Store]:
    """In an S3 of the sandbox's in this process."""
    install(SandboxClock(math.inf))
    with mock_aws():
        cloud = Cloud(Clients(REGION, access_key="x", secret_key="y"), OwnershipTags("livekit", "uat"))
        yield _in(cloud, "acme-state", "123456789012")


def on(server: Server) -> Store:
    """In an empty bucket of a server."""
    clients = Clients(REGION, endpoint_url=server.endpoint_url, opened=sharing(server.access_key, server.secret_key))
    return _in(Cloud(clients, OwnershipTags("livekit", "uat")), server.bucket, server.owner, is_there=server.is_there)


def _in(cloud: Cloud, bucket: str, owner: str, *, is_there: bool = False) -> Store:
    prepare = (lambda: None) if is_there else (lambda: ensure_bucket(cloud, bucket))
    return S3Store(cloud.s3, bucket, KEY, owner=owner, prepare=prepare)
