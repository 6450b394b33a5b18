"""The EKS control plane: one resource, changed in steps, each of one kind as EKS asks.

Defaults of create_cluster that bite are all set: access by entries only (`API`), no hidden administrator, no
self-managed add-ons, standard support only, a private endpoint beside a narrowed public one. Whoever creates the
cluster is kept in a tag of it, so that the access entry made for them never depends on who runs the tool later.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.naming import fit
from livekit_deploy.aws.kinds.ec2.diagnosis import CLUSTER_ADDRESSES, cause_and_remedy, subnets_short
from livekit_deploy.aws.kinds.eks.foreign import added
from livekit_deploy.aws.kinds.eks.issues import CLUSTER_ISSUE, health
from livekit_deploy.aws.kinds.eks.resource import EksResource
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.aws.kinds.states import CLUSTER
from livekit_deploy.config.checks import SUPPORT
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output, Ref
from livekit_deploy.engine.live import made_at
from livekit_deploy.engine.resource import MINUTE, Live, Status
from livekit_deploy.errors import Absent, Conflict, InUse, NotOurs, StateError

#: the instance name of the one cluster of an environment
MAIN = "main"
#: tag with the principal that created the cluster
CREATOR = "livekit-deploy:creator"
LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_NAME = 100
_ZONES = "EKS keeps the zones of a control plane: put network.availability_zones back, or run down and then up."
_KEY_STAYS = (
    "EKS keeps the key that a cluster encrypts with: set cluster.secrets_key to true if it is the key of this "
    "environment"
    ", and cancel that key's deletion; for another key, or none, run down and then up."
)
_KEY_COMES = "EKS cannot take the key away again: without it the cluster's Secrets cannot be read any more."
_ANEW = "EKS fixes it when the cluster is made: put the old value back, or run down and then up."


def cluster_name(cloud: Cloud) -> str:
    """The name of the environment's cluster in AWS, as tags of the load balancer controller and log groups hold it."""
    return fit(cloud.name(MAIN), _NAME)


def observed_cluster(cloud: Cloud) -> Live:
    """The environment's cluster as EKS tells of it now: the one of our name, with our tags.

    Where a token may be sent to is known from here only: what is written of a cluster may be anybody's word.
    Raises `StateError` when there is none, `NotOurs` for one without our tags.
    """
    name = cluster_name(cloud)
    try:
        cluster = cloud.eks.describe_cluster(name=name)["cluster"]
    except Absent:
        raise StateError(
            f"there is no EKS cluster {name}", hint="run up: it makes the cluster; or check --profile and region"
        ) from None
    address = f"{Cluster.kind}/{MAIN}"
    if not (cloud.ownership.ours(cluster.get("tags", {})) or address in cloud.ownership.adopt):
        raise NotOurs(
            f"the EKS cluster {name} does not carry our tags: no token is sent to it",
            hint=f"if it is yours, put them back: livekit-deploy up --adopt {address}",
        )
    return _live(cluster)


#: EKS's words for a role that was made, or given its policies, a moment ago (terraform-provider-aws repeats the same)
NEW_ROLE = (
    *("could not be assumed", "does not exist", "do not exist", "cannot be found", "Error in role params"),
    *(
        "doesn't have the Amazon EKS Managed Policies",
        "role's policy must include",
        "not found in the trust relationship",
    ),
)


@contextlib.contextmanager
def in_use_means_conflict(what: str) -> Iterator[None]:
    """EKS says "in use" where it means that the thing exists already; a create says `Conflict` then."""
    try:
        yield
    except InUse as error:
        raise Conflict(f"{what}: {error}", code=error.code, request_id=error.request_id, hint=error.hint) from error


def version_differs(want: Any, have: Any) -> bool:
    """Whether another version runs than is wanted, to the precision given: ``1.33`` is any patch of it."""
    if isinstance(want, str) and isinstance(have, str):
        return have != want and not have.startswith(f"{want}.")
    return bool(want != have)


def minor(version: str) -> int:
    """``1.36`` is 36."""
    return int(version.split(".")[1])


def as_it_runs(have: int) -> str:
    """What to do about a minor version that is higher than the file's: somebody else raised it, or AWS did."""
    version = f'"1.{have}"'
    if have <= max(map(minor, SUPPORT)):
        return f"set cluster.version to {version}."
    return f"upgrade livekit_deploy, which does not know {version} yet; then set cluster.version to {version}."


