"""For every kind of AWS's: how one of it is made, another value for each of its inputs, and what others may do to it.

A case builds fresh resources each time, since a plan works on what is declared and not on what was.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3

from livekit_deploy.aws.kinds.barriers import LoadBalancersGone, NetworkInterfacesGone, VolumesGone
from livekit_deploy.aws.kinds.dns.certificates import Certificate, Issued
from livekit_deploy.aws.kinds.dns.records import Record
from livekit_deploy.aws.kinds.ec2.launch_templates import LaunchTemplate
from livekit_deploy.aws.kinds.ec2.load_balancers import SERVICE_TAG
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
from livekit_deploy.aws.kinds.secrets import API_KEYS, TOKEN, Secret
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.load_balancers import LoadBalancer
from tests.contract import out_of_band
from tests.contract.out_of_band import Drift, Hand

ZONE = "example.com"
BALANCER = {"dns_name": "k8s-1.elb.us-east-1.amazonaws.com", "zone_id": "Z35SXDOTRQ7X7K"}


def trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


TRUST, NODES_TRUST = trust("eks.amazonaws.com"), trust("ec2.amazonaws.com")


def document(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


class Base:
    """What the kinds need of each other, each made once and only where it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def vpc(self, name: str = "main", cidr: str = "10.20.0.0/16") -> Vpc:
        return self._once(f"vpc {name}", lambda: Vpc(name, cidr=cidr))  # type: ignore[no-any-return]

    def other_vpc(self) -> Vpc:
        return self.vpc("other", "10.30.0.0/16")

    def gateway(self) -> InternetGateway:
        return self._once("gateway", lambda: InternetGateway("main", vpc_id=self.vpc().id))  # type: ignore[no-any-return]

    def subnet(self, letter: str) -> Subnet:
        part = "abcd".index(letter)
        return self._once(  # type: ignore[no-any-return]
            f"subnet {letter}",
            lambda: Subnet(
                f"public-{letter}",
                vpc_id=self.vpc().id,
                cidr=f"10.20.{part * 16}.0/20",
                zone=f"us-east-1{letter}",
                public=True,
                role="elb",
            ),
        )

    def address(self, name: str) -> ElasticIp:
        return self._once(f"ip {name}", lambda: ElasticIp(name, after=[self.gateway()]))  # type: ignore[no-any-return]

    def nat(self) -> NatGateway:
        return self._once(  # type: ignore[no-any-return]
            "nat",
            lambda: NatGateway(
                "a", subnet_id=self.subnet("a").id, allocation_id=self.address("a").id, after=[self.gateway()]
            ),
        )

    def table(self, name: str = "main") -> RouteTable:
        return self._once(f"table {name}", lambda: RouteTable(name, vpc_id=self.vpc().id))  # type: ignore[no-any-return]

    def group(self, name: str = "media") -> SecurityGroup:
        return self._once(  # type: ignore[no-any-return]
            f"group {name}", lambda: SecurityGroup(name, vpc_id=self.vpc().id, description="d")
        )

    def role(self, name: str = "cluster") -> Role:
        return self._once(f"role {name}", lambda: Role(name, trust=TRUST))  # type: ignore[no-any-return]

    def another_role(self, name: str) -> str:
        """The ARN of a role of somebody's."""
        iam = boto3.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])

    def key(self, name: str = "cluster") -> Key:
        return self._once(f"key {name}", lambda: Key(name, description="d"))  # type: ignore[no-any-return]

    def log_group(self, name: str) -> LogGroup:
        return self._once(f"logs {name}", lambda: LogGroup(name, retention=7))  # type: ignore[no-any-return]

    def new_cluster(self, **more: Any) -> Cluster:
        values: dict[str, Any] = {
            "role_arn": self.role().arn,
            "subnet_ids": [self.subnet("a").id, self.subnet("b").id],
            "version": "1.36",
            "public_cidrs": ["0.0.0.0/0"],
            **more,
        }
        return Cluster("main", **values)

    def cluster(self) -> Cluster:
        return self._once("cluster", self.new_cluster)  # type: ignore[no-any-return]

    def template(self, name: str = "media") -> LaunchTemplate:
        return self._once(  # type: ignore[no-any-return]
            f"template {name}",
            lambda: LaunchTemplate(
                name, security_group_ids=[self.cluster().security_group_id, self.group().id], disk_gib=50
            ),
        )

    def cache_parameters(self) -> ParameterGroup:
        return self._once(  # type: ignore[no-any-return]
            "parameters", lambda: ParameterGroup("redis", family="valkey8", parameters={"timeout": "300"})
        )

    def cache_subnets(self, name: str = "redis") -> SubnetGroup:
        subnets = [self.subnet("a").id, self.subnet("b").id]
        return self._once(f"cache {name}", lambda: SubnetGroup(name, subnet_ids=subnets))  # type: ignore[no-any-return]

    def token(self, name: str = "token") -> Secret:
        return self._once(f"secret {name}", lambda: Secret(name, form=TOKEN))  # type: ignore[no-any-return]

    def certificate(self, name: str = "signal") -> Certificate:
        return self._once(  # type: ignore[no-any-return]
            f"certificate {name}", lambda: Certificate(name, domain=f"{name}.{ZONE}")
        )

    def validation(self, name: str = "signal") -> Record:
        (proof,) = self.certificate(name).validations()
        return self._once(  # type: ignore[no-any-return]
            f"validation {name}",
            lambda: Record(name, zone=ZONE, record=proof.name, type="CNAME", values=[proof.value]),
        )


