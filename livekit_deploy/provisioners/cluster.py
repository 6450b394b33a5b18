"""The cluster of an environment: control plane, access entries, add-ons before and after the nodes, OIDC provider."""

from __future__ import annotations

from collections.abc import Sequence

from livekit_deploy.aws.kinds.eks.access_entries import MAKER, AccessEntry, short
from livekit_deploy.aws.kinds.eks.addons import AFTER_NODES, BEFORE_NODES, CONFIGURATION, Addon
from livekit_deploy.aws.kinds.eks.cluster import MAIN, Cluster
from livekit_deploy.aws.kinds.iam.oidc import OidcProvider
from livekit_deploy.aws.kinds.keys import Key
from livekit_deploy.config import Cluster as ClusterConfig
from livekit_deploy.config import merged
from livekit_deploy.engine.resource import Resource
from livekit_deploy.provisioners.network import NetworkProvisioner
from livekit_deploy.provisioners.roles import RolesProvisioner


class ClusterProvisioner:
    """``cluster``, the ``access`` entries, the add-ons ``before_nodes`` and the ``oidc`` provider.

    ``after`` are resources that the control plane follows without needing their data, such as its log group. The
    nodes come after ``before_nodes``; call `after_nodes` with them for the add-ons that need nodes. Whatever is put
    into the cluster comes after ``access``.
    """

    def __init__(
        self,
        config: ClusterConfig,
        *,
        network: NetworkProvisioner,
        roles: RolesProvisioner,
        key: Key | None = None,
        log_group: Resource | None = None,
        after: Sequence[Resource] = (),
        name: str = MAIN,
    ) -> None:
        self._config = config
        self.cluster = Cluster(
            name,
            role_arn=roles.cluster.arn,
            subnet_ids=[subnet.id for subnet in network.private_subnets],
            zones=network.zones,
            version=config.version,
            public_cidrs=[str(cidr) for cidr in config.public_cidrs],
            private_access=True,
            logs=config.logs,
            key_arn=key.arn if key is not None else None,
            deletion_protection=config.deletion_protection,
            after=[*([log_group] if log_group is not None else []), *after],
        )
        maker = AccessEntry(MAKER, lives_in=self.cluster)
        # after the maker's: an admin who is the maker takes its entry over, and never races with it
        admins = [
            AccessEntry(short(principal), principal=principal, lives_in=self.cluster, after=[maker])
            for principal in dict.fromkeys(config.admins)
        ]
        self.access: list[Resource] = [maker, *admins]
        self.before_nodes: list[Resource] = [self._addon(name) for name in BEFORE_NODES]
        self.later: list[Resource] = []
        self.oidc = OidcProvider("cluster", url=self.cluster.issuer, stage="load-balancer")

    def after_nodes(self, nodes: Sequence[Resource]) -> list[Resource]:
        """The add-ons whose pods need ``nodes``: DNS, metrics, and whatever else the file names."""
        named = [name for name in self._config.addons if name not in BEFORE_NODES]
        self.later = [self._addon(name, nodes) for name in dict.fromkeys([*AFTER_NODES, *named])]
        return self.later

    def later_named(self, *names: str) -> list[Resource]:
        """Those of the add-ons that need nodes with these names."""
        return [addon for addon in self.later if addon.name in names]

    def _addon(self, name: str, after: Sequence[Resource] = ()) -> Addon:
        given = self._config.addons.get(name)
        return Addon(
            name,
            version=given.version if given else None,
            configuration=merged(dict(CONFIGURATION.get(name, {})), given.configuration if given else {}),
            role_arn=given.role if given else None,
            lives_in=self.cluster,
            after=after,
        )

    @property
    def resources(self) -> list[Resource]:
        return [self.cluster, *self.access, *self.before_nodes, *self.later, self.oidc]
