"""Dependent actions: permissions that AWS requires inside of a call, each with the page that documents it.

It is what the Service Authorization Reference calls dependent actions, and what it leaves out of them. The service-
linked roles are asked for only where the account has none of that name yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from livekit_deploy.sandbox.rights.objects import Asking, Object, ec2_object, kms_key, named, new_entry, plain

#: condition keys that a request brings with it
Said = Mapping[str, list[str]]


@dataclass(frozen=True)
class Inner:
    """An action on an object that is asked for inside of a call; ``tags`` are those of the request."""

    action: str
    thing: Object
    said: Said = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def inner(call: Asking) -> Iterator[Inner]:
    """Everything that is asked for inside of a call."""
    for ask in _ASKS.get(call.action, ()):
        yield from ask(call)
    if call.service == "ec2" and call.operation != "CreateTags":
        yield from _ec2_tags(call, call.parameters.get("TagSpecifications"), call.operation)


def _ec2_tags(call: Asking, specifications: Any, operation: str) -> Iterator[Inner]:
    """EC2 user guide, "Grant permission to tag Amazon EC2 resources during creation": one for each type tagged."""
    for spec in specifications or []:
        kind = str(spec["ResourceType"])
        thing = Object(kind, call.arn(kind, service="ec2"))
        yield Inner("ec2:CreateTags", thing, {"ec2:CreateAction": [operation]}, plain(spec.get("Tags")))


# ---- EKS


def _launches(call: Asking) -> Iterator[Inner]:
    """EKS user guide, "Customize managed nodes with launch templates": whoever makes or changes the node group must
    be allowed to launch instances with the template; EC2 user guide, "Control access to launch templates with IAM
    permissions": on each type of object that such a launch touches, with its tags."""
    asked = call.parameters.get("launchTemplate") or {}
    template = ec2_backends[call.account][call.region].launch_templates.get(str(asked.get("id")))
    if template is None:
        return
    data = next(one.data for one in template.versions if str(one.number) == str(asked.get("version", one.number)))
    arn = f"arn:{call.partition}:ec2:{call.region}:{call.account}:launch-template/{template.id}"
    said = {"ec2:LaunchTemplate": [arn], "ec2:IsLaunchTemplateResource": ["true"]}
    tags = {spec["ResourceType"]: plain(spec.get("Tags") or spec.get("Tag")) for spec in _specifications(data)}
    for kind in ("instance", "volume", "network-interface"):
        yield Inner("ec2:RunInstances", Object(kind, call.arn(kind, service="ec2")), said, tags.get(kind, {}))
    ids = [template.id, *data.get("SecurityGroupIds", []), *(call.parameters.get("subnets") or [])]
    for id in ids:
        for thing in ec2_object(call, id):
            yield Inner("ec2:RunInstances", thing, said)
    image = Object("image", f"arn:{call.partition}:ec2:{call.region}::image/ami-0123456789abcdef0")
    yield Inner("ec2:RunInstances", image, said)
    yield from _ec2_tags(call, _specifications(data), "RunInstances")


def _specifications(data: Mapping[str, Any]) -> list[Any]:
    found = data.get("TagSpecifications") or data.get("TagSpecification") or []
    return list(found)


def _child_tags(call: Asking) -> Iterator[Inner]:
    """EKS user guide, "Organize Amazon EKS resources with tags": tags in a create call need eks:TagResource."""
    if not call.parameters.get("tags"):
        return
    kind, name = {
        "CreateCluster": ("cluster", "ClusterName"),
        "CreateNodegroup": ("nodegroup", "NodegroupName"),
        "CreateAddon": ("addon", "AddonName"),
        "CreateAccessEntry": ("access-entry", ""),
    }[call.operation]
    cluster, own = call.get("clusterName", "name"), call.get("nodegroupName", "addonName", "name")
    arn = call.arn(kind, **{"ClusterName": cluster, name: own}) if name else new_entry(call, call.get("principalArn"))
    yield Inner("eks:TagResource", Object(kind, arn), tags=plain(call.parameters["tags"]))


def _secrets_key(call: Asking) -> Iterator[Inner]:
    """EKS user guide, "Encrypt Kubernetes secrets with KMS on existing clusters" and API reference, EncryptionConfig:
    the caller needs DescribeKey and CreateGrant; kms:GrantIsForAWSResource is not there in these calls."""
    for config in call.parameters.get("encryptionConfig") or []:
        key = kms_key(call, str(config["provider"]["keyArn"]))
        yield Inner("kms:DescribeKey", key)
        yield Inner("kms:CreateGrant", key)


def _passes(parameter: str, service: str) -> Callable[[Asking], Iterator[Inner]]:
    """IAM user guide, "Grant a user permissions to pass a role to an AWS service"."""

    def ask(call: Asking) -> Iterator[Inner]:
        if arn := call.get(parameter):
            role = next(
                (one for one in iam_backends[call.account][call.partition].roles.values() if one.arn == arn), None
            )
            thing = Object("role", arn, plain(role.tags) if role else {})
            yield Inner("iam:PassRole", thing, {"iam:PassedToService": [service]})

    return ask


def _linked(service: str, name: str) -> Callable[[Asking], Iterator[Inner]]:
    """IAM user guide, "Service-linked role permissions"."""

    def ask(call: Asking) -> Iterator[Inner]:
        if any(one.name == name for one in iam_backends[call.account][call.partition].roles.values()):
            return
        arn = f"arn:{call.partition}:iam::{call.account}:role/aws-service-role/{service}/{name}"
        yield Inner("iam:CreateServiceLinkedRole", Object("role", arn), {"iam:AWSServiceName": [service]})

    return ask


