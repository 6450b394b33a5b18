"""Where a state document is kept: one object that is replaced only if it is still the one that was read.

Both stores pass the same contract suite (tests/contract/test_store.py). The compare-and-swap is the fence of the whole
product, and its clock is the store's own: how old a lease is, is told by the machine that keeps the document.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from livekit_deploy.base.clock import http_date
from livekit_deploy.errors import Absent, Denied, DeployError, ResourceError, StateError


@dataclass(frozen=True)
class Stored:
    """A document as it was read: ``etag`` identifies the version, ``age`` is seconds since it was written, at least."""

    body: bytes
    etag: str
    age: float


@dataclass(frozen=True)
class Version:
    """An earlier document: ``id`` is the serial of the run whose copy it is, or the bucket's own version id.

    ``written`` is UTC, ISO 8601.
    """

    id: str
    written: str


class Mismatch(Exception):
    """The document is no longer the version that was expected; nothing was written."""


class Store(Protocol):
    """Keeps one document and its history."""

    @property
    def location(self) -> str:
        """Where the document is, for people."""

    def get(self) -> Stored | None:
        """The document, or None when there is none yet."""

    def put(self, body: bytes, expected: str | None) -> str:
        """Write if the version is still ``expected`` (None: if there is none); return the new version.

        Raises `Mismatch` when it is not, and `StateError` when the store cannot be written.
        """

    def archive(self, name: str, body: bytes) -> None:
        """Keep a copy beside the document, under ``history/``."""

    def versions(self, most: int) -> list[Version]:
        """Earlier documents, newest first: at most so many copies of runs, and so many versions of a bucket."""

    def version(self, id: str) -> bytes:
        """The document of one of `versions`; raises `StateError` when there is none."""

    def prepare(self) -> None:
        """Make the place where the document will live, idempotently; called before the first write only."""


class FileStore:
    """A document on this machine's disk: for one machine, and for tests."""

    def __init__(self, path: Path | str, *, now: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self._now = now

    @property
    def location(self) -> str:
        return str(self.path)

    def get(self) -> Stored | None:
        try:
            with self.path.open("rb") as file:  # one file: another may take its place between two looks at the path
                body, written = file.read(), os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"cannot read {self.path}: {error}", hint="check the file's owner and mode") from error
        return Stored(body, hashlib.sha256(body).hexdigest(), max(0.0, self._now() - written))

    def put(self, body: bytes, expected: str | None) -> str:
        try:
            with self._locked():
                current = self.get()
                if (current.etag if current else None) != expected:
                    raise Mismatch
                self._write(self.path, body)
        except OSError as error:
            raise StateError(f"cannot write {self.path}: {error}", hint=_ROOM) from error
        return hashlib.sha256(body).hexdigest()

    def archive(self, name: str, body: bytes) -> None:
        try:
            self._history.mkdir(parents=True, exist_ok=True)
            self._write(self._history / f"{self.path.stem}-{name}", body)
        except OSError as error:
            raise StateError(f"cannot write {self._history}: {error}", hint=_ROOM) from error

    def versions(self, most: int) -> list[Version]:
        pattern = f"{glob.escape(self.path.stem)}-*.json"
        copies = {path.stem.removeprefix(f"{self.path.stem}-"): path for path in self._history.glob(pattern)}
        newest = sorted((serial for serial in copies if serial.isdigit()), key=int, reverse=True)[:most]
        return [Version(serial, _iso(datetime.fromtimestamp(copies[serial].stat().st_mtime, UTC))) for serial in newest]

    def version(self, id: str) -> bytes:
        try:
            return (self._history / f"{self.path.stem}-{id}.json").read_bytes()
        except OSError as error:
            raise _no_version(self.location, id) from error

    @property
    def _history(self) -> Path:
        return self.path.parent / "history"

    def prepare(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"cannot make {self.path.parent}: {error}", hint="choose another state.path") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.path.with_suffix(".lock"), "a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _write(self, path: Path, body: bytes) -> None:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            os.utime(temporary, (self._now(), self._now()))
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def no_access(bucket: str, error: ResourceError) -> Denied:
    """S3 refuses the state bucket. Where it names what is missing, its words are the hint.

    Its bare "Access Denied" is the same for missing rights and for another owner than is expected.
    """
    said = "" if "perform: " in error.message else "access is denied, or it belongs to another account: "
    general = f"allow s3:ListBucket, s3:GetObject and s3:PutObject on {bucket}, or set another in state.bucket"
    return Denied(
        f"the state bucket {bucket} cannot be used: {said}{error}",
        code=error.code,
        request_id=error.request_id,
        hint=general if said else error.hint,
    )


