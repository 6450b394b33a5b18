"""The KMS key that encrypts the cluster's secrets, and its alias.

A key has neither a token nor a name of its own, so it is found by its tags. KMS keeps a deleted key for a week at
least. One that `down` scheduled for deletion reads as absent: a new one is made, and only the alias is used again. One
that is recorded, or that encrypts the secrets of a living cluster, is never replaced: nothing could read them again.
`up` cancels its deletion and enables it. Source: KMS developer guide, "Key states of AWS KMS keys".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS, kms_pairs, mapping
from livekit_deploy.aws.kinds.eks.cluster import CREATOR, cluster_name
from livekit_deploy.aws.kinds.iam.policy_documents import normal, shown_statement, statements
from livekit_deploy.aws.kinds.named import there
from livekit_deploy.aws.kinds.states import CLUSTER, DEGRADED, KEY
from livekit_deploy.aws.kinds.tag_index import tagged
from livekit_deploy.engine.inputs import Input, Inputs, Output
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import ResourceError
from livekit_deploy.state.document import Record

_KEPT_DAYS = 7
ENABLED, _PENDING = "Enabled", "PendingDeletion"
#: what is done to a key of ours, and what is done to it and to its alias
ON_KEY = (
    *("EnableKeyRotation", "UpdateKeyDescription", "ScheduleKeyDeletion", "CreateGrant"),
    *("CancelKeyDeletion", "EnableKey", "PutKeyPolicy"),
)
ON_ALIAS = ("CreateAlias", "UpdateAlias", "DeleteAlias")
#: how a policy names a principal that is no more (IAM user guide, "Unique identifiers")
_GONE = re.compile(r"A(?:RO|ID)A[A-Z0-9]+")


class Key(Resource):
    """A symmetric key. ``rotation`` turns yearly rotation on, ``state`` is ``Enabled``.

    ``key_policy`` is what somebody else wrote into its policy, a statement each: whom it lets use the key.
    Source: KMS API reference, CreateKey, CancelKeyDeletion, EnableKey and PutKeyPolicy.
    """

    kind = "kms.key"
    kept_for_users = True
    grace = 30.0
    propagation = {"ThrottlingException": ()}  # the create is sent once only, and nothing comes of a throttled one

    description: Input[str] = Input(api="Description", absent="")
    # each has calls of its own
    rotation: Input[bool] = Input(default=True)
    state: Input[str] = Input(default=ENABLED)
    key_policy: Inputs[str] = Inputs(default=(), foreign=True)

    id = Output[str]("KeyId")
    arn = Output[str]("Arn")

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        if id is not None and (key := _described(cloud, id)) is not None:
            live = _live(cloud, key)
            return self._used_instead(cloud, live) or live
        tagged = sorted(
            (found for found in self.scan(cloud, None) if found.address == self.address), key=lambda one: one.live.id
        )
        return tagged[0].live if tagged else None

    def _used_instead(self, cloud: Cloud, recorded: Live) -> Live | None:
        """Another key of this address, where it is that one that the living cluster uses."""
        used = _used(cloud)
        if used in ("", recorded.outputs["arn"]):
            return None
        ours = (key for key, tags in _ours(cloud) if key["Arn"] == used and tags.get(ADDRESS) == self.address)
        key = next(ours, None)
        return _live(cloud, key) if key is not None else None

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """As `read`, but nothing for one that is scheduled for deletion."""
        live = self.read(cloud, id)
        return None if live is not None and live.props["state"] == _PENDING else live

    def create(self, cloud: Cloud, token: str) -> str:
        said = cloud.once.kms.create_key(
            Tags=kms_pairs({**cloud.ownership.tags(self.address, cloud.name(self.instance)), CREATOR: _tag(cloud)}),
            Policy=_policy(cloud, cloud.identity.principal),
            **self.arguments(),
        )
        return str(said["KeyMetadata"]["KeyId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """One step; the state first: KMS changes nothing of a key that is disabled or about to be deleted."""
        if live.props["state"] == _PENDING:
            self._cancel_deletion(cloud, live)
        elif "state" in changed:
            cloud.kms.enable_key(KeyId=live.id)
        elif "key_policy" in changed:
            policy = _policy(cloud, str(live.outputs["maker"]))
            cloud.kms.put_key_policy(KeyId=live.id, PolicyName="default", Policy=policy)
        elif "description" in changed:
            cloud.kms.update_key_description(KeyId=live.id, **self.arguments())
        elif self.rotation:
            cloud.kms.enable_key_rotation(KeyId=live.id)
        else:
            cloud.kms.disable_key_rotation(KeyId=live.id)

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.kms.tag_resource(KeyId=live.id, Tags=kms_pairs(tags))

    @staticmethod
    def _cancel_deletion(cloud: Cloud, live: Live) -> None:
        try:
            cloud.kms.cancel_key_deletion(KeyId=live.id)
        except ResourceError as error:
            if error.code != "KMSInvalidStateException" or "not pending deletion" not in error.message:
                raise
            # the answer to an earlier attempt was lost: it is cancelled already

    def delete(self, cloud: Cloud, live: Live) -> None:
        try:
            cloud.kms.schedule_key_deletion(KeyId=live.id, PendingWindowInDays=_KEPT_DAYS)
        except ResourceError as error:
            if error.code != "KMSInvalidStateException" or "is pending deletion" not in error.message:
                raise
            # the answer to an earlier attempt was lost: it is scheduled already

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        by_address: dict[str, list[Mapping[str, Any]]] = {}
        for key, tags in _ours(cloud):
            by_address.setdefault(tags.get(ADDRESS, ""), []).append(key)
        for address, keys in by_address.items():
            yield from (Found(address, _live(cloud, key)) for key in _wanted(cloud, keys))

    @classmethod
    def vanishing(cls, cloud: Cloud) -> Iterator[tuple[str, str]]:
        for key, _ in _ours(cloud):
            if _goes(key):
                yield f"KMS key {key['KeyId']}", f"on {_date(key)}"


def _wanted(cloud: Cloud, keys: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Of the keys of one address those that count: what the living cluster uses, whatever its state, and nothing else;
    where it uses none of them, those that do not go."""
    staying = [key for key in keys if not _goes(key)]
    if len(staying) == len(keys) == 1:
        return staying
    used = _used(cloud)
    return [key for key in keys if key["Arn"] == used] or staying