# ---- tags of the others, and KMS


def _tags(action: str, parameter: str = "Tags") -> Callable[[Asking], Iterator[Inner]]:
    """The tags of a create call need this action on what is made."""

    def ask(call: Asking) -> Iterator[Inner]:
        if call.parameters.get(parameter):
            for thing in named(call) or [_new(call, action)]:
                if action != "elasticache:AddTagsToResource" or call.operation.lower().endswith(thing.kind):
                    yield Inner(action, thing, tags=plain(call.parameters[parameter]))

    return ask


def _born_with_tags(call: Asking) -> Iterator[Inner]:
    """S3 API reference, CreateBucketConfiguration: a new bucket's tags need s3:TagResource."""
    if tags := plain(call.parameters.get("Tags")):
        for bucket in named(call):
            yield Inner("s3:TagResource", bucket, {"s3:ResourceAccount": [call.account]}, tags)


def _object_key(action: str) -> Callable[[Asking], Iterator[Inner]]:
    """S3 user guide, "Using server-side encryption with AWS KMS keys": what is written asks for a data key of the key
    that is named; what is read asks to decrypt with the key that it was written with."""

    def ask(call: Asking) -> Iterator[Inner]:
        bucket = s3_backends[call.account][call.partition].buckets.get(call.get("Bucket"))
        there = bucket.keys.get(call.get("Key")) if bucket else None
        key = call.get("SSEKMSKeyId") if action == "kms:GenerateDataKey" else there and there.kms_key_id
        if key:
            yield Inner(action, kms_key(call, str(key)))

    return ask


def _new(call: Asking, action: str) -> Object:
    kind = {"acm:AddTagsToCertificate": "certificate", "kms:TagResource": "key"}[action]
    return Object(kind, call.arn(kind))


def _own_policy(call: Asking) -> Iterator[Inner]:
    """KMS API reference, CreateKey: a key policy must let the caller change it again (kms:PutKeyPolicy)."""
    if policy := call.get("Policy"):
        yield Inner("kms:PutKeyPolicy", Object("key", call.arn("key")), {"policy": [policy]})


#: call → what is asked for inside of it
_ASKS: dict[str, tuple[Callable[[Asking], Iterator[Inner]], ...]] = {
    "eks:CreateCluster": (
        _passes("roleArn", "eks.amazonaws.com"),
        _child_tags,
        _secrets_key,
        _linked("eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"),  # EKS user guide, "Using roles for EKS clusters"
    ),
    "eks:AssociateEncryptionConfig": (_secrets_key,),
    "eks:CreateNodegroup": (
        _passes("nodeRole", "eks.amazonaws.com"),
        _child_tags,
        _launches,
        # EKS user guide, "Using roles for EKS node groups"
        _linked("eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"),
    ),
    "eks:UpdateNodegroupVersion": (_launches,),
    "eks:CreateAddon": (_child_tags, _passes("serviceAccountRoleArn", "eks.amazonaws.com")),
    "eks:UpdateAddon": (_passes("serviceAccountRoleArn", "eks.amazonaws.com"),),
    "eks:CreateAccessEntry": (_child_tags,),
    "ec2:CreateFlowLogs": (_passes("DeliverLogsPermissionArn", "vpc-flow-logs.amazonaws.com"),),  # the reference
    # ElastiCache user guide, "Using service-linked roles"; the reference names EC2's network interfaces as dependent
    # as well, but it is that role that makes them: AmazonElastiCacheFullAccess allows none of those actions
    "elasticache:CreateReplicationGroup": (
        _tags("elasticache:AddTagsToResource"),
        _linked("elasticache.amazonaws.com", "AWSServiceRoleForElastiCache"),
    ),
    "elasticache:CreateCacheSubnetGroup": (_tags("elasticache:AddTagsToResource"),),  # the reference
    "elasticache:CreateCacheParameterGroup": (_tags("elasticache:AddTagsToResource"),),
    "iam:CreateRole": (_tags("iam:TagRole"),),  # IAM user guide, "Tag IAM roles"
    "iam:CreatePolicy": (_tags("iam:TagPolicy"),),  # the same, "Tag customer managed policies"
    "iam:CreateOpenIDConnectProvider": (_tags("iam:TagOpenIDConnectProvider"),),  # the same, "Tag OpenID Connect"
    "logs:CreateLogGroup": (_tags("logs:TagResource", "tags"),),  # CloudWatch Logs API reference, CreateLogGroup
    "acm:RequestCertificate": (_tags("acm:AddTagsToCertificate"),),  # ACM user guide, "Tag ACM resources"
    "s3:CreateBucket": (_born_with_tags,),
    "s3:PutObject": (_object_key("kms:GenerateDataKey"),),
    "s3:GetObject": (_object_key("kms:Decrypt"),),
    "secretsmanager:CreateSecret": (_tags("secretsmanager:TagResource"),),  # API reference, CreateSecret
    "kms:CreateKey": (_tags("kms:TagResource"), _own_policy),  # API reference, CreateKey, and the reference
}


def key_policy(call: Asking, thing: Object, said: Said) -> str:
    """The policy of the key that is asked for: of one that a call makes, the one that comes with it."""
    if "policy" in said:
        return said["policy"][0]
    key = kms_backends[call.account][call.region].keys.get(thing.arn.rpartition("/")[2])
    return str(key.policy) if key else _default(call)


def _default(call: Asking) -> str:
    root = f"arn:{call.partition}:iam::{call.account}:root"
    statement = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