class S3Store:
    """A document in S3, replaced with ``If-Match`` (Amazon S3 User Guide, conditional writes).

    ``s3`` is the S3 service of a `Cloud` without a fence; ``owner`` is the account that must own the bucket;
    everything is encrypted with ``kms_key`` where there is one, else as the bucket chooses.
    """

    def __init__(
        self,
        s3: Any,
        bucket: str,
        key: str,
        *,
        owner: str,
        kms_key: str | None = None,
        prepare: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._s3, self.bucket, self.key, self._owner, self._prepare, self._now = s3, bucket, key, owner, prepare, now
        self._encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}

    @property
    def location(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def get(self) -> Stored | None:
        return self._stored(self.key)

    def _stored(self, key: str) -> Stored | None:
        try:
            said, body = self._read(Key=key)
        except ResourceError as error:
            if error.code in ("NoSuchKey", "NoSuchBucket"):
                return None
            raise self._unusable("read", error) from error
        header = said["ResponseMetadata"]["HTTPHeaders"].get("date")
        now = http_date(header) if header else datetime.fromtimestamp(self._now(), UTC)
        if now is None:  # how old a lease is must not be guessed
            raise StateError(f"{self.location} is answered with an invalid Date: {header!r}", hint=_LATER)
        return Stored(body, said["ETag"], max(0.0, (now - said["LastModified"]).total_seconds() - _RESOLUTION))

    def put(self, body: bytes, expected: str | None) -> str:
        try:
            return self._write(self.key, body, expected)
        except ResourceError as error:
            raise self._unusable("written", error) from error

    def _write(self, key: str, body: bytes, expected: str | None) -> str:
        condition = {"IfMatch": expected} if expected else {"IfNoneMatch": "*"}
        try:
            said = self._s3.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType="application/json",
                ExpectedBucketOwner=self._owner,
                **condition,
                **self._encrypted,
            )
        except ResourceError as error:
            if error.code in _MISMATCH:
                raise Mismatch from error
            raise
        return str(said["ETag"])

    def _read(self, **what: str) -> tuple[Mapping[str, Any], bytes]:
        """The answer and its body, which may break off after the answer has begun: no client repeats that by itself."""
        attempts = 0
        while True:
            said = self._s3.get_object(Bucket=self.bucket, ExpectedBucketOwner=self._owner, **what)
            attempts += 1
            try:
                return said, bytes(said["Body"].read())
            except (BotoCoreError, HTTPError) as error:
                if attempts == _READS:
                    raise StateError(f"{self.location} cannot be read: {error}", hint=_LATER) from error

    def _unusable(self, verb: str, error: ResourceError) -> DeployError:
        """A refusal by rights stays one; everything else is the store's."""
        if isinstance(error, Denied):
            return no_access(self.bucket, error)
        return StateError(
            f"{self.location} cannot be {verb}: {error}",
            code=error.code,
            request_id=error.request_id,
            hint=error.hint or _LATER,
        )

    def archive(self, name: str, body: bytes) -> None:
        key, expected = f"{self._history}{name}", None
        for _ in range(_TRIES):
            try:
                self._write(key, body, expected)
                return
            except Mismatch:  # it is there already, or S3 asks to fetch and to try again
                if (there := self._stored(key)) is not None and there.body == body:
                    return
                expected = there.etag if there else None
        raise StateError(f"s3://{self.bucket}/{key} keeps asking to try again", hint=_LATER)

    def versions(self, most: int) -> list[Version]:
        where = {"Bucket": self.bucket, "ExpectedBucketOwner": self._owner}
        try:
            copies = self._s3.pages("list_objects_v2", "Contents", Prefix=self._history, **where)
            kept = self._kept(most)
        except Absent:
            return []
        runs = {item["Key"].removeprefix(self._history).removesuffix(".json"): item for item in copies}
        newest = sorted((serial for serial in runs if serial.isdigit()), key=int, reverse=True)[:most]
        found = [Version(serial, _iso(runs[serial]["LastModified"])) for serial in newest]
        return [*found, *(Version(v["VersionId"], _iso(v["LastModified"])) for v in kept)]

    def _kept(self, most: int) -> list[Mapping[str, Any]]:
        """The newest versions of the document; a page of S3's counts delete markers and other keys too."""
        found: list[Mapping[str, Any]] = []
        begins: dict[str, str] = {}
        while True:
            said = self._s3.list_object_versions(
                Bucket=self.bucket, Prefix=self.key, ExpectedBucketOwner=self._owner, **begins
            )
            found += [one for one in said.get("Versions", []) if one["Key"] == self.key]
            if len(found) >= most or not said.get("IsTruncated"):
                return found[:most]
            begins = {"KeyMarker": said["NextKeyMarker"], "VersionIdMarker": said["NextVersionIdMarker"]}

    def version(self, id: str) -> bytes:
        what = {"Key": f"{self._history}{id}.json"} if id.isdigit() else {"Key": self.key, "VersionId": id}
        try:
            return self._read(**what)[1]
        except ResourceError as error:
            if error.code in _NO_VERSION:
                raise _no_version(self.location, id) from error
            raise

    @property
    def _history(self) -> str:
        return f"{self.key.removesuffix('.json')}/history/"

    def prepare(self) -> None:
        self._prepare()


#: the last: If-Match on a document that somebody deleted
_MISMATCH = ("PreconditionFailed", "ConditionalRequestConflict", "OperationAborted", "NoSuchKey")
_READS = 3  # times that a document is asked for whose body breaks off
_LATER = "run the same command again when S3 answers"
_TRIES = 4  # of a copy that S3 refuses for the moment
_RESOLUTION = 1.0  # seconds: S3's Date and LastModified are whole ones, so that their difference may be one too many
_ROOM = "check disk space and permissions"
_NO_VERSION = ("NoSuchKey", "NoSuchBucket", "NoSuchVersion", "InvalidArgument")  # the last: no possible version id


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _no_version(where: str, id: str) -> StateError:
    return StateError(f"{where} has no earlier version {id}", hint="see which there are: livekit-deploy state history")
