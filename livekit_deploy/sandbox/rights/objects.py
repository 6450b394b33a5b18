"""The objects that a call names, each with resource type, ARN and tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from moto.acm.models import acm_backends
from moto.ec2.models import ec2_backends
from moto.eks.models import eks_backends
from moto.elasticache.models import elasticache_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.secretsmanager.models import secretsmanager_backends

from livekit_deploy.sandbox.aws.eks.store import store as clusters_of
from livekit_deploy.sandbox.aws.elasticache.store import store_of
from livekit_deploy.sandbox.aws.every_service.parameters import texts
from livekit_deploy.sandbox.rights import reference
from livekit_deploy.sandbox.rights.keys import effective

Tags = Mapping[str, str]
#: what an id begins with → the resource type (EC2 user guide, "Resource IDs")
_EC2 = {
    **{"vpc": "vpc", "subnet": "subnet", "igw": "internet-gateway", "rtb": "route-table", "vpce": "vpc-endpoint"},
    **{"sg": "security-group", "sgr": "security-group-rule", "lt": "launch-template", "eipalloc": "elastic-ip"},
    **{"nat": "natgateway", "fl": "vpc-flow-log", "i": "instance", "vol": "volume", "eni": "network-interface"},
    **{"ami": "image"},
}
_ID = re.compile(r"(rtbassoc|eipassoc|" + "|".join(_EC2) + r")-[0-9a-f]+")


@dataclass(frozen=True)
class Asking:
    """One call: ``service`` is IAM's prefix, ``operation`` AWS's name; ``principal`` is the caller's user or role."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    account: str
    region: str
    principal: str = ""
    partition: str = "aws"

    @property
    def action(self) -> str:
        return f"{self.service}:{self.operation}"

    def arn(self, kind: str, *, service: str = "", **values: str) -> str:
        """The ARN of an object here."""
        where = {"partition": self.partition, "region": self.region, "account": self.account}
        return reference.arn(service or self.service, kind, values, **where)

    def get(self, *names: str) -> str:
        """The first of these parameters that is given."""
        return next((str(self.parameters[name]) for name in names if self.parameters.get(name)), "")


@dataclass(frozen=True)
class Object:
    """What a call is about; one that the call makes has no tags yet."""

    kind: str
    arn: str
    tags: Tags = field(default_factory=dict)


def plain(tags: Any) -> dict[str, str]:
    """Tags in any of the forms in which AWS's services take and keep them."""
    if isinstance(tags, Mapping):
        return {str(key): str(value["Value"] if isinstance(value, Mapping) else value) for key, value in tags.items()}
    return {
        str(one.get("Key", one.get("key", one.get("TagKey")))): str(
            one.get("Value", one.get("value", one.get("TagValue", "")))
        )
        for one in tags or []
    }


def named(call: Asking) -> list[Object]:
    """The objects of a call, of the types that its action knows; for a type that it needs and names none of, all."""
    kinds = reference.kinds(call.action)
    found = [one for one in _SERVICES.get(call.service, _nothing)(call) if one.kind in kinds]
    there = {one.kind for one in found}
    tagged = {spec.get("ResourceType") for spec in call.parameters.get("TagSpecifications") or []}
    made = (kind.name for kind in kinds.values() if kind.needed or (kind.new and kind.name in tagged))
    return [*found, *(Object(kind, call.arn(kind)) for kind in made if kind not in there)]


def _nothing(call: Asking) -> Iterator[Object]:
    return iter(())


# ---- EC2


def _ec2(call: Asking) -> Iterator[Object]:
    for id in dict.fromkeys(filter(_ID.fullmatch, texts(call.parameters))):
        yield from ec2_object(call, id)


def ec2_object(call: Asking, id: str) -> Iterator[Object]:
    """The object with this id; an association leads to what is associated."""
    backend = ec2_backends[call.account][call.region]
    prefix = id.partition("-")[0]
    if prefix == "rtbassoc":
        ids = [str(table.id) for table in backend.route_tables.values() if id in table.all_associations_ids]
    elif prefix == "eipassoc":
        ids = [str(one.allocation_id) for one in backend.addresses.values() if one.association_id == id]
    else:
        kind = _EC2[prefix]
        account = "" if kind == "image" else call.account
        arn = f"arn:{call.partition}:ec2:{call.region}:{account}:{kind}/{id}"
        yield Object(kind, arn, dict(backend.tags.get(id, {})))
        return
    for one in ids:
        yield from ec2_object(call, one)