def _log_setup(wanted: Sequence[str]) -> list[dict[str, Any]]:
    """Every type of log, on or off: EKS leaves one as it is that is not named."""
    off = [name for name in LOG_TYPES if name not in wanted]
    sets = (list(wanted), True), (off, False)
    return [{"types": types, "enabled": enabled} for types, enabled in sets if types]


def _logs_on(setup: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted(name for group in setup if group.get("enabled") for name in group.get("types", []))


def _encryption(key: str) -> list[dict[str, Any]]:
    return [{"resources": ["secrets"], "provider": {"keyArn": key}}]


class Cluster(EksResource):
    """An EKS cluster. ``version`` is ``1.36``; ``logs`` are the control plane logs that go to CloudWatch.

    ``public_cidrs`` may reach the public endpoint, none of them closes it. ``key_arn`` is a KMS key for Kubernetes
    secrets; a cluster without one gets it while it runs, and keeps it. ``zones`` are those of the subnets, which may
    become others of the same zones only. Source: EKS API reference, CreateCluster, UpdateClusterConfig,
    UpdateClusterVersion and AssociateEncryptionConfig; EKS user guide, "View Amazon EKS networking requirements for VPC
    and subnets".
    """

    kind = "eks.cluster"
    what, longest = "the EKS cluster", _NAME
    timeout, delete_timeout = 30 * MINUTE, 30 * MINUTE
    usual, usual_delete = 9 * MINUTE, 3 * MINUTE
    exports = {
        "name": "cluster.name",
        "version": "cluster.version",
        "endpoint": "cluster.endpoint",
        "arn": "cluster.arn",
        "issuer": "cluster.issuer",
    }
    propagation = {"InvalidParameterException": NEW_ROLE, "InvalidRequestException": NEW_ROLE}

    role_arn: Input[str] = Input(api="roleArn", change=Change.FIXED, way_out=_ANEW)
    subnet_ids: Inputs[str] = Inputs(api="resourcesVpcConfig.subnetIds")
    zones: Inputs[str] = Inputs(change=Change.FIXED, default=(), way_out=_ZONES)
    version: Input[str] = Input(api="version")
    # none of them says that the endpoint is closed: another flag does, beside them
    public_cidrs: Inputs[str] = Inputs(
        api="resourcesVpcConfig.publicAccessCidrs", to_api=lambda cidrs: cidrs or None, shown=""
    )
    private_access: Input[bool] = Input(api="resourcesVpcConfig.endpointPrivateAccess", absent=False, default=True)
    logs: Inputs[str] = Inputs(api="logging.clusterLogging", to_api=_log_setup, from_api=_logs_on, default=())
    key_arn: Input[str | None] = Input(
        api="encryptionConfig", to_api=_encryption, shown="encryptionConfig[0].provider.keyArn", default=None
    )
    deletion_protection: Input[bool] = Input(api="deletionProtection", absent=False, default=False)

    arn = Output[str]("arn")
    endpoint = Output[str]("endpoint", absent="")
    ca = Output[str]("certificateAuthority.data", absent="")
    issuer = Output[str]("identity.oidc.issuer", absent="")
    security_group_id = Output[str]("resourcesVpcConfig.clusterSecurityGroupId", absent="")
    creator = Output[str]()

    @property
    def cluster_name(self) -> Ref[str]:
        """The cluster's name in AWS, the output ``name``."""
        return Ref(self, "name")

    def differs(self, key: str, want: Any, have: Any) -> bool:
        """Versions are compared to the precision given."""
        return version_differs(want, have) if key == "version" else super().differs(key, want, have)

    def refusals(self, live: Live, changed: Iterable[str]) -> dict[str, str]:
        """Also a version that is lower, or more than one minor higher, than what runs; and another key, or none."""
        changed = list(changed)
        found = super().refusals(live, changed)
        if "key_arn" in changed and live.props["key_arn"] is not None:
            found["key_arn"] = _KEY_STAYS
        if "version" in changed:
            have, want = minor(live.props["version"]), minor(self.version)
            if want < have:
                found["version"] = f"EKS cannot go back to an older version: {as_it_runs(have)}"
            elif want > have + 1:
                found["version"] = f'EKS goes up one minor version at a time: set "1.{have + 1}" first.'
        return found

    def irrevocable(self, changed: Iterable[str]) -> str:
        said = (super().irrevocable(changed), _KEY_COMES if "key_arn" in changed else "")
        return " ".join(filter(None, said))

    # ---- verbs

    @classmethod
    def described(cls, cloud: Cloud, host: Live, id: str) -> Any:
        return cloud.eks.describe_cluster(name=id)["cluster"]

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        """The cluster, and where it serves who else may use it."""
        live = _live(item)
        return replace(live, noted=added(cloud, item)) if live.status is Status.READY else live

    @classmethod
    def ids(cls, cloud: Cloud, host: Live) -> Iterable[str]:
        named = cloud.eks.pages("list_clusters", "clusters")
        return (name for name in named if name.startswith(cloud.ownership.prefix))

    def create(self, cloud: Cloud, token: str) -> str:
        name = self.own_name(cloud)
        # a tag value cannot hold the commas that names in IAM may have, and those cannot hold blanks
        tags = {**cloud.ownership.tags(self.address, name), CREATOR: cloud.identity.principal.replace(",", " ")}
        with in_use_means_conflict(f"the EKS cluster {name} exists already"):
            cloud.eks.create_cluster(
                name=name,
                clientRequestToken=token,
                accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
                bootstrapSelfManagedAddons=False,
                upgradePolicy={"supportType": "STANDARD"},
                tags=tags,
                **self._with_endpoint(self.arguments()),
            )
        return name

    def _with_endpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        request["resourcesVpcConfig"]["endpointPublicAccess"] = bool(self.public_cidrs)
        return request

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """One kind of change a call, as EKS demands; the version last."""
        config = [key for key in ("deletion_protection", "subnet_ids", "logs") if key in changed]
        endpoint = {"public_cidrs", "private_access"} & changed
        if endpoint and "deletion_protection" not in changed:
            request = self._with_endpoint(self.arguments("public_cidrs", "private_access"))
            cloud.eks.update_cluster_config(name=live.id, **request)
        elif config:
            cloud.eks.update_cluster_config(name=live.id, **self.arguments(config[0]))
        elif "key_arn" in changed:
            cloud.eks.associate_encryption_config(clusterName=live.id, **self.arguments("key_arn"))
        elif "version" in changed:
            cloud.eks.update_cluster_version(name=live.id, **self.arguments("version"))

    def own_tags(self, cloud: Cloud, outputs: Mapping[str, Any]) -> dict[str, str]:
        """The tags, and who made the cluster, as long as that is known."""
        creator = str(outputs.get("creator", ""))
        return {**super().own_tags(cloud, outputs), **({CREATOR: creator.replace(",", " ")} if creator else {})}

    def shows_it_is_foreign(self, cloud: Cloud, live: Live, path: str) -> bool:
        """Not who made it: that tag is no tag of whose it is."""
        return path != f"ownership_tags.{CREATOR}"

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Lift the deletion protection first, then delete."""
        if live.props["deletion_protection"]:
            cloud.eks.update_cluster_config(name=live.id, deletionProtection=False)
        else:
            cloud.eks.delete_cluster(name=live.id)

    def diagnose(self, cloud: Cloud, live: Live | None) -> tuple[str, str]:
        return subnets_short(cloud, self.subnet_ids, CLUSTER_ADDRESSES) or cause_and_remedy(live)


def _live(cluster: Item) -> Live:
    vpc = cluster.get("resourcesVpcConfig", {})
    cidrs = sorted(vpc.get("publicAccessCidrs", [])) if vpc.get("endpointPublicAccess") else []
    props = {**Cluster.props_of(cluster), "public_cidrs": cidrs}
    outputs = {**Cluster.outputs_of(cluster), "name": cluster["name"], "version": cluster["version"]}
    tags = cluster.get("tags", {})
    if creator := tags.get(CREATOR, "").replace(" ", ","):
        outputs["creator"] = creator
    seen, ill = CLUSTER.of(cluster["status"]), health(CLUSTER_ISSUE, cluster.get("health", {}).get("issues", []))
    more = {"tags": tags, "made": made_at(cluster, "createdAt"), **ill.told(seen)}
    return seen.live(cluster["name"], props, outputs, what="control plane", **more)
