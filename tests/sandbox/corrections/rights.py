"""Rights: what AWS asks of a caller for a call and inside of it; moto asks nobody for anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3

from tests.sandbox.corrections.harness import ACCOUNT, REGION, ProbedAws, probe, refused

Clients = Callable[[str], Any]


def _allow(*actions: str, on: str | list[str] = "*", **conditions: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, "Condition": conditions}


def _role(world: ProbedAws, *statements: dict[str, Any]) -> Clients:
    """Clients of a session of a role that may do this and nothing else."""
    arn = world.role()
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    world.iam.put_role_policy(RoleName=arn.rpartition("/")[2], PolicyName="own", PolicyDocument=document)
    given = world.sts.assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION)
    made: Clients = session.client
    return made


def _template(world: ProbedAws, *kinds: str) -> str:
    tags = [{"ResourceType": kind, "Tags": [{"Key": "of", "Value": "us"}]} for kind in kinds]
    made = world.ec2.create_launch_template(
        LaunchTemplateName=world.name("template"), LaunchTemplateData={"TagSpecifications": tags}
    )
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


@probe("Rights")
def call_without_a_right(world: ProbedAws) -> None:
    """lets every role do everything

    UnauthorizedOperation, AccessDenied or AccessDeniedException, as the service says it
    """
    mine = _role(world, _allow("ec2:DescribeVpcs"))
    mine("ec2").describe_vpcs()
    with refused("UnauthorizedOperation"):
        mine("ec2").describe_subnets()
    with refused("AccessDenied"):
        mine("iam").list_roles()
    with refused("AccessDeniedException"):
        mine("eks").list_clusters()


@probe("Rights")
def launch_of_instances_with_tags(world: ProbedAws) -> None:
    """makes a node group for whoever may make node groups

    EKS asks for the launch of instances with the template, and for the tags of each type that the template tags
    """
    cluster, subnets = world.cluster(), world.network().subnets
    node, template = world.role("ec2.amazonaws.com"), _template(world, "instance", "volume", "network-interface")

    def make(*kinds: str, **conditions: Any) -> None:
        mine = _role(
            world,
            _allow("eks:CreateNodegroup", "iam:PassRole", "iam:CreateServiceLinkedRole"),
            _allow("ec2:RunInstances", **conditions),
            _allow(
                "ec2:CreateTags",
                on=[f"arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/*" for kind in kinds],
                StringEquals={"ec2:CreateAction": "RunInstances"},
            ),
        )
        mine("eks").create_nodegroup(
            clusterName=cluster["name"],
            nodegroupName=world.name("group"),
            subnets=subnets,
            nodeRole=node,
            launchTemplate={"id": template, "version": "1"},
        )

    with refused("InvalidRequestException"):
        make("instance", "volume")
    with refused("InvalidRequestException"):
        make("instance", "volume", "network-interface", ArnLike={"ec2:LaunchTemplate": f"{_arn('ec2')}:template/no"})
    make("instance", "volume", "network-interface", ArnLike={"ec2:LaunchTemplate": f"{_arn('ec2')}:launch-template/*"})


def _arn(service: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}"


@probe("Rights")
def key_of_a_cluster(world: ProbedAws) -> None:
    """makes a cluster with a key for whoever may make clusters

    EKS asks for a grant on the key, in which kms:GrantIsForAWSResource is not there
    """
    key, role, subnets = world.kms.create_key()["KeyMetadata"]["Arn"], world.role(), world.network().subnets

    def make(**conditions: Any) -> None:
        mine = _role(
            world,
            _allow("eks:CreateCluster", "iam:PassRole", "iam:CreateServiceLinkedRole", "kms:DescribeKey"),
            _allow("kms:CreateGrant", **conditions),
        )
        mine("eks").create_cluster(
            name=world.name("cluster"),
            roleArn=role,
            resourcesVpcConfig={"subnetIds": subnets},
            encryptionConfig=[{"resources": ["secrets"], "provider": {"keyArn": key}}],
        )

    with refused("InvalidRequestException"):
        make(Bool={"kms:GrantIsForAWSResource": "true"})
    make()


@probe("Rights")
def role_that_is_passed(world: ProbedAws) -> None:
    """gives a role to a service for whoever may call the service

    iam:PassRole, with the service in iam:PassedToService
    """
    role, subnets = world.role(), world.network().subnets

    def make(service: str) -> None:
        mine = _role(
            world,
            _allow("eks:CreateCluster", "iam:CreateServiceLinkedRole"),
            _allow("iam:PassRole", StringEquals={"iam:PassedToService": service}),
        )
        mine("eks").create_cluster(name=world.name("cluster"), roleArn=role, resourcesVpcConfig={"subnetIds": subnets})

    with refused("AccessDeniedException"):
        make("ec2.amazonaws.com")
    make("eks.amazonaws.com")


@probe("Rights")
def role_that_trusts_another_cluster(world: ProbedAws) -> None:
    """takes any role for a cluster

    the role must trust EKS for this cluster, where it asks for whom (aws:SourceArn, aws:SourceAccount)
    """
    role, subnets = world.role(), world.network().subnets
    name = world.name("cluster")

    def trust(source: str) -> None:
        statement = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        asks = {"ArnLike": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
        document = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": asks}]}
        world.iam.update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=json.dumps(document))

    trust(f"{_arn('eks')}:cluster/another")
    with refused("InvalidParameterException"):
        world.eks.create_cluster(name=name, roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
    trust(f"{_arn('eks')}:cluster/{name}")
    world.eks.create_cluster(name=name, roleArn=role, resourcesVpcConfig={"subnetIds": subnets})


@probe("Rights")
def role_of_a_service(world: ProbedAws) -> None:
    """makes a service's own role for everybody, or does without it

    iam:CreateServiceLinkedRole, with the service in iam:AWSServiceName, until the account has the role
    """
    subnets = world.network().subnets

    def make(*more: dict[str, Any]) -> None:
        name = world.name("redis")
        world.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName=name, CacheSubnetGroupDescription="d", SubnetIds=subnets
        )
        mine = _role(world, _allow("elasticache:CreateReplicationGroup"), *more)
        mine("elasticache").create_replication_group(
            ReplicationGroupId=name,
            ReplicationGroupDescription="d",
            CacheSubnetGroupName=name,
            Engine="redis",
            CacheNodeType="cache.t4g.small",
        )

    with refused("AccessDenied"):
        make(_allow("iam:CreateServiceLinkedRole", StringEquals={"iam:AWSServiceName": "eks.amazonaws.com"}))
    make(_allow("iam:CreateServiceLinkedRole", StringEquals={"iam:AWSServiceName": "elasticache.amazonaws.com"}))
    make()


@probe("Rights", fails="NotImplementedError")
def action_without_a_resource_type(world: ProbedAws) -> None:
    """has no quotas of EC2

    an action that has no resource type is allowed on all resources or not at all
    """
    asked = {"ServiceCode": "ec2", "QuotaCode": "L-0263D0A3"}
    name = "servicequotas:GetAWSDefaultServiceQuota"
    with refused("AccessDeniedException"):
        _role(world, _allow(name, on=f"{_arn('servicequotas')}:*/*"))("service-quotas").get_aws_default_service_quota(
            **asked
        )
    _role(world, _allow(name))("service-quotas").get_aws_default_service_quota(**asked)


@probe("Rights")
def condition_that_is_not_offered(world: ProbedAws) -> None:
    """looks at no condition

    a key that an action does not offer for a type of object is never there: the tags of a new Redis group are not
    asked for with its parameter group
    """
    subnets = world.network().subnets
    name, tags = world.name("redis"), {"aws:RequestTag/of": "us"}
    world.elasticache.create_cache_subnet_group(
        CacheSubnetGroupName=name, CacheSubnetGroupDescription="d", SubnetIds=subnets
    )

    def make(*statements: dict[str, Any]) -> None:
        mine = _role(world, _allow("iam:CreateServiceLinkedRole", "elasticache:AddTagsToResource"), *statements)
        mine("elasticache").create_replication_group(
            ReplicationGroupId=name,
            ReplicationGroupDescription="d",
            CacheSubnetGroupName=name,
            Engine="redis",
            CacheNodeType="cache.t4g.small",
            Tags=[{"Key": "of", "Value": "us"}],
        )

    create, own = "elasticache:CreateReplicationGroup", f"{_arn('elasticache')}:replicationgroup:*"
    with refused("AccessDenied"):
        make(_allow(create, StringEquals=tags))
    others = [f"{_arn('elasticache')}:{kind}:*" for kind in ("parametergroup", "subnetgroup")]
    make(_allow(create, on=own, StringEquals=tags), _allow(create, on=others))


@probe("Rights")
def tags_of_a_key(world: ProbedAws) -> None:
    """looks at no tags

    those of a KMS key count for rights five minutes after they were set; its own policy counts at once
    """
    rotate = _allow("kms:EnableKeyRotation", StringEquals={"aws:ResourceTag/of": "us"})
    mine = _role(world, rotate, _allow("kms:CreateKey", "kms:TagResource"))
    tags = [{"TagKey": "of", "TagValue": "us"}]
    me = world.iam.get_role(RoleName=mine("sts").get_caller_identity()["Arn"].split("/")[1])["Role"]["Arn"]
    root = f"arn:aws:iam::{ACCOUNT}:root"
    lets_me = [
        {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Principal": {"AWS": me},
            "Action": ["kms:EnableKeyRotation", "kms:PutKeyPolicy"],
            "Resource": "*",
        },
    ]
    with world.unhurried() as later:
        key = mine("kms").create_key(Tags=tags)["KeyMetadata"]["KeyId"]
        later(299.0)
        with refused("AccessDeniedException"):
            mine("kms").enable_key_rotation(KeyId=key)
        later(2.0)
        mine("kms").enable_key_rotation(KeyId=key)
        policy = json.dumps({"Version": "2012-10-17", "Statement": lets_me})
        own = mine("kms").create_key(Tags=tags, Policy=policy)["KeyMetadata"]["KeyId"]
        mine("kms").enable_key_rotation(KeyId=own)


@probe("Rights")
def secret_that_is_not_there(world: ProbedAws) -> None:
    """says of a secret that is not there that it is not there

    its bare name is held against the policy, which no ARN covers; a partial ARN is held against it as it is
    """
    on = f"{_arn('secretsmanager')}:secret:probe/*"
    mine = _role(world, _allow("secretsmanager:DescribeSecret", on=on))("secretsmanager")
    with refused("AccessDeniedException"):
        mine.describe_secret(SecretId="probe/none")
    with refused("ResourceNotFoundException"):
        mine.describe_secret(SecretId=f"{on[:-1]}none")


@probe("Rights")
def objects_under_a_key_of_kms(world: ProbedAws) -> None:
    """writes and reads objects under any key of KMS for whoever may write and read objects

    S3 asks for kms:GenerateDataKey and kms:Decrypt of the key
    """
    bucket, key = world.name("keyed"), world.kms.create_key()["KeyMetadata"]["Arn"]
    world.s3.create_bucket(Bucket=bucket)
    with_key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    objects = _allow("s3:PutObject", "s3:GetObject", on=f"arn:aws:s3:::{bucket}/*")
    without = _role(world, objects)("s3")
    without.put_object(Bucket=bucket, Key="a", Body=b"1")
    with refused("AccessDenied", "kms:GenerateDataKey"):
        without.put_object(Bucket=bucket, Key="b", Body=b"1", **with_key)
    writes = _role(world, objects, _allow("kms:GenerateDataKey", on=key))("s3")
    writes.put_object(Bucket=bucket, Key="b", Body=b"1", **with_key)
    with refused("AccessDenied", "kms:Decrypt"):
        writes.get_object(Bucket=bucket, Key="b")
    _role(world, objects, _allow("kms:Decrypt", on=key))("s3").get_object(Bucket=bucket, Key="b")