Make = Callable[[Base], Any]


@dataclass
class Case:
    """``make(base, **changes)`` gives one resource; ``changes`` another value of each input, made from a base.

    ``together`` are values that must change with an input. ``exempt`` are inputs that no configuration changes, each
    with the reason.

    ``drifts`` is what somebody else may do to an input, ``owned`` says for every other input who keeps it from
    drifting, or owns it: one of `coverage.OWNERS`, and why. ``silent`` are changes of the object that are no drift.
    """

    kind: type[Resource]
    make: Callable[..., Resource]
    changes: dict[str, Make] = field(default_factory=dict)
    exempt: dict[str, str] = field(default_factory=dict)
    together: dict[str, dict[str, Any]] = field(default_factory=dict)
    drifts: dict[str, Drift] = field(default_factory=dict)
    owned: dict[str, str] = field(default_factory=dict)
    silent: dict[str, Hand] = field(default_factory=dict)

    def changed(self, base: Base, name: str) -> Resource:
        """One with another value of this input."""
        return self.make(base, **{name: self.changes[name](base), **self.together.get(name, {})})


def literal(value: Any) -> Make:
    return lambda base: value


def _of(cls: type[Resource], name: str, **defaults: Make) -> Callable[..., Resource]:
    """A maker: each input from the base unless it is changed."""

    def make(base: Base, **changed: Any) -> Resource:
        values = {key: given(base) for key, given in defaults.items() if key not in changed}
        return cls(name, **values, **changed)

    return make


def _node_group(base: Base, **changed: Any) -> Resource:
    cluster = base.cluster()
    values: dict[str, Any] = {
        "role": "media",
        "instance_types": ["c6i.large"],
        "ami": "AL2023_x86_64_STANDARD",
        "node_role_arn": base.role("node").arn,
        "subnet_ids": [base.subnet("a").id],
        "template_id": base.template().id,
        "template_version": base.template().version,
        "version": "1.35",
        "min": 1,
        "max": 2,
        "desired_size": 1,
        **changed,
    }
    return NodeGroup("media", lives_in=cluster, **values)


def _in_cluster(cls: type[Resource], name: str) -> Callable[..., Resource]:
    return lambda base, **changed: cls(name, lives_in=base.cluster(), **changed)


