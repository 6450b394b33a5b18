"""The nodes of an environment: media nodes, public, one LiveKit pod each; system nodes for the rest, where asked."""

from __future__ import annotations

from livekit_deploy.aws.kinds.ec2.launch_templates import LaunchTemplate
from livekit_deploy.aws.kinds.ec2.vpc import Subnet
from livekit_deploy.aws.kinds.eks.node_groups import NodeGroup
from livekit_deploy.aws.kinds.iam.roles import Role
from livekit_deploy.config import NodeGroup as NodeGroupConfig
from livekit_deploy.config import Nodes
from livekit_deploy.engine.resource import Resource
from livekit_deploy.provisioners.cluster import ClusterProvisioner
from livekit_deploy.provisioners.network import NetworkProvisioner
from livekit_deploy.provisioners.security import SecurityProvisioner


class NodesProvisioner:
    """``media`` and, where the file has one, ``system``; ``groups`` are both.

    Media nodes carry the media security group beside the cluster's own. System nodes are private where there is NAT.
    """

    def __init__(
        self,
        nodes: Nodes,
        *,
        network: NetworkProvisioner,
        security: SecurityProvisioner,
        cluster: ClusterProvisioner,
        role: Role,
        version: str,
    ) -> None:
        self._network, self._cluster, self._role, self._version = network, cluster, role, version
        own = cluster.cluster.security_group_id
        self.templates: list[LaunchTemplate] = []
        self.groups: list[NodeGroup] = []
        media = self._template("media", nodes.media, [own, security.media.id])
        self.media = self._group("media", nodes.media, media, network.public_subnets)
        self.system: NodeGroup | None = None
        if nodes.system is not None:
            subnets = network.private_subnets if network.has_nat else network.public_subnets
            system = self._template("system", nodes.system, [own])
            self.system = self._group("system", nodes.system, system, subnets)

    def _template(self, name: str, config: NodeGroupConfig, groups: list[object]) -> LaunchTemplate:
        # Bottlerocket keeps its data, images and logs on the second volume
        device = "/dev/xvdb" if config.ami.startswith("BOTTLEROCKET") else "/dev/xvda"
        template = LaunchTemplate(
            name,
            security_group_ids=groups,  # type: ignore[arg-type]
            disk_gib=config.disk_gib,
            root_device=device,
        )
        self.templates.append(template)
        return template

    def _group(self, name: str, config: NodeGroupConfig, template: LaunchTemplate, subnets: list[Subnet]) -> NodeGroup:
        group = NodeGroup(
            name,
            role=name,
            instance_types=config.instance_types,
            capacity=config.capacity.upper(),
            ami=config.ami,
            node_role_arn=self._role.arn,
            subnet_ids=[subnet.id for subnet in subnets],
            template_id=template.id,
            template_version=template.version,
            version=self._version,
            min=config.min,
            max=config.max,
            desired_size=config.desired,
            lives_in=self._cluster.cluster,
            after=[*self._network.ways_out, *self._cluster.before_nodes, *self._cluster.access],
        )
        self.groups.append(group)
        return group

    @property
    def resources(self) -> list[Resource]:
        return [*self.templates, *self.groups]
