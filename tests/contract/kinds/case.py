"""How one of a kind is made, another value for each of its inputs, and what others may do to it.

A case builds fresh resources each time, since a plan works on what is declared and not on what was.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3

from livekit_deploy.aws.kinds.dns.certificates import Certificate
from livekit_deploy.aws.kinds.dns.records import Record
from livekit_deploy.aws.kinds.ec2.launch_templates import LaunchTemplate
from livekit_deploy.aws.kinds.ec2.nat import ElasticIp, NatGateway
from livekit_deploy.aws.kinds.ec2.routes import RouteTable
from livekit_deploy.aws.kinds.ec2.security_groups import SecurityGroup
from livekit_deploy.aws.kinds.ec2.vpc import InternetGateway, Subnet, Vpc
from livekit_deploy.aws.kinds.eks.cluster import Cluster
from livekit_deploy.aws.kinds.elasticache.parameter_groups import ParameterGroup
from livekit_deploy.aws.kinds.elasticache.subnet_groups import SubnetGroup
from livekit_deploy.aws.kinds.iam.roles import Role
from livekit_deploy.aws.kinds.keys import Key
from livekit_deploy.aws.kinds.logs import LogGroup
from livekit_deploy.aws.kinds.secrets import TOKEN, Secret
from livekit_deploy.engine.resource import Resource
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


def made(cls: type[Resource], name: str, **defaults: Make) -> Callable[..., Resource]:
    """A maker: each input from the base unless it is changed."""

    def make(base: Base, **changed: Any) -> Resource:
        values = {key: given(base) for key, given in defaults.items() if key not in changed}
        return cls(name, **values, **changed)

    return make


def in_cluster(cls: type[Resource], name: str) -> Callable[..., Resource]:
    return lambda base, **changed: cls(name, lives_in=base.cluster(), **changed)


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