def _used(cloud: Cloud) -> str:
    """The ARN of the key with which the environment's living cluster encrypts its secrets, "" for none."""
    cluster = there(lambda: cloud.eks.describe_cluster(name=cluster_name(cloud))["cluster"]) or {}
    encryption = cluster.get("encryptionConfig") or []
    return str(encryption[0]["provider"]["keyArn"]) if encryption and CLUSTER.of(cluster["status"]).holds else ""


def _goes(key: Mapping[str, Any]) -> bool:
    return bool(key["KeyState"] == _PENDING)


def _date(key: Mapping[str, Any]) -> str:
    return f"{key['DeletionDate']:%Y-%m-%d}" if "DeletionDate" in key else "a date that KMS does not give"


def _tag(cloud: Cloud) -> str:
    """Who makes it, as a tag can hold it: without the commas that names in IAM may have."""
    return cloud.identity.principal.replace(",", " ")


def _statements(cloud: Cloud, maker: str) -> list[dict[str, Any]]:
    who = cloud.identity
    root = f"arn:{who.partition}:iam::{who.account}:root"
    own = [f"kms:{action}" for action in (*ON_KEY, *ON_ALIAS)]
    return [
        {"Sid": "AccountDecides", "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"},
        {"Sid": "Maker", "Effect": "Allow", "Principal": {"AWS": maker}, "Action": own, "Resource": "*"},
    ]


def _policy(cloud: Cloud, maker: str) -> str:
    """The account's IAM policies decide, as they do by default; besides, whoever makes the key may continue at once.

    The tags of a key take up to five minutes until IAM policies may ask for them (KMS developer guide, "ABAC for AWS
    KMS"), and the cluster is made before that. KMS takes no policy that would not let its author change it again (KMS
    API reference, CreateKey).
    """
    return json.dumps({"Version": "2012-10-17", "Statement": _statements(cloud, maker)})


def _lets_in(cloud: Cloud, id: str, maker: str) -> list[str]:
    """What the key's policy says besides what we wrote; whoever made the key may be gone since."""
    found = statements(cloud.kms.get_key_policy(KeyId=id, PolicyName="default")["Policy"])
    own = [_essence(one) for one in _statements(cloud, maker)]
    return sorted(shown_statement(one) for one in found if _essence(one) not in own and not _gone(one))


def _essence(statement: Mapping[str, Any]) -> Any:
    """What a statement allows; of ours for its maker older ones allow less."""
    said = normal({"Statement": [{key: value for key, value in statement.items() if key != "Sid"}]})["Statement"][0]
    if statement.get("Sid") == "Maker":
        said["Action"] = sorted({*said["Action"], "kms:PutKeyPolicy"})
    return said


