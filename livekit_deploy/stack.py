"""The list of provisioners, and what each needs of the others: the whole system on one screen.

Sections of the configuration are passed on; no field is read here. The control plane waits only for its role, subnets,
key and log group, and Redis, NAT, certificate and charts hide behind it. What is put into the cluster comes after its
access entries, and what asks for load balancers after their controller. On the way down that is gone before the
controller, the controller before the nodes, and what controllers left in the network before the network.
"""

from __future__ import annotations

from livekit_deploy.aws.kinds.barriers import LoadBalancersGone, NetworkInterfacesGone, VolumesGone
from livekit_deploy.aws.kinds.ec2.zones import Layout, guessed
from livekit_deploy.config import Environment
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.drain import CallsDrained
from livekit_deploy.provisioners.addresses import LIVEKIT
from livekit_deploy.provisioners.cluster import ClusterProvisioner
from livekit_deploy.provisioners.dns import CertificateProvisioner, DnsProvisioner
from livekit_deploy.provisioners.keys import KeysProvisioner
from livekit_deploy.provisioners.kinds import KINDS as KINDS
from livekit_deploy.provisioners.load_balancers import LoadBalancersProvisioner
from livekit_deploy.provisioners.logs import FlowLogsProvisioner, LogsProvisioner
from livekit_deploy.provisioners.network import NetworkProvisioner
from livekit_deploy.provisioners.nodes import NodesProvisioner
from livekit_deploy.provisioners.redis import RedisProvisioner
from livekit_deploy.provisioners.releases import LiveKitProvisioner, LoadBalancerControllerProvisioner
from livekit_deploy.provisioners.roles import ChartRoleProvisioner, RolesProvisioner
from livekit_deploy.provisioners.secrets import SecretsProvisioner
from livekit_deploy.provisioners.security import SecurityProvisioner


class Infrastructure:
    """Everything of an environment that is in AWS and not in the cluster."""

    def __init__(self, env: Environment, layout: Layout | None = None) -> None:
        self.network = NetworkProvisioner(env.network, region=env.region, layout=layout or guessed(env))
        self.security = SecurityProvisioner(env.livekit, network=self.network)
        self.secrets = SecretsProvisioner(env.redis, protect=env.protect)
        self.keys = KeysProvisioner(env.cluster)
        self.logs = LogsProvisioner(env.cluster)
        self.flow_logs = FlowLogsProvisioner(
            env.network, network=self.network, iam=env.iam, retention=env.cluster.log_retention_days
        )
        self.roles = RolesProvisioner(env.iam)
        self.certificate = CertificateProvisioner(env.livekit)
        # what EKS, the CNI and the EBS driver leave behind is waited for between the cluster and the subnets
        self.left = NetworkInterfacesGone("main", vpc_id=self.network.vpc.id, after=self.network.subnets)
        self.volumes = VolumesGone("main")
        self.cluster = self._cluster(env)
        self.nodes = NodesProvisioner(
            env.nodes,
            network=self.network,
            security=self.security,
            cluster=self.cluster,
            role=self.roles.node,
            version=env.cluster.version,
        )
        self.cluster.after_nodes(self.nodes.groups)
        self.security.admit_to_redis(self.cluster.cluster.security_group_id)
        self.redis = RedisProvisioner(env.redis, network=self.network, security=self.security, token=self.secrets.token)
        self.controller_role = ChartRoleProvisioner(CONTROLLER, env.iam, oidc=self.cluster.oidc)

    def _cluster(self, env: Environment) -> ClusterProvisioner:
        return ClusterProvisioner(
            env.cluster,
            network=self.network,
            roles=self.roles,
            key=self.keys.key,
            log_group=self.logs.group,
            after=[self.left, self.volumes],
        )

    @property
    def resources(self) -> list[Resource]:
        parts = (
            self.network,
            self.security,
            self.secrets,
            self.keys,
            self.logs,
            self.flow_logs,
            self.roles,
            self.certificate,
            self.cluster,
            self.nodes,
            self.redis,
            self.controller_role,
        )
        return [self.left, self.volumes, *(resource for part in parts for resource in part.resources)]


class InTheCluster:
    """What is put into the cluster, and what stands in front of it because of that."""

    def __init__(self, env: Environment, base: Infrastructure) -> None:
        self.controller = LoadBalancerControllerProvisioner(
            env.load_balancer_controller,
            region=env.region,
            tags=env.tags,
            cluster=base.cluster,
            network=base.network,
            nodes=base.nodes,
            role=base.controller_role.role,
        )
        # on the way down: everything that asked for load balancers is gone, then they, then the controller
        self.balanced = LoadBalancersGone("main", after=[self.controller.release], stage="load-balancer")
        self.livekit = LiveKitProvisioner(
            env.livekit,
            cluster=base.cluster,
            nodes=base.nodes,
            redis=base.redis,
            secrets=base.secrets,
            certificate=base.certificate,
            after=[self.balanced],
        )
        self.load_balancers = LoadBalancersProvisioner(
            env.livekit,
            cluster=base.cluster.cluster,
            after=[self.livekit.release],
            ingress=self.livekit.ingress,
            turn_service=self.livekit.turn_service,
        )
        self.dns = DnsProvisioner(env.livekit, self.load_balancers)
        # before media nodes go, now or when they are replaced, the calls on them have ended; on the way down that is
        # before anything of what carries them is taken away
        self.drained = CallsDrained(
            "media",
            group_name=base.nodes.media.group_name,
            release=LIVEKIT,
            lives_in=base.cluster.cluster,
            after=[*base.cluster.access, self.livekit.release, *self.dns.resources],
            stage="livekit",
        )

    @property
    def resources(self) -> list[Resource]:
        parts = (self.controller, self.livekit, self.load_balancers, self.dns)
        return [self.balanced, self.drained, *(resource for part in parts for resource in part.resources)]


def stack(env: Environment, layout: Layout | None = None) -> list[Resource]:
    """Every resource of an environment, wired; ``layout`` says its zones, which are guessed where nobody asked AWS."""
    base = Infrastructure(env, layout)
    return [*base.resources, *InTheCluster(env, base).resources]
