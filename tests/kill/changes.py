"""The environment that is killed, and a change of every kind in it that can change: by its file, or behind its back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from livekit_deploy.engine.inputs import Change
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.access.client import Api
from livekit_deploy.k8s.ownership_tags import ADDRESS_ANNOTATION, LINEAGE_LABEL
from livekit_deploy.state.document import Record
from tests.contract import out_of_band
from tests.contract.kinds.case import document
from tests.kinds import kinds

ENVIRONMENT = """
preset: dev
region: us-east-1
state: {lease_seconds: 900}
network: {nat: single}
cluster: {secrets_key: true, logs: [api]}
livekit: {domain: livekit.dev.example.com, hosted_zone: example.com, turn: {domain: turn.dev.example.com}}
"""


@dataclass(frozen=True)
class Alteration:
    """Another environment: ``kinds`` are those of what is created, changed or deleted on the way to it.

    ``values`` are what the file says otherwise, {} where somebody changes things by hand; ``lasting`` is what no later
    file can take back.
    """

    values: dict[str, Any]
    kinds: set[str]
    lasting: dict[str, Any] = field(default_factory=dict)


BY_HAND, PROVIDER_GONE = "what others changed", "identity provider that others deleted"
BALANCERS_GONE = "load balancers that others deleted"
GOING = "what others scheduled for deletion"
ALTERATIONS = {
    "type of nodes": Alteration(
        {"nodes": {"media": {"instance_types": ["c6i.xlarge"]}}}, {"eks.node_group", "barrier.calls_drained"}
    ),
    "no NAT, flow logs": Alteration(
        {"network": {"nat": "none", "flow_logs": True}},
        {
            *("ec2.nat_gateway", "ec2.elastic_ip", "ec2.route_table", "ec2.flow_log", "logs.log_group"),
            *("iam.role", "iam.policy"),
        },
    ),
    "control plane": Alteration(
        {
            "cluster": {
                "version": "1.37",
                "logs": ["api", "audit"],
                "public_cidrs": ["203.0.113.0/24"],
                "deletion_protection": True,
                "admins": ["arn:aws:iam::210987654321:role/platform"],
                "addons": {"coredns": {"configuration": {"replicaCount": 3}}},
            }
        },
        {"eks.cluster", "eks.access_entry", "eks.addon", "eks.node_group"},
        {"cluster": {"version": "1.37"}},
    ),
    "size and disks of nodes": Alteration(
        {"nodes": {"media": {"max": 3, "disk_gib": 60}}}, {"ec2.launch_template", "eks.node_group"}
    ),
    "Redis nodes": Alteration(
        {"redis": {"node_type": "cache.t4g.medium", "replicas": 1, "multi_az": True}},
        {"elasticache.replication_group"},
    ),
    "Redis parameters": Alteration(
        {"redis": {"parameters": {"timeout": "300"}}},
        {"elasticache.parameter_group", "elasticache.replication_group"},
    ),
    "Redis password": Alteration(
        {"redis": {"auth": False}},
        {"elasticache.replication_group", "secretsmanager.secret", "k8s.secret", "helm.release"},
    ),
    "controller": Alteration({"load_balancer_controller": {"chart_version": "3.6.0", "replicas": 3}}, {"helm.release"}),
    "LiveKit": Alteration(
        {
            "livekit": {
                "rtc": {"tcp_port": 7882},
                "webhook_urls": ["https://example.com/livekit"],
                "settings": {"room": {"empty_timeout": 120}},
            }
        },
        {"ec2.security_group_rule", "k8s.secret", "helm.release"},
    ),
    "certificate, DNS, TURN": Alteration(
        {"livekit": {"domain": "rtc.dev.example.com", "turn": None}},
        {
            *("acm.certificate", "acm.issued", "route53.record", "elbv2.load_balancer", "helm.release"),
            "ec2.security_group_rule",
        },
    ),
    "roles and log group": Alteration(
        {
            "iam": {"permissions_boundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
            "cluster": {"log_retention_days": 60},
        },
        {"iam.role", "logs.log_group"},
    ),
    BY_HAND: Alteration(
        {},
        {
            *("ec2.vpc", "ec2.subnet", "ec2.vpc_endpoint", "elasticache.subnet_group"),
            *("ec2.security_group", "iam.policy", "kms.key", "kms.alias"),
            *("secretsmanager.secret", "k8s.namespace", "k8s.secret", "helm.release"),
        },
    ),
    # apart from the others: without it a `down` waits for a controller that can delete nothing
    PROVIDER_GONE: Alteration({}, {"iam.oidc_provider"}),
    BALANCERS_GONE: Alteration({}, {"elbv2.load_balancer"}),
    GOING: Alteration({}, {"kms.key", "secretsmanager.secret"}),
}
#: kinds that nothing here changes
UNCHANGED = {
    "barrier.network_interfaces_gone": "it follows its VPC, and nobody deletes that with all that is in it",
    "ec2.internet_gateway": "EC2 detaches it for nobody while nodes have public addresses, and it stays in its VPC",
}


def able_to_change() -> set[str]:
    """The kinds of which a change is carried out, and not refused."""
    ours = (kind for kind in kinds().values() if kind.__module__.startswith("livekit_deploy."))
    return {kind.kind for kind in ours if _changes(kind)}


def _changes(kind: type[Resource]) -> bool:
    return any(declared.change in (Change.MUTABLE, Change.IMMUTABLE) for declared in kind.inputs.values())


def _without_alias(made: Record) -> None:
    out_of_band.aws("kms").delete_alias(AliasName=made.id)


def _without_route_table(made: Record) -> None:
    table = made.inputs["route_table_ids"][0]
    out_of_band.aws("ec2").modify_vpc_endpoint(VpcEndpointId=made.id, RemoveRouteTableIds=[table])


def _without_cache_subnet(made: Record) -> None:
    """Whichever Redis is not in."""
    elasticache = out_of_band.aws("elasticache")
    for subnet in made.inputs["subnet_ids"]:
        with contextlib.suppress(elasticache.exceptions.SubnetInUse):
            elasticache.modify_cache_subnet_group(CacheSubnetGroupName=made.id, SubnetIds=[subnet])
            return


#: by change: of what no line of the file changes
_HANDS: dict[str, dict[str, out_of_band.Hand]] = {
    BY_HAND: {
        "ec2.vpc/main": out_of_band.vpc_attribute("EnableDnsHostnames", False),
        "ec2.subnet/public-a": out_of_band.call(
            "ec2", "modify_subnet_attribute", "SubnetId", MapPublicIpOnLaunch={"Value": False}
        ),
        "ec2.vpc_endpoint/s3": _without_route_table,
        "elasticache.subnet_group/redis": _without_cache_subnet,
        "ec2.security_group/media": out_of_band.open_port(),
        "iam.policy/load-balancer-controller": out_of_band.policy_version(document("s3:*")),
        "kms.key/cluster": out_of_band.call("kms", "disable_key_rotation", "KeyId"),
        "kms.alias/cluster": _without_alias,
        "secretsmanager.secret/api-keys": out_of_band.retire,
    },
    PROVIDER_GONE: {
        "iam.oidc_provider/cluster": out_of_band.call(
            "iam", "delete_open_id_connect_provider", "OpenIDConnectProviderArn"
        ),
    },
    GOING: {
        "kms.key/cluster": out_of_band.call("kms", "schedule_key_deletion", "KeyId", PendingWindowInDays=7),
        "secretsmanager.secret/api-keys": out_of_band.call(
            "secretsmanager", "delete_secret", "SecretId", RecoveryWindowInDays=7
        ),
    },
    BALANCERS_GONE: dict.fromkeys(
        ("elbv2.load_balancer/signal", "elbv2.load_balancer/turn"),
        out_of_band.call("elbv2", "delete_load_balancer", "LoadBalancerArn"),
    ),
}


def changed_by_hand(name: str, records: Mapping[str, Record], api: Callable[[], Api]) -> None:
    """Somebody has been there before us."""
    for address, hand in _HANDS[name].items():
        (made,) = [record for at, record in records.items() if at.startswith(address)]
        hand(made)
    if "k8s.namespace" in ALTERATIONS[name].kinds:
        _without_labels("/api/v1/namespaces/livekit", api())


def _without_labels(path: str, api: Api) -> None:
    """But for our tags: without them nothing of it is changed until it is adopted."""
    there = (api.get(path) or {})["metadata"]
    marks = {
        "labels": {LINEAGE_LABEL: there["labels"][LINEAGE_LABEL]},
        "annotations": {ADDRESS_ANNOTATION: there["annotations"][ADDRESS_ANNOTATION]},
    }
    api.apply(path, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": there["name"], **marks}})
