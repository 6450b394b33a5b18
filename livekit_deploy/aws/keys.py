"""A KMS key of our own for the cluster's secrets, and the alias by which people find it.

A key has neither a token nor a name of its own, so it is found by its tags. KMS keeps a deleted key for a week at
least; it reads as absent from then on, a new one is made, and only the alias is used again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.aws.tags import ADDRESS, kms_pairs, mapping
from livekit_deploy.engine.inputs import Input, Output
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import Absent, NotOurs, ResourceError

if TYPE_CHECKING:
    from livekit_deploy.config import Cluster

_KEPT_DAYS = 7
#: what is done to a key of ours, and what is done to it and to its alias
ON_KEY = ("EnableKeyRotation", "UpdateKeyDescription", "ScheduleKeyDeletion", "CreateGrant")
ON_ALIAS = ("CreateAlias", "UpdateAlias", "DeleteAlias")
#: KMS takes no key policy that would not let its author change it again (KMS API reference, CreateKey)
_MUST = ("PutKeyPolicy",)


class Key(Resource):
    """A symmetric key. ``rotation`` turns yearly rotation on. Source: KMS API reference, CreateKey."""

    kind = "kms.key"
    grace = 30.0
    propagation = {"ThrottlingException": ()}  # the create is sent once only, and nothing comes of a throttled one

    description: Input[str] = Input(api="Description")
    rotation: Input[bool] = Input(api="EnableKeyRotation", default=True)

    id = Output[str]()
    arn = Output[str]()

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        if id is not None and (live := _describe(cloud, id)) is not None:
            return live
        tagged = sorted(
            (found for found in self.scan(cloud, None) if found.address == self.address), key=lambda one: one.live.id
        )
        return tagged[0].live if tagged else None

    def create(self, cloud: Cloud, token: str) -> str:
        said = cloud.once("kms").create_key(
            Description=self.description,
            Tags=kms_pairs(cloud.marks.tags(self.address, cloud.name(self.instance))),
            Policy=_policy(cloud),
        )
        return str(said["KeyMetadata"]["KeyId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        if "description" in changed:
            cloud.kms.update_key_description(KeyId=live.id, Description=self.description)
        elif self.rotation:
            cloud.kms.enable_key_rotation(KeyId=live.id)
        else:
            cloud.kms.disable_key_rotation(KeyId=live.id)

    def delete(self, cloud: Cloud, live: Live) -> None:
        try:
            cloud.kms.schedule_key_deletion(KeyId=live.id, PendingWindowInDays=_KEPT_DAYS)
        except ResourceError as error:
            if error.code != "KMSInvalidStateException" or "pending deletion" not in error.message:
                raise
            # the answer to an earlier attempt was lost: it is scheduled already

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        for key, tags in _ours(cloud):
            if key["KeyState"] != "PendingDeletion":
                yield Found(tags.get(ADDRESS, ""), _live(cloud, key))

    @classmethod
    def vanishing(cls, cloud: Cloud) -> Iterator[tuple[str, str]]:
        for key, _ in _ours(cloud):
            if key["KeyState"] == "PendingDeletion":
                yield f"KMS key {key['KeyId']}", f"on {key['DeletionDate']:%Y-%m-%d}"


def _policy(cloud: Cloud) -> str:
    """The account's IAM policies decide, as they do by default; besides, whoever makes the key may go on at once.

    The tags of a key take up to five minutes until IAM policies may ask for them (KMS developer guide, "ABAC for AWS
    KMS"), and the cluster is made before that.
    """
    who = cloud.identity
    root = f"arn:{who.partition}:iam::{who.account}:root"
    own = [f"kms:{action}" for action in (*ON_KEY, *ON_ALIAS, *_MUST)]
    statements = [
        {"Sid": "AccountDecides", "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"},
        {"Sid": "Maker", "Effect": "Allow", "Principal": {"AWS": who.principal}, "Action": own, "Resource": "*"},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _ours(cloud: Cloud) -> Iterator[tuple[Mapping[str, Any], dict[str, str]]]:
    """Our keys with their tags: one tagging query, then a look at each."""
    if cloud.marks.lineage is None:
        return
    query = [{"Key": "livekit-deploy:lineage", "Values": [cloud.marks.lineage]}]
    found = cloud.resourcegroupstaggingapi.pages(
        "get_resources", "ResourceTagMappingList", TagFilters=query, ResourceTypeFilters=["kms:key"]
    )
    for item in found:
        try:
            yield cloud.kms.describe_key(KeyId=item["ResourceARN"])["KeyMetadata"], mapping(item["Tags"])
        except Absent:
            continue


def _describe(cloud: Cloud, id: str) -> Live | None:
    try:
        key = cloud.kms.describe_key(KeyId=id)["KeyMetadata"]
    except Absent:
        return None
    return None if key["KeyState"] == "PendingDeletion" else _live(cloud, key)


def _live(cloud: Cloud, key: Mapping[str, Any]) -> Live:
    rotates = bool(cloud.kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"])
    props = {"description": key.get("Description", ""), "rotation": rotates}
    status = Status.READY if key["KeyState"] in ("Enabled", "Disabled") else Status.PENDING
    return Live(key["KeyId"], status, props, {"id": key["KeyId"], "arn": key["Arn"]}, f"key: {key['KeyState']}")


class Alias(Resource):
    """``alias/livekit-uat-cluster``. Source: KMS API reference, CreateAlias.

    An alias has no tags: it is ours when the record says so, or when the key that it names is ours.
    """

    kind = "kms.alias"

    key_id: Input[str] = Input(api="TargetKeyId")

    def _name(self, cloud: Cloud) -> str:
        return f"alias/{cloud.name(self.instance)}"

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        name = id or self._name(cloud)
        if (target := _target(cloud, name)) is None:
            return None
        if id is None and self.address not in cloud.marks.adopt and not _is_ours(cloud, target):
            raise NotOurs(
                f"{self.address}: {name} exists already, and the key behind it is not ours",
                hint=f"choose another name or project, or take it over with --adopt {self.address}",
            )
        return Live(name, Status.READY, {"key_id": target})

    def create(self, cloud: Cloud, token: str) -> str:
        cloud.kms.create_alias(AliasName=self._name(cloud), TargetKeyId=self.key_id)
        return self._name(cloud)

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        cloud.kms.update_alias(AliasName=live.id, TargetKeyId=self.key_id)

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.kms.delete_alias(AliasName=live.id)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        """By the keys that are ours: an alias of one is at the address that its name tells."""
        prefix = f"alias/{cloud.marks.prefix}-"
        ids = {key["KeyId"] for key, _ in _ours(cloud)}
        if not ids:
            return
        for alias in cloud.kms.pages("list_aliases", "Aliases"):
            if alias.get("TargetKeyId") in ids and alias["AliasName"].startswith(prefix):
                address = f"{cls.kind}/{alias['AliasName'].removeprefix(prefix)}"
                yield Found(address, Live(alias["AliasName"], Status.READY, {"key_id": alias["TargetKeyId"]}))

    @classmethod
    def exists(cls, cloud: Cloud, live: Live) -> bool:
        return _target(cloud, live.id) is not None


def _target(cloud: Cloud, alias: str) -> str | None:
    """The id of the key behind an alias, None where there is no such alias; lists of them may be minutes late (KMS
    developer guide, "AWS KMS eventual consistency")."""
    try:
        return str(cloud.kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"])
    except Absent:
        return None


def _is_ours(cloud: Cloud, key_id: str) -> bool:
    return any(key["KeyId"] == key_id for key, _ in _ours(cloud))


class KeysProvisioner:
    """``key`` and its alias when the file asks for a key of the cluster's own; else None."""

    def __init__(self, cluster: Cluster) -> None:
        self.key: Key | None = None
        self.alias: Alias | None = None
        if cluster.secrets_key:
            self.key = Key("cluster", description="Secrets of the LiveKit cluster")
            self.alias = Alias("cluster", key_id=self.key.id)

    @property
    def resources(self) -> list[Resource]:
        return [item for item in (self.key, self.alias) if item is not None]
