"""Tests whether a store keeps two runs apart: of several concurrent conditional writes, exactly one may win.

A store that compares and then writes passes every test that asks one thing after the other, so writers race here.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.state_bucket.settings import Bucket
from livekit_deploy.errors import DeployError, StateError
from livekit_deploy.state.store import Mismatch, S3Store

WRITERS, ROUNDS = 6, 5
_TRIES = 5  # of a round that nobody won: every writer was told to try again, or an answer was lost


def race(cloud: Cloud, probe: S3Store) -> None:
    """Let writers race to make the object, and then to replace it; raises `StateError` unless one wins each time."""
    with ThreadPoolExecutor(WRITERS) as pool:
        version: str | None = None
        for number in range(ROUNDS):
            version = _round(cloud, pool, probe, number, version)


def _round(cloud: Cloud, pool: ThreadPoolExecutor, probe: S3Store, number: int, expected: str | None) -> str:
    """One race; the version that won."""

    def run() -> list[str]:
        nonlocal expected
        start = threading.Barrier(WRITERS)

        def write(writer: int) -> str | None:
            start.wait()
            try:
                return probe.put(f"round {number}, writer {writer}".encode(), expected)
            except Mismatch:
                return None

        won = [version for version in pool.map(write, range(WRITERS)) if version is not None]
        if not won:
            found = probe.get()
            expected = found.etag if found else None
            raise _NobodyWon
        return won

    tried = iter(range(1, _TRIES))
    try:
        won = cloud.insist(run, lambda error: isinstance(error, _NobodyWon) and next(tried, None) is not None)
    except _NobodyWon:
        raise _unfit(probe, "refuses every one of them") from None
    if len(won) > 1:
        raise _unfit(probe, f"let {len(won)} of {WRITERS} concurrent writers win")
    return won[0]


class _NobodyWon(Exception):
    """All writers were refused."""


def _unfit(probe: S3Store, what: str) -> StateError:
    return StateError(
        f"the bucket {probe.bucket} does not honour conditional writes: it {what}; two runs at once could not be kept "
        "apart",
        hint="keep the state in Amazon S3, or in a store that honours If-None-Match and If-Match",
    )


def removed(bucket: Bucket, key: str) -> str:
    """Take the object away with all its versions; why something of it stays, "" when nothing does."""
    try:
        for one in bucket.ask("list_object_versions", Prefix=key).get("Versions", []):
            bucket.ask("delete_object", Key=key, VersionId=one["VersionId"])
    except DeployError as error:
        return f"the probe {key} stays there: {error}"
    return ""