# ---- IAM and KMS


def _iam(call: Asking) -> Iterator[Object]:
    backend = iam_backends[call.account][call.partition]
    if name := call.get("RoleName"):
        role = next((one for one in backend.roles.values() if one.name == name), None)
        path = role.path if role else str(call.parameters.get("Path") or "/")
        yield Object(
            "role", call.arn("role", RoleNameWithPath=f"{path.lstrip('/')}{name}"), plain(role.tags) if role else {}
        )
    if name := call.get("PolicyName"):
        path = str(call.parameters.get("Path") or "/").lstrip("/")
        yield Object("policy", call.arn("policy", PolicyNameWithPath=f"{path}{name}"))
    elif arn := call.get("PolicyArn"):
        policy = backend.managed_policies.get(arn)
        yield Object("policy", arn, plain(policy.tags) if policy else {})
    if arn := call.get("OpenIDConnectProviderArn"):
        provider = backend.open_id_providers.get(arn)
        yield Object("oidc-provider", arn, plain(provider.tags) if provider else {})
    elif url := call.get("Url"):
        yield Object("oidc-provider", call.arn("oidc-provider", OidcProviderName=url.removeprefix("https://")))
    if name := call.get("InstanceProfileName"):
        yield Object("instance-profile", call.arn("instance-profile", InstanceProfileNameWithPath=name))
    if arn := call.get("PolicySourceArn"):
        yield Object("role" if ":role/" in arn else "user", arn)


def kms_key(call: Asking, name: str) -> Object:
    """A key by its id, its ARN or its alias, with the tags that count by now."""
    backend = kms_backends[call.account][call.region]
    id = name.rpartition("key/")[2] if ":key/" in name else name
    id = backend.get_key_id_from_alias(id.rpartition(":")[2]) or id if "alias/" in id else id
    key = backend.keys.get(id)
    return Object("key", call.arn("key", service="kms", KeyId=id), effective(backend, key) if key else {})


def _kms(call: Asking) -> Iterator[Object]:
    if name := call.get("KeyId", "TargetKeyId"):
        yield kms_key(call, name)
    if alias := call.get("AliasName"):
        backend = kms_backends[call.account][call.region]
        yield Object("alias", call.arn("alias", Alias=alias.removeprefix("alias/")))
        target = backend.get_key_id_from_alias(alias)
        if target and call.operation != "CreateAlias":  # an alias that moves or goes concerns the key behind it
            yield kms_key(call, target)


# ---- EKS


def _eks(call: Asking) -> Iterator[Object]:
    backend = eks_backends[call.account][call.region]
    if arn := unquote(call.get("resourceArn")):
        there = next((wire for wire in _wires(backend) if arn in wire.values()), {})
        yield Object(arn.split(":")[5].partition("/")[0], arn, plain(there.get("tags")))
        return
    name = call.get("clusterName", "name")
    cluster = clusters_of(backend).clusters.get(name)
    if name:
        yield Object(
            "cluster", call.arn("cluster", ClusterName=name), plain(cluster.wire.get("tags")) if cluster else {}
        )
    for kind, key, value in (("nodegroup", "nodegroupName", "NodegroupName"), ("addon", "addonName", "AddonName")):
        if child := call.get(key):
            kept = (cluster.groups if kind == "nodegroup" else cluster.addons) if cluster else {}
            there = kept[child].wire if child in kept else {}
            arn = there.get(f"{kind}Arn") or call.arn(kind, ClusterName=name, **{value: child})
            yield Object(kind, str(arn), plain(there.get("tags")))
    if principal := unquote(call.get("principalArn")):
        entry = cluster.access.get(principal, {}) if cluster else {}
        yield Object(
            "access-entry", str(entry.get("accessEntryArn") or new_entry(call, principal)), plain(entry.get("tags"))
        )


def _wires(backend: Any) -> Iterator[Mapping[str, Any]]:
    """Every object that EKS has here, as it tells of it."""
    for cluster in clusters_of(backend).clusters.values():
        yield from (cluster.wire, *cluster.access.values())
        yield from (thing.wire for thing in (*cluster.groups.values(), *cluster.addons.values()))