def _gone(statement: Mapping[str, Any]) -> bool:
    return _GONE.fullmatch(str(dict(statement.get("Principal") or {}).get("AWS", ""))) is not None


def _ours(cloud: Cloud) -> Iterator[tuple[Mapping[str, Any], dict[str, str]]]:
    """Our keys with their tags: one tagging query, then a look at each."""
    for arn, tags in tagged(cloud, "kms:key"):
        if (key := _described(cloud, arn)) is not None:
            yield key, tags


def _described(cloud: Cloud, id: str) -> Mapping[str, Any] | None:
    """What KMS says of a key, by its id or an alias: lists of those may be minutes late (KMS developer guide, "AWS KMS
    eventual consistency")."""
    return there(lambda: cloud.kms.describe_key(KeyId=id)["KeyMetadata"])


def _live(cloud: Cloud, key: Mapping[str, Any]) -> Live:
    id, seen = key["KeyId"], KEY.of(key["KeyState"])
    ill, warning = seen.meaning is DEGRADED, ""
    tags = _tags(cloud, id)
    maker = tags.get(CREATOR, "").replace(" ", ",") or cloud.identity.principal
    props = {**Key.props_of(key), "state": key["KeyState"] if ill else ENABLED}
    props["key_policy"] = _lets_in(cloud, id, maker)
    if _goes(key):
        warning = f"KMS deletes it on {_date(key)}: then nothing that it encrypts can be read any more"
    else:  # of one that is about to be deleted KMS says that it does not rotate
        props["rotation"] = bool(cloud.kms.get_key_rotation_status(KeyId=id)["KeyRotationEnabled"])
        warning = "it is disabled: nothing that it encrypts can be read" if ill else ""
    outputs, remedy = {**Key.outputs_of(key), "maker": maker}, seen.remedy.format(id, id)
    return seen.live(id, props, outputs, what="key", warning=warning, remedy=remedy, tags=tags)


def _tags(cloud: Cloud, id: str) -> dict[str, str]:
    """The tags of a key as KMS tells them: the tag index may be late."""
    return mapping(cloud.kms.pages("list_resource_tags", "Tags", KeyId=id))


class Alias(Resource):
    """``alias/livekit-uat-cluster``. Source: KMS API reference, CreateAlias.

    An alias has no tags: it is ours when the key that it names is ours.
    """

    kind = "kms.alias"

    key_id: Input[str] = Input(api="TargetKeyId")

    def _name(self, cloud: Cloud) -> str:
        return f"alias/{cloud.name(self.instance)}"

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        name = id or self._name(cloud)
        if (key := _described(cloud, name)) is None:
            return None
        if id is None:
            cloud.ownership.claim(_tags(cloud, key["KeyId"]), self.address, f"the key behind {name}")
        return Live(name, Status.READY, {"key_id": key["KeyId"]}, made=key["KeyId"])

    def ownership_differences(self, cloud: Cloud, live: Live, record: Record | None) -> dict[str, tuple[Any, Any]]:
        """One that names a key that is not ours (any more)."""
        target = live.props["key_id"]
        if record is None or cloud.ownership.ours(_tags(cloud, target)):
            return {}
        return {"key_id": (target, record.inputs.get("key_id"))}

    def belongs_to_others(self, cloud: Cloud, live: Live, record: Record | None) -> bool:
        """It names another key than it did."""
        return record is None or live.props["key_id"] != record.inputs.get("key_id")

    def create(self, cloud: Cloud, token: str) -> str:
        cloud.kms.create_alias(AliasName=self._name(cloud), **self.arguments())
        return self._name(cloud)

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        cloud.kms.update_alias(AliasName=live.id, **self.arguments())

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.kms.delete_alias(AliasName=live.id)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        """By the keys that are ours: an alias of one is at the address that its name tells."""
        prefix = f"alias/{cloud.ownership.prefix}-"
        ids = {key["KeyId"] for key, _ in _ours(cloud)}
        if not ids:
            return
        for alias in cloud.kms.pages("list_aliases", "Aliases"):
            if alias.get("TargetKeyId") in ids and alias["AliasName"].startswith(prefix):
                address = f"{cls.kind}/{alias['AliasName'].removeprefix(prefix)}"
                props = cls.props_of(alias)
                yield Found(address, Live(alias["AliasName"], Status.READY, props, made=props["key_id"]))

    @classmethod
    def exists(cls, cloud: Cloud, live: Live) -> bool:
        return _described(cloud, live.id) is not None
