"""Secrets that are generated once and exist in Secrets Manager only: the Redis token and LiveKit's API key.

A value is drawn inside the call that stores it and is kept nowhere else; everything else holds its address and
version. A protected environment's secrets can be recovered for a week after they are deleted, and keep their names so
long. They are marked retired before they go: when the environment comes back they are restored, and a value whose
version is marked retired is replaced by a new one. Other secrets are deleted at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS, mapping, pairs
from livekit_deploy.aws.kinds import api_keys
from livekit_deploy.aws.kinds.iam.policy_documents import shown_statement, statements
from livekit_deploy.aws.kinds.named import Item, there
from livekit_deploy.base.clock import utc_now
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output, SecretRef
from livekit_deploy.engine.resource import Found, Live, Resource, Status

TOKEN = "token"
API_KEYS = "api-keys"
KEPT, _SCHEDULED = "kept", "scheduled for deletion"
_RETIRED = "livekit-deploy:retired"
RECOVERY_DAYS = 7
_TOKEN_LENGTH = 64  # ElastiCache takes 16 to 128


def _draw(form: str) -> str:
    """A new value; API keys begin with one pair (`api_keys`)."""
    if form == TOKEN:
        return api_keys.random(_TOKEN_LENGTH)
    return api_keys.dump([api_keys.draw(api_keys.FIRST, utc_now())])


class Secret(Resource):
    """A generated secret. ``form`` is ``token`` (one string) or ``api-keys`` (a JSON object); ``recovery_days`` is
    how long it can be recovered after it is deleted, 0 for not at all.

    ``value``, ``keys``, ``api_key`` and ``api_secret`` are addresses of what it holds, never what it holds.
    ``state`` is ``kept``: one that somebody scheduled for deletion is restored, with the value that it has.
    ``resource_policy`` is what somebody else's policy of the secret says: whom it lets read the value.
    Source: Secrets Manager API reference, CreateSecret, RestoreSecret, PutSecretValue, DeleteResourcePolicy.
    """

    kind = "secretsmanager.secret"
    kept_for_users = True
    exports = {"secret_name": "secret.{name}"}
    renewed = frozenset({"version", "value", "keys", "api_key"})
    # the name of a secret that is deleted at once is free a moment later
    propagation = {"InvalidRequestException": ("scheduled for deletion", "deletion")}

    form: Input[str] = Input(
        change=Change.FIXED, way_out="It decides how the value is generated: use another name for another form."
    )
    # what it should be: each has a call of its own that makes it so
    state: Input[str] = Input(default=KEPT)
    retired: Input[bool] = Input(default=False)
    resource_policy: Inputs[str] = Inputs(default=(), foreign=True)
    recovery_days: Input[int] = Input(api="RecoveryWindowInDays", shown="", change=Change.CREATE_ONLY, default=0)

    arn = Output[str]("ARN")
    secret_name = Output[str]("Name")
    version = Output[str]()
    value = Output[SecretRef]()
    keys = Output[SecretRef]()
    api_key = Output[SecretRef]()

    def _name(self, cloud: Cloud) -> str:
        return f"{cloud.ownership.project}/{cloud.ownership.env}/{self.instance}"

    def _arn(self, cloud: Cloud) -> str:
        """The ARN without the end that Secrets Manager draws.

        A name alone would be held against IAM policies as it is where there is no such secret, and no ARN covers it.
        """
        who = cloud.identity
        return f"arn:{who.partition}:secretsmanager:{cloud.region}:{who.account}:secret:{self._name(cloud)}"

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        secret = _describe(cloud, id or self._arn(cloud))
        if secret is None or (id is None and "DeletedDate" in secret):
            return None
        if id is None:
            self._claim(cloud, secret)
        return _live(cloud, secret)

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """As `read`, but nothing for one that is scheduled for deletion."""
        live = self.read(cloud, id)
        return live if live is not None and live.props["state"] == KEPT else None

    def _claim(self, cloud: Cloud, secret: Mapping[str, Any]) -> None:
        cloud.ownership.claim(mapping(secret.get("Tags", [])), self.address, f"the secret {secret['Name']}")

    def create(self, cloud: Cloud, token: str) -> str:
        name = self._name(cloud)
        retired = _describe(cloud, self._arn(cloud))
        if retired is not None and "DeletedDate" in retired:
            self._claim(cloud, retired)
            return str(cloud.secretsmanager.restore_secret(SecretId=retired["ARN"])["ARN"])
        said = cloud.secretsmanager.create_secret(
            Name=name,
            ClientRequestToken=token,
            Description=f"Generated for LiveKit {cloud.ownership.prefix}",
            SecretString=_draw(self.form),
            Tags=pairs(cloud.ownership.tags(self.address, name)),
        )
        return str(said["ARN"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """Restore it, then replace a retired value; for how long it can be recovered counts when it is deleted."""
        if "state" in changed:
            cloud.secretsmanager.restore_secret(SecretId=live.id)
        elif "resource_policy" in changed:
            cloud.secretsmanager.delete_resource_policy(SecretId=live.id)
        elif "retired" in changed:
            cloud.secretsmanager.put_secret_value(SecretId=live.id, SecretString=_draw(self.form))

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.secretsmanager.tag_resource(SecretId=live.id, Tags=pairs(tags))

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Delete at once, or mark the value retired and then schedule the deletion."""
        if not self.recovery_days:
            cloud.secretsmanager.delete_secret(SecretId=live.id, ForceDeleteWithoutRecovery=True)
        elif not live.props["retired"]:
            mark = pairs({_RETIRED: str(live.outputs["version"])})
            cloud.secretsmanager.tag_resource(SecretId=live.id, Tags=mark)
        else:
            cloud.secretsmanager.delete_secret(SecretId=live.id, **self.arguments())

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        for secret in _ours(cloud):
            if "DeletedDate" not in secret:
                yield Found(mapping(secret["Tags"]).get(ADDRESS, ""), _live(cloud, secret))

    @classmethod
    def vanishing(cls, cloud: Cloud) -> Iterator[tuple[str, str]]:
        for secret in _ours(cloud):
            if "DeletedDate" in secret:
                yield f"secret {secret['Name']}", f"on {secret['DeletedDate']:%Y-%m-%d}"