def new_entry(call: Asking, principal: str) -> str:
    """The ARN of an access entry that is not there yet."""
    parts = principal.split(":")
    kind, path = parts[5].partition("/")[0], parts[5].rpartition("/")[2]
    values = {"IamIdentityType": kind, "IamIdentityAccountID": parts[4], "IamIdentityName": path}
    return call.arn("access-entry", ClusterName=call.get("clusterName", "name"), **values)


# ---- the others


def _logs(call: Asking) -> Iterator[Object]:
    named = str(call.get("resourceArn") or "").partition(":log-group:")[2]
    if name := call.get("logGroupName") or named:
        tagger, arn = logs_backends[call.account][call.region].tagger, call.arn("log-group", LogGroupName=name)
        yield Object("log-group", arn, tagger.get_tag_dict_for_resource(arn))


def _acm(call: Asking) -> Iterator[Object]:
    if arn := call.get("CertificateArn"):
        found = acm_backends[call.account][call.region]._certificates.get(arn)
        yield Object("certificate", arn, plain(dict(found.tags)) if found else {})


def _route53(call: Asking) -> Iterator[Object]:
    if zone := call.get("HostedZoneId", "Id"):
        yield Object("hostedzone", call.arn("hostedzone", Id=zone.rpartition("/")[2]))


def _s3(call: Asking) -> Iterator[Object]:
    bucket, key = call.get("Bucket"), call.get("Key")
    if bucket:
        yield Object("bucket", call.arn("bucket", BucketName=bucket))
    if key:
        yield Object("object", call.arn("object", BucketName=bucket, ObjectName=key))


def _elasticache(call: Asking) -> Iterator[Object]:
    tags = store_of(elasticache_backends[call.account][call.region]).tags
    for kind, parameter, value in (
        ("replicationgroup", "ReplicationGroupId", "ReplicationGroupId"),
        ("cluster", "CacheClusterId", "CacheClusterId"),
        ("subnetgroup", "CacheSubnetGroupName", "CacheSubnetGroupName"),
        ("parametergroup", "CacheParameterGroupName", "CacheParameterGroupName"),
    ):
        default = "default.redis7" if kind == "parametergroup" and call.operation == "CreateReplicationGroup" else ""
        if name := call.get(parameter) or default:
            arn = call.arn(kind, **{value: name.lower()})
            yield Object(kind, arn, plain(tags.get(arn)))
    if arn := call.get("ResourceName"):
        yield Object(arn.split(":")[5], arn, plain(tags.get(arn)))


def _secrets(call: Asking) -> Iterator[Object]:
    if id := call.get("SecretId"):
        there = secretsmanager_backends[call.account][call.region].secrets
        found = next((one for one in there.values() if id in (one.arn, one.secret_id, one.name)), None)
        yield Object("Secret", found.arn if found else id, plain(found.tags) if found else {})
    elif name := call.get("Name"):
        yield Object("Secret", call.arn("Secret", SecretId=f"{name}-??????"))


def _balancers(call: Asking) -> Iterator[Object]:
    backend = elbv2_backends[call.account][call.region]
    for arn in _strings(call.parameters, ("LoadBalancerArn", "TargetGroupArn")):
        kind = "targetgroup" if ":targetgroup/" in arn else f"loadbalancer/{arn.split('/')[1]}/"
        yield Object(kind, arn, backend.tagging_service.get_tag_dict_for_resource(arn))


def _strings(parameters: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if parameters.get(name):
            yield str(parameters[name])


def _quotas(call: Asking) -> Iterator[Object]:
    if code := call.get("QuotaCode"):
        yield Object("quota", call.arn("quota", ServiceCode=call.get("ServiceCode"), QuotaCode=code))


_SERVICES: dict[str, Callable[[Asking], Iterator[Object]]] = {
    "ec2": _ec2,
    "iam": _iam,
    "kms": _kms,
    "eks": _eks,
    "logs": _logs,
    "acm": _acm,
    "route53": _route53,
    "s3": _s3,
    "elasticache": _elasticache,
    "secretsmanager": _secrets,
    "elasticloadbalancing": _balancers,
    "servicequotas": _quotas,
}