def _replication_group(base: Base, **changed: Any) -> Resource:
    values: dict[str, Any] = {
        "version": "8.0",
        "node_type": "cache.t4g.small",
        "replicas": 1,
        "failover": True,
        "multi_az": True,
        "security_group_ids": [base.group().id],
        "subnet_group": base.cache_subnets().group_name,
        "auth_token": base.token().value,
        **changed,
    }
    return ReplicationGroup("redis", **values)


def _gateway_on_another_vpc(base: Base) -> Any:
    return base.other_vpc().id


CASES = [
    Case(
        Vpc,
        _of(Vpc, "x", cidr=literal("10.20.0.0/16")),
        {"cidr": literal("10.40.0.0/16"), "dns_support": literal(False), "dns_hostnames": literal(False)},
        drifts={
            "dns_support": Drift(out_of_band.vpc_attribute("EnableDnsSupport", False)),
            "dns_hostnames": Drift(out_of_band.vpc_attribute("EnableDnsHostnames", False)),
        },
        owned={"cidr": "AWS: a VPC keeps its range"},
        silent={"a tag of somebody's": out_of_band.tag("cost-center")},
    ),
    Case(
        Subnet,
        _of(
            Subnet,
            "x",
            vpc_id=lambda b: b.vpc().id,
            cidr=literal("10.20.0.0/20"),
            zone=literal("us-east-1a"),
            role=literal("elb"),
        ),
        {
            "vpc_id": lambda b: b.other_vpc().id,
            "cidr": literal("10.20.64.0/20"),
            "zone": literal("us-east-1b"),
            "public": literal(True),
            "role": literal("internal-elb"),
        },
        drifts={
            "public": Drift(
                out_of_band.call("ec2", "modify_subnet_attribute", "SubnetId", MapPublicIpOnLaunch={"Value": True})
            ),
            "role": Drift(out_of_band.untag("kubernetes.io/role/elb")),
        },
        owned=dict.fromkeys(("vpc_id", "cidr", "zone"), "AWS: a subnet keeps it"),
        silent={"a tag of a cluster": out_of_band.tag("kubernetes.io/cluster/theirs")},
    ),
    Case(
        InternetGateway,
        _of(InternetGateway, "x", vpc_id=lambda b: b.vpc().id),
        {"vpc_id": _gateway_on_another_vpc},
        drifts={"vpc_id": Drift(out_of_band.detach_gateway)},
    ),
    Case(ElasticIp, _of(ElasticIp, "x")),
    Case(
        NatGateway,
        lambda base, **changed: NatGateway(
            "x",
            after=[base.gateway()],
            **{"subnet_id": base.subnet("a").id, "allocation_id": base.address("a").id, **changed},
        ),
        {"subnet_id": lambda b: b.subnet("b").id, "allocation_id": lambda b: b.address("b").id},
        owned=dict.fromkeys(("subnet_id", "allocation_id"), "AWS: a NAT gateway keeps it"),
    ),
    Case(
        RouteTable,
        lambda base, **changed: RouteTable(
            "x",
            after=[base.gateway()],
            **{
                "vpc_id": base.vpc().id,
                "routes": [{"to": "0.0.0.0/0", "via": base.gateway().id}],
                "subnet_ids": [base.subnet("a").id],
                **changed,
            },
        ),
        {
            "vpc_id": lambda b: b.other_vpc().id,
            "routes": lambda b: [{"to": "0.0.0.0/0", "via": b.nat().id}],
            "subnet_ids": lambda b: [b.subnet("b").id],
        },
        drifts={"routes": Drift(out_of_band.delete_route), "subnet_ids": Drift(out_of_band.free_subnet)},
        owned={"vpc_id": "AWS: a route table stays in its VPC"},
        silent={"the route of a gateway endpoint": out_of_band.endpoint_route},
    ),
    Case(
        GatewayEndpoint,
        _of(GatewayEndpoint, "x", vpc_id=lambda b: b.vpc().id, route_table_ids=lambda b: [b.table().id]),
        {
            "vpc_id": lambda b: b.other_vpc().id,
            "service": literal("dynamodb"),
            "route_table_ids": lambda b: [b.table("more").id],
        },
        drifts={"route_table_ids": Drift(out_of_band.more_tables)},
        owned=dict.fromkeys(("vpc_id", "service"), "AWS: an endpoint keeps it"),
    ),
    Case(
        SecurityGroup,
        _of(SecurityGroup, "x", vpc_id=lambda b: b.vpc().id, description=literal("d")),
        {"vpc_id": lambda b: b.other_vpc().id, "description": literal("other")},
        {"foreign_rules": "always none; test_security_groups.py shows what happens to some"},
        drifts={"foreign_rules": Drift(out_of_band.open_port())},
        owned=dict.fromkeys(("vpc_id", "description"), "AWS: a group keeps it"),
        silent={
            "a rule of the load balancer controller": out_of_band.open_port("elbv2.k8s.aws/targetGroupBinding=shared")
        },
    ),
    Case(
        SecurityGroupRule,
        _of(
            SecurityGroupRule,
            "x",
            group_id=lambda b: b.group().id,
            protocol=literal("tcp"),
            first_port=literal(80),
            last_port=literal(81),
            cidr=literal("0.0.0.0/0"),
            description=literal("d"),
        ),
        {
            "group_id": lambda b: b.group("other").id,
            "protocol": literal("udp"),
            "first_port": literal(79),
            "last_port": literal(82),
            "cidr": literal("10.0.0.0/8"),
            "description": literal("other"),
        },
        {"source": "instead of cidr, never beside it: changed in test_security_groups.py"},
        drifts={
            "protocol": Drift(out_of_band.rule(protocol="udp")),
            "source": Drift(
                out_of_band.rule_of_another_group, {"cidr": literal(None), "source": lambda b: b.group("other").id}
            ),
            "first_port": Drift(out_of_band.rule(first_port=22)),
            "last_port": Drift(out_of_band.rule(last_port=99)),
            "cidr": Drift(out_of_band.rule(cidr=out_of_band.EVERYWHERE)),
            "description": Drift(out_of_band.rule(description="theirs")),
        },
        owned={"group_id": "AWS: a rule stays in its group"},
    ),
    Case(
        FlowLog,
        _of(
            FlowLog,
            "x",
            vpc_id=lambda b: b.vpc().id,
            group_name=lambda b: b.log_group("flow").group_name,
            role_arn=lambda b: b.role("flow").arn,
        ),
        {
            "vpc_id": lambda b: b.other_vpc().id,
            "group_name": lambda b: b.log_group("cluster").group_name,
            "role_arn": lambda b: b.role("other").arn,
        },
        owned=dict.fromkeys(("vpc_id", "group_name", "role_arn"), "AWS: a flow log has no call that changes it"),
    ),
    Case(
        LogGroup,
        _of(LogGroup, "cluster", retention=literal(7)),
        {"retention": literal(30)},
        drifts={
            "retention": Drift(out_of_band.call("logs", "put_retention_policy", "logGroupName", retentionInDays=90))
        },
    ),
    Case(
        Role,
        _of(Role, "x", trust=literal(TRUST), managed=literal(["AmazonEKSVPCResourceController"])),
        {
            "trust": literal(NODES_TRUST),
            "managed": literal(["AmazonEKSClusterPolicy"]),
            "boundary": literal("arn:aws:iam::aws:policy/ReadOnlyAccess"),
            "path": literal("/other/"),
        },
        {"values": "part of trust, and compared with it", "inline_policies": "always none: what others put into it"},
        drifts={
            "inline_policies": Drift(out_of_band.inline("theirs")),
            "trust": Drift(out_of_band.trust(NODES_TRUST)),
            "values": Drift(
                out_of_band.trust(TRUST), {"trust": literal(trust("${who}")), "values": literal({"who": "x"})}
            ),
            "managed": Drift(out_of_band.attach("AdministratorAccess")),
            "boundary": Drift(
                out_of_band.call(
                    "iam",
                    "put_role_permissions_boundary",
                    "RoleName",
                    PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess",
                )
            ),
        },
        owned={"path": "AWS: a role keeps it"},
    ),
    Case(
        Policy,
        _of(Policy, "x", document=literal(document("s3:GetObject"))),
        {"document": literal(document("s3:PutObject")), "path": literal("/other/")},
        drifts={"document": Drift(out_of_band.policy_version(document("s3:*")))},
        owned={"path": "AWS: a policy keeps it"},
    ),
    Case(
        OidcProvider,
        _of(OidcProvider, "x", url=literal("https://oidc.eks.us-east-1.amazonaws.com/id/A")),
        {"url": literal("https://oidc.eks.us-east-1.amazonaws.com/id/B")},
        owned={"url": "AWS: a provider keeps it"},
    ),
    Case(
        Key,
        _of(Key, "x", description=literal("d")),
        {"description": literal("other"), "rotation": literal(False)},
        {"state": "a key that is wanted is enabled", "key_policy": "always none: what others wrote into it"},
        drifts={
            "key_policy": Drift(
                out_of_band.call("kms", "put_key_policy", "KeyId", PolicyName="default", Policy=out_of_band.lets_in())
            ),
            "state": Drift(out_of_band.call("kms", "disable_key", "KeyId")),
            "description": Drift(out_of_band.call("kms", "update_key_description", "KeyId", Description="theirs")),
            "rotation": Drift(out_of_band.call("kms", "disable_key_rotation", "KeyId")),
        },
    ),
    Case(
        Alias,
        _of(Alias, "x", key_id=lambda b: b.key().id),
        {"key_id": lambda b: b.key("other").id},
        drifts={"key_id": Drift(out_of_band.alias_of_another_key, gives_away=True)},
    ),
    Case(
        Secret,
        _of(Secret, "x", form=literal(TOKEN)),
        {"form": literal(API_KEYS), "recovery_days": literal(7)},
        {
            "retired": "says whether the value must be drawn anew: test_secrets.py",
            "state": "a secret that is wanted is kept",
            "resource_policy": "always none: what others wrote",
        },
        drifts={
            "resource_policy": Drift(
                out_of_band.call(
                    "secretsmanager", "put_resource_policy", "SecretId", ResourcePolicy=out_of_band.lets_in()
                )
            ),
            "retired": Drift(out_of_band.retire),
            "state": Drift(out_of_band.call("secretsmanager", "delete_secret", "SecretId", RecoveryWindowInDays=7)),
        },
        owned={"form": "write-only: it says what was drawn", "recovery_days": "create-only"},
    ),
    Case(
        Cluster,
        lambda base, **changed: base.new_cluster(**{"version": "1.35", **changed}),
        {
            "role_arn": lambda b: b.role("other").arn,
            "subnet_ids": lambda b: [b.subnet("a").id, b.subnet("b").id, b.subnet("c").id],
            "zones": literal(["us-east-1c"]),
            "version": literal("1.36"),
            "public_cidrs": literal(["203.0.113.0/24"]),
            "private_access": literal(False),
            "logs": literal(["api"]),
            "key_arn": lambda b: b.key().arn,
            "deletion_protection": literal(True),
        },
        drifts={
            "subnet_ids": Drift(
                out_of_band.fewer_subnets,
                {"subnet_ids": lambda b: [b.subnet("a").id, b.subnet("b").id, b.subnet("c").id]},
            ),
            "version": Drift(out_of_band.call("eks", "update_cluster_version", "name", version="1.36"), blocked=True),
            "public_cidrs": Drift(
                out_of_band.cluster(resourcesVpcConfig={"publicAccessCidrs": [out_of_band.EVERYWHERE]}),
            ),
            "private_access": Drift(out_of_band.cluster(resourcesVpcConfig={"endpointPrivateAccess": False})),
            "logs": Drift(out_of_band.cluster(logging={"clusterLogging": [{"types": ["api"], "enabled": True}]})),
            "key_arn": Drift(out_of_band.encrypt, blocked=True),
            "deletion_protection": Drift(out_of_band.cluster(deletionProtection=True)),
        },
        owned={"role_arn": "AWS: a cluster keeps it", "zones": "write-only: EKS tells of subnets, not of zones"},
    ),
    Case(
        AccessEntry,
        _in_cluster(AccessEntry, "admin"),
        {
            "principal": lambda b: b.another_role("platform"),
            "policies": literal(["AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"]),
        },
        {"groups": "always none: what others put it into", "username": "always EKS's own"},
        drifts={
            "policies": Drift(out_of_band.access_policy("disassociate_access_policy", "AmazonEKSClusterAdminPolicy")),
            "groups": Drift(out_of_band.access_entry(kubernetesGroups=["theirs"])),
            "username": Drift(out_of_band.access_entry(username="theirs")),
        },
        owned={"principal": "AWS: an entry keeps it"},
    ),
    Case(
        Addon,
        _in_cluster(Addon, "vpc-cni"),
        {
            "version": literal("v1.20.4"),
            "configuration": literal({"env": {"A": "b"}}),
            "role_arn": lambda b: b.another_role("cni"),
        },
        drifts={
            "version": Drift(out_of_band.addon(addonVersion="v1.20.4-eksbuild.2"), {"version": literal("v1.21")}),
            "configuration": Drift(out_of_band.addon(configurationValues='{"env": {"A": "theirs"}}')),
            "role_arn": Drift(out_of_band.addon_with_a_role),
        },
        silent={"a version that the file leaves to AWS": out_of_band.addon(addonVersion="v1.20.4-eksbuild.2")},
    ),
    Case(
        LaunchTemplate,
        _of(LaunchTemplate, "x", security_group_ids=lambda b: [b.group().id], disk_gib=literal(50)),
        {
            "security_group_ids": lambda b: [b.group().id, b.group("other").id],
            "disk_gib": literal(80),
            "root_device": literal("/dev/xvdb"),
        },
        {"other_settings": "always none: what somebody else's version says"},
        drifts={
            "other_settings": Drift(out_of_band.template(other={"MetadataOptions": {"HttpTokens": "optional"}})),
            "security_group_ids": Drift(out_of_band.template_without_groups),
            "disk_gib": Drift(out_of_band.template(size=8)),
            "root_device": Drift(out_of_band.template(device="/dev/xvdz")),
        },
    ),
    Case(
        NodeGroup,
        _node_group,
        {
            "role": literal("other"),
            "instance_types": literal(["c6i.xlarge"]),
            "capacity": literal("SPOT"),
            "ami": literal("BOTTLEROCKET_x86_64"),
            "node_role_arn": lambda b: b.role("other").arn,
            "subnet_ids": lambda b: [b.subnet("b").id],
            "template_id": lambda b: b.template("other").id,
            "version": literal("1.36"),
            "min": literal(2),
            "max": literal(5),
            "desired_size": literal(2),
            "surge": literal(2),
        },
        {"template_version": "follows the template: test_nodes.py"},
        drifts={
            "role": Drift(
                out_of_band.nodes(
                    "update_nodegroup_config", labels={"addOrUpdateLabels": {"livekit-deploy/group": "theirs"}}
                )
            ),
            "template_version": Drift(out_of_band.other_template_version, {"template_version": literal("1")}),
            "version": Drift(out_of_band.nodes("update_nodegroup_version", version="1.36"), blocked=True),
            "min": Drift(out_of_band.nodes("update_nodegroup_config", scalingConfig={"minSize": 0})),
            "max": Drift(out_of_band.nodes("update_nodegroup_config", scalingConfig={"maxSize": 9})),
            "surge": Drift(out_of_band.nodes("update_nodegroup_config", updateConfig={"maxUnavailable": 2})),
        },
        owned={
            "desired_size": "autoscaler",
            **dict.fromkeys(
                ("instance_types", "capacity", "ami", "node_role_arn", "subnet_ids", "template_id"),
                "AWS: a node group keeps it",
            ),
        },
        silent={
            "a newer image of the same version": out_of_band.nodes(
                "update_nodegroup_version", releaseVersion="1.35.9-20261124"
            ),
            "an autoscaler's size": out_of_band.nodes("update_nodegroup_config", scalingConfig={"desiredSize": 2}),
        },
    ),
    Case(
        SubnetGroup,
        _of(SubnetGroup, "x", subnet_ids=lambda b: [b.subnet("a").id, b.subnet("b").id]),
        {"subnet_ids": lambda b: [b.subnet("a").id, b.subnet("b").id, b.subnet("c").id]},
        drifts={"subnet_ids": Drift(out_of_band.fewer_cache_subnets)},
    ),
    Case(
        ParameterGroup,
        _of(ParameterGroup, "x", family=literal("valkey8"), parameters=literal({"timeout": "300"})),
        {"family": literal("valkey7"), "parameters": literal({"timeout": "600", "tcp-keepalive": "60"})},
        drifts={"parameters": Drift(out_of_band.cache_parameter("timeout", "900"))},
        owned={"family": "AWS: a parameter group keeps it"},
    ),
    Case(
        ReplicationGroup,
        _replication_group,
        {
            "engine": literal("redis"),
            "version": literal("8.1"),
            "node_type": literal("cache.m7g.large"),
            "replicas": literal(2),
            "failover": literal(False),
            "multi_az": literal(False),
            "snapshot_retention": literal(3),
            "snapshot_window": literal("03:00-04:00"),
            "parameter_group": lambda b: b.cache_parameters().group_name,
            "security_group_ids": lambda b: [b.group("other").id],
            "subnet_group": lambda b: b.cache_subnets("other").group_name,
            "minor_upgrades": literal(True),
            "tls": literal(False),
            "auth": literal(False),
            "auth_token": lambda b: b.token("another").value,
        },
        exempt={"old_token": "says whether a token is to be ended: tests/aws/elasticache/test_tokens.py"},
        together={
            "engine": {"version": "7.1"},
            "tls": {"auth": False, "auth_token": None},
            "failover": {"multi_az": False},
        },
        drifts={
            "engine": Drift(
                out_of_band.redis(Engine="valkey", EngineVersion="8.0"),
                {"engine": literal("redis"), "version": literal("7.1")},
                blocked=True,
            ),
            "version": Drift(out_of_band.redis(EngineVersion="9.0"), blocked=True),
            "minor_upgrades": Drift(out_of_band.redis(AutoMinorVersionUpgrade=True)),
            "node_type": Drift(out_of_band.redis(CacheNodeType="cache.m7g.large")),
            "replicas": Drift(out_of_band.replicas("increase_replica_count", 2)),
            "failover": Drift(out_of_band.redis(AutomaticFailoverEnabled=False, MultiAZEnabled=False)),
            "multi_az": Drift(out_of_band.redis(MultiAZEnabled=False)),
            "snapshot_retention": Drift(out_of_band.redis_with_snapshots),
            "snapshot_window": Drift(
                out_of_band.redis(SnapshotWindow="10:00-11:00"), {"snapshot_window": literal("03:00-04:00")}
            ),
            "parameter_group": Drift(out_of_band.redis_with_other_parameters),
            "security_group_ids": Drift(out_of_band.redis_in_another_group),
            "tls": Drift(
                out_of_band.redis(TransitEncryptionMode="preferred"),
                {"auth": literal(False), "auth_token": literal(None)},
            ),
            "auth": Drift(out_of_band.redis(AuthTokenUpdateStrategy="DELETE", UserGroupIdsToAdd=["x"]), blocked=True),
            "old_token": Drift(out_of_band.another_token),
        },
        owned={
            "subnet_group": "AWS: a replication group keeps it",
            "auth_token": "write-only: ElastiCache does not tell the token",
        },
        silent={
            "a patch of the engine by AWS": out_of_band.redis(EngineVersion="8.0.2"),
            "a minor version that AWS raised": out_of_band.redis(EngineVersion="8.1"),
            "another description": out_of_band.redis(ReplicationGroupDescription="theirs"),
            "another hour for its snapshots, where none is declared": out_of_band.redis(SnapshotWindow="10:00-11:00"),
            "another hour for its maintenance": out_of_band.redis(PreferredMaintenanceWindow="sun:05:00-sun:06:00"),
        },
    ),
    Case(
        Certificate,
        _of(Certificate, "x", domain=literal(f"x.{ZONE}")),
        {"domain": literal(f"y.{ZONE}"), "alternatives": literal([f"turn.{ZONE}"])},
        owned=dict.fromkeys(("domain", "alternatives"), "AWS: a certificate keeps its names"),
    ),
    Case(
        Issued,
        lambda base, **changed: Issued(
            "x",
            after=[base.validation(), base.validation("other")],
            **{"certificate_arn": base.certificate().arn, **changed},
        ),
        {"certificate_arn": lambda b: b.certificate("other").arn},
        owned={"certificate_arn": "observed: it says which one is waited for"},
    ),
    Case(
        Record,
        _of(Record, "x", zone=literal(ZONE), record=literal(f"x.{ZONE}"), values=literal(["192.0.2.1"])),
        {
            "record": literal(f"y.{ZONE}"),
            "type": literal("TXT"),
            "values": literal(["192.0.2.2"]),
            "ttl": literal(60),
        },
        {"zone": "tried in test_dns.py: a second zone", "alias": "instead of values: tried in test_dns.py"},
        drifts={
            "values": Drift(out_of_band.record(ResourceRecords=[{"Value": "198.51.100.1"}]), gives_away=True),
            "ttl": Drift(out_of_band.record(TTL=60)),
            "alias": Drift(out_of_band.record(), {"values": literal(()), "alias": literal(BALANCER)}, gives_away=True),
        },
        owned=dict.fromkeys(("zone", "record", "type"), "identity: another one is another record"),
    ),
    Case(LoadBalancersGone, _of(LoadBalancersGone, "x")),
    Case(VolumesGone, _of(VolumesGone, "x")),
    Case(
        NetworkInterfacesGone,
        _of(NetworkInterfacesGone, "x", vpc_id=lambda b: b.vpc().id),
        exempt={"vpc_id": "a barrier has no object that could differ; test_barriers.py shows it at work"},
        owned={"vpc_id": "observed: a barrier has no object"},
    ),
    Case(
        LoadBalancer,
        _of(LoadBalancer, "x", stack=literal("livekit/livekit")),
        exempt={
            "stack": f"somebody else makes it: seen with Ingress and Service ({SERVICE_TAG}) in tests/sandbox",
            "tag": "the same",
            "state": "what somebody does to it in AWS: seen with Ingress and Service in tests/sandbox",
        },
        owned=dict.fromkeys(("stack", "tag", "state"), "observed: the controller makes it"),
    ),
]


def tried() -> Iterator[tuple[Case, str]]:
    """Every case with every input that it changes."""
    for case in CASES:
        for name in case.changes:
            yield case, name


def closure(*subjects: Resource) -> list[Resource]:
    """The subjects with all that they need, each once."""
    found: dict[int, Resource] = {}
    todo = list(subjects)
    while todo:
        item = todo.pop()
        if id(item) not in found:
            found[id(item)] = item
            todo += item.dependencies()
    return list(found.values())
