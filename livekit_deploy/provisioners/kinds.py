"""Every kind of object that an environment of the product may have."""

from __future__ import annotations

from livekit_deploy.aws.kinds.barriers import LoadBalancersGone, NetworkInterfacesGone, VolumesGone
from livekit_deploy.aws.kinds.dns.certificates import Certificate, Issued
from livekit_deploy.aws.kinds.dns.records import Record
from livekit_deploy.aws.kinds.ec2.launch_templates import LaunchTemplate
from livekit_deploy.aws.kinds.ec2.nat import ElasticIp, NatGateway
from livekit_deploy.aws.kinds.ec2.routes import GatewayEndpoint, RouteTable
from livekit_deploy.aws.kinds.ec2.security_groups import SecurityGroup, SecurityGroupRule
from livekit_deploy.aws.kinds.ec2.vpc import InternetGateway, Subnet, Vpc
from livekit_deploy.aws.kinds.eks.access_entries import AccessEntry
from livekit_deploy.aws.kinds.eks.addons import Addon
from livekit_deploy.aws.kinds.eks.cluster import Cluster
from livekit_deploy.aws.kinds.eks.node_groups import NodeGroup
from livekit_deploy.aws.kinds.elasticache.parameter_groups import ParameterGroup
from livekit_deploy.aws.kinds.elasticache.replication_groups import ReplicationGroup
from livekit_deploy.aws.kinds.elasticache.subnet_groups import SubnetGroup
from livekit_deploy.aws.kinds.iam.oidc import OidcProvider
from livekit_deploy.aws.kinds.iam.roles import Policy, Role
from livekit_deploy.aws.kinds.keys import Alias, Key
from livekit_deploy.aws.kinds.logs import FlowLog, LogGroup
from livekit_deploy.aws.kinds.secrets import Secret
from livekit_deploy.engine.kinds import Kinds, named
from livekit_deploy.k8s import objects
from livekit_deploy.k8s.drain import CallsDrained
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.load_balancers import LoadBalancer

_NETWORK = (Vpc, Subnet, InternetGateway, RouteTable, GatewayEndpoint, ElasticIp, NatGateway, FlowLog)
_SECURITY = (SecurityGroup, SecurityGroupRule, Key, Alias, Secret, Role, Policy, OidcProvider)
_CLUSTER = (Cluster, AccessEntry, Addon, LaunchTemplate, NodeGroup, LogGroup)
_REDIS = (ReplicationGroup, SubnetGroup, ParameterGroup)
_FRONT = (Certificate, Issued, Record, LoadBalancer)
_IN_CLUSTER = (objects.Namespace, objects.Secret, HelmRelease)
_BARRIERS = (LoadBalancersGone, NetworkInterfacesGone, VolumesGone, CallsDrained)

KINDS: Kinds = named((*_NETWORK, *_SECURITY, *_CLUSTER, *_REDIS, *_FRONT, *_IN_CLUSTER, *_BARRIERS))
