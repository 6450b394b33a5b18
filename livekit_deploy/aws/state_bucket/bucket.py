"""Creates and configures the state bucket. It is outside of the graph, and `down` never deletes it.

It is created with our tag and the tag `UNFINISHED`, both in the call that makes it. `up` configures a bucket that has
both, and takes the second away last, so that what a killed run began is finished by the next. Any other bucket, also
a finished one of ours, is read and reported, and never changed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import PROJECT, mapping, pairs
from livekit_deploy.aws.state_bucket.races import race, removed
from livekit_deploy.aws.state_bucket.settings import SETTINGS, VERSIONING, Bucket
from livekit_deploy.config import Environment, FileState
from livekit_deploy.errors import Absent, Conflict, Denied, ResourceError, StateError
from livekit_deploy.state.store import FileStore, S3Store, Store, no_access

#: on a bucket of ours until all its settings are made
UNFINISHED = "livekit-deploy:unfinished"
#: how an S3 that is not Amazon's says that it has no such setting
_NO_SUCH_CALL = ("NotImplemented", "MethodNotAllowed", "501")


def default_bucket(account: str, region: str) -> str:
    """The bucket's name where the environment file names none."""
    return f"livekit-deploy-{account}-{region}"


def store_of(env: Environment, cloud: Cloud, run: Cloud) -> Store:
    """Where the environment's state document lives; ``cloud`` is one without a fence, since the lease is in it.

    ``run`` knows whose account it is.
    """
    where = env.state
    if isinstance(where, FileState):
        return FileStore(where.path)
    owner = run.identity.account
    bucket = where.bucket or default_bucket(owner, env.region)
    stem = f"livekit-deploy/{env.project}/{env.name}"

    def prepare() -> None:
        ensure_bucket(cloud, bucket, where.kms_key)
        if note := _raced(Bucket(cloud, bucket, where.kms_key), stem):
            cloud.context.tell(note)

    return S3Store(cloud.s3, bucket, f"{stem}.json", owner=owner, kms_key=where.kms_key, prepare=prepare)


def ensure_bucket(cloud: Cloud, bucket: str, kms_key: str | None = None) -> None:
    """Make the bucket, or finish one that an earlier run of ours began; any other is only checked.

    Raises `Denied` when it belongs to another account, `StateError` when it is not versioned.
    """
    place = Bucket(cloud, bucket, kms_key)
    if not _exists(place):
        _create(place)
    tags = _tags(place)
    if not _unfinished(tags):
        _check(place)
        return
    for setting in (VERSIONING, *SETTINGS):
        try:
            setting.make(place)
        except ResourceError as error:
            if error.code not in _NO_SUCH_CALL or setting is VERSIONING:
                raise
            cloud.context.tell(f"the bucket {bucket} stays without a setting: {setting.lacking} ({error})")
    kept = {name: value for name, value in tags.items() if name != UNFINISHED}
    place.ask("put_bucket_tagging", Tagging={"TagSet": pairs(kept)})


@dataclass(frozen=True)
class Seen:
    """What `prerequisites` tells of a bucket; ``lacks`` are settings that a bucket of ours has and this one has not."""

    text: str
    lacks: tuple[str, ...] = ()


def probe_bucket(cloud: Cloud, bucket: str, stem: str, kms_key: str | None = None, *, fix: bool) -> Seen:
    """What there is: settings, and whether of several conditional writes at once one wins.

    With ``fix`` the versioning of a bucket is turned on, and nothing else. The probe is removed again.
    Raises `StateError` for a bucket that cannot keep a state, `Denied` for one of another account.
    """
    place = Bucket(cloud, bucket, kms_key)
    if not _exists(place):
        return Seen("it does not exist yet; up makes it")
    if _unfinished(_tags(place)):
        return Seen("its creation is not finished yet; up finishes it")
    if fix and not VERSIONING.holds(place):
        VERSIONING.make(place)
    else:
        _check(place)
    note = _raced(place, stem)
    text = "versioned, honours conditional writes"
    return Seen(f"{text}; {note}" if note else text, tuple(one.lacking for one in SETTINGS if not one.holds(place)))


def _raced(place: Bucket, stem: str) -> str:
    """Let writers race for an object of its own; what is worth a line of it, "" for nothing."""
    key = f"{stem}/probe/{uuid.uuid4().hex}"
    direct = Cloud(place.cloud.clients, place.cloud.ownership)  # nothing that it reads is remembered
    try:
        race(place.cloud, S3Store(direct.s3, place.name, key, owner=place.owner, kms_key=place.kms_key))
    finally:
        note = removed(place, key)
    return note


def _exists(place: Bucket) -> bool:
    """By a call whose refusal has a code and words, which that of HeadBucket has not; it needs the same right."""
    try:
        place.ask("list_objects_v2", Prefix="livekit-deploy/", MaxKeys=1)
    except Absent:
        return False
    except Denied as error:
        raise no_access(place.name, error) from error
    return True


def _create(place: Bucket) -> None:
    own_tags = pairs({PROJECT: place.cloud.ownership.project, UNFINISHED: "true"})
    asked: dict[str, Any] = {"Tags": own_tags}
    if place.cloud.region != "us-east-1":
        asked["LocationConstraint"] = place.cloud.region
    try:
        place.born(asked)
    except Conflict as error:
        if error.code == "BucketAlreadyOwnedByYou":
            return
        raise StateError(
            f"the bucket name {place.name} is taken by another account", hint="choose another in state.bucket"
        ) from error
    if not _tags(place):  # an S3 that takes no tags in this call
        place.ask("put_bucket_tagging", Tagging={"TagSet": own_tags})


def _tags(place: Bucket) -> dict[str, str]:
    try:
        return mapping(place.ask("get_bucket_tagging")["TagSet"])
    except ResourceError as error:
        if error.code == "NoSuchTagSet":
            return {}
        raise


def _unfinished(tags: dict[str, str]) -> bool:
    return PROJECT in tags and UNFINISHED in tags


def _check(place: Bucket) -> None:
    if not VERSIONING.holds(place):
        raise StateError(
            f"the bucket {place.name} is not versioned",
            hint="turn its versioning on (livekit-deploy prerequisites --fix), or set another in state.bucket",
        )