def _describe(cloud: Cloud, id: str) -> Item | None:
    found: Item | None = there(lambda: cloud.secretsmanager.describe_secret(SecretId=id))
    if found is not None and (wrote := cloud.account.written(found["ARN"])) is not None:
        return {**found, "VersionIdsToStages": {wrote: ["AWSCURRENT"]}}
    return found


def _ours(cloud: Cloud) -> Iterator[Mapping[str, Any]]:
    """Our secrets, each as it is described: the list may be five minutes late (API reference, ListSecrets)."""
    if cloud.ownership.lineage is None:
        return
    found: list[Mapping[str, Any]] = cloud.secretsmanager.pages(
        "list_secrets",
        "SecretList",
        IncludePlannedDeletion=True,
        Filters=[{"Key": "tag-value", "Values": [cloud.ownership.lineage]}],
    )
    for listed in found:
        secret = _describe(cloud, listed["ARN"]) if cloud.ownership.ours(mapping(listed.get("Tags", []))) else None
        if secret is not None and cloud.ownership.ours(mapping(secret.get("Tags", []))):
            yield secret


def _lets_in(cloud: Cloud, arn: str) -> list[str]:
    """What the secret's own policy says; there is none of ours."""
    said = cloud.secretsmanager.get_resource_policy(SecretId=arn).get("ResourcePolicy")
    return sorted(shown_statement(one) for one in statements(said)) if said else []


def _live(cloud: Cloud, secret: Mapping[str, Any]) -> Live:
    arn, tags = secret["ARN"], mapping(secret.get("Tags", []))
    stages = secret.get("VersionIdsToStages") or {}
    version = next((id for id, names in stages.items() if "AWSCURRENT" in names), "")
    outputs = {**Secret.outputs_of(secret), **of_version(arn, version)}
    date = secret.get("DeletedDate")
    props: dict[str, Any] = {"retired": tags.get(_RETIRED) == version, "state": _SCHEDULED if date else KEPT}
    if date is None:
        props["resource_policy"] = _lets_in(cloud, arn)
    warning = f"Secrets Manager deletes it on {date:%Y-%m-%d}" if date else ""
    remedy = f"up restores it; by hand: aws secretsmanager restore-secret --secret-id {arn}" if date else ""
    return Live(arn, Status.READY, props, outputs, warning=warning, remedy=remedy, tags=tags)


def of_version(arn: str, version: str) -> dict[str, Any]:
    """The outputs of a secret that change with its version."""
    refs = {key: SecretRef(arn, key, version).plain() for key in ("keys", "api_key", "api_secret")}
    return {"version": version, "value": SecretRef(arn, "", version).plain(), **refs}
