"""What somebody does in the console, behind our back: one change of one object, through boto3 and nothing of ours."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3

from livekit_deploy.state.document import Record

Hand = Callable[[Record], None]
EVERYWHERE = "203.0.113.0/24"


@dataclass(frozen=True)
class Drift:
    """One change by hand. ``start`` are inputs that the object is made with (made from a base of the cases);
    ``blocked`` where AWS knows no way back, so that the plan has to say what to do; ``gives_away`` where the object is
    not ours any more by it, and changed by us only when it is adopted.
    """

    hand: Hand
    start: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    blocked: bool = False
    gives_away: bool = False


@functools.cache
def aws(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1")


def call(service: str, operation: str, id_parameter: str, **values: Any) -> Hand:
    """A call whose only changing parameter is the object's id."""
    return lambda made: getattr(aws(service), operation)(**{id_parameter: made.id}, **values)


# ---- EC2


def vpc_attribute(name: str, value: bool) -> Hand:
    return call("ec2", "modify_vpc_attribute", "VpcId", **{name: {"Value": value}})


def untag(key: str) -> Hand:
    return lambda made: aws("ec2").delete_tags(Resources=[made.id], Tags=[{"Key": key}])


def tag(key: str) -> Hand:
    """A tag that a controller, a cost tool or somebody's script puts on it."""
    return lambda made: aws("ec2").create_tags(Resources=[made.id], Tags=[{"Key": key, "Value": "theirs"}])


def detach_gateway(made: Record) -> None:
    aws("ec2").detach_internet_gateway(InternetGatewayId=made.id, VpcId=made.inputs["vpc_id"])


def delete_route(made: Record) -> None:
    aws("ec2").delete_route(RouteTableId=made.id, DestinationCidrBlock="0.0.0.0/0")


def add_route(made: Record) -> None:
    via = made.inputs["routes"][0]["via"]
    aws("ec2").create_route(RouteTableId=made.id, DestinationCidrBlock=EVERYWHERE, GatewayId=via)


def _table(id: str) -> Any:
    return aws("ec2").describe_route_tables(RouteTableIds=[id])["RouteTables"][0]


def free_subnet(made: Record) -> None:
    (link,) = [one for one in _table(str(made.id))["Associations"] if "SubnetId" in one]
    aws("ec2").disassociate_route_table(AssociationId=link["RouteTableAssociationId"])


def other_table(made: Record) -> str:
    """A second route table of the same VPC."""
    return str(aws("ec2").create_route_table(VpcId=made.inputs["vpc_id"])["RouteTable"]["RouteTableId"])


def more_tables(made: Record) -> None:
    aws("ec2").modify_vpc_endpoint(VpcEndpointId=made.id, AddRouteTableIds=[other_table(made)])


def endpoint_route(made: Record) -> None:
    """What EC2 puts into a route table for a gateway endpoint."""
    aws("ec2").create_vpc_endpoint(
        VpcId=made.inputs["vpc_id"], ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[made.id]
    )


def open_port(description: str = "") -> Hand:
    pairs = [{"CidrIp": EVERYWHERE, "Description": description}]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": pairs}
    return call("ec2", "authorize_security_group_ingress", "GroupId", IpPermissions=[permission])


def another_group(vpc: str) -> str:
    return str(aws("ec2").create_security_group(GroupName="theirs", Description="d", VpcId=vpc)["GroupId"])


def _group(id: str) -> Any:
    return aws("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"][0]


def rule(**values: Any) -> Hand:
    """A rule with some values changed."""

    def change(made: Record) -> None:
        names = {"protocol": "IpProtocol", "first_port": "FromPort", "last_port": "ToPort", "cidr": "CidrIpv4"}
        names |= {"description": "Description", "source": "ReferencedGroupId"}
        said = {key: value for key, value in {**made.inputs, **values}.items() if key in names and value is not None}
        told = {"SecurityGroupRuleId": made.id, "SecurityGroupRule": {names[key]: said[key] for key in said}}
        aws("ec2").modify_security_group_rules(GroupId=made.inputs["group_id"], SecurityGroupRules=[told])

    return change


def rule_of_another_group(made: Record) -> None:
    rule(source=another_group(_group(made.inputs["group_id"])["VpcId"]))(made)


def template(**values: Any) -> Hand:
    """A new version of a launch template, the rest as it was."""

    def change(made: Record) -> None:
        said = aws("ec2").describe_launch_template_versions(LaunchTemplateId=made.id, Versions=["$Latest"])
        data = said["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        disk = data["BlockDeviceMappings"][0]
        if "size" in values:
            disk["Ebs"]["VolumeSize"] = values["size"]
        if "device" in values:
            disk["DeviceName"] = values["device"]
        if "other" in values:
            data |= values["other"]
        if "groups" in values:
            data["SecurityGroupIds"] = values["groups"]
        aws("ec2").create_launch_template_version(LaunchTemplateId=made.id, LaunchTemplateData=data)

    return change


def template_without_groups(made: Record) -> None:
    (first, *_) = made.inputs["security_group_ids"]
    template(groups=[another_group(_group(first)["VpcId"])])(made)


# ---- IAM, KMS, secrets, logs


def trust(document: Any) -> Hand:
    return call("iam", "update_assume_role_policy", "RoleName", PolicyDocument=json.dumps(document))


def attach(name: str) -> Hand:
    return call("iam", "attach_role_policy", "RoleName", PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def detach(name: str) -> Hand:
    return call("iam", "detach_role_policy", "RoleName", PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def inline(name: str) -> Hand:
    text = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    return call("iam", "put_role_policy", "RoleName", PolicyName=name, PolicyDocument=text)


def policy_version(document: Any) -> Hand:
    text = json.dumps(document)
    return call("iam", "create_policy_version", "PolicyArn", PolicyDocument=text, SetAsDefault=True)


def alias_of_another_key(made: Record) -> None:
    key = aws("kms").create_key(Description="theirs")["KeyMetadata"]["KeyId"]
    aws("kms").update_alias(AliasName=made.id, TargetKeyId=key)


def retire(made: Record) -> None:
    tags = [{"Key": "livekit-deploy:retired", "Value": made.outputs["version"]}]
    aws("secretsmanager").tag_resource(SecretId=made.id, Tags=tags)


def lets_in(account: str = "999999999999") -> str:
    """A policy of an object that lets another account in."""
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Sid": "Theirs", "Effect": "Allow", "Principal": root, "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# ---- EKS


def cluster(**values: Any) -> Hand:
    return call("eks", "update_cluster_config", "name", **values)


def fewer_subnets(made: Record) -> None:
    subnets = made.inputs["subnet_ids"][:2]
    aws("eks").update_cluster_config(name=made.id, resourcesVpcConfig={"subnetIds": subnets})


def encrypt(made: Record) -> None:
    arn = aws("kms").create_key(Description="theirs")["KeyMetadata"]["Arn"]
    told = [{"resources": ["secrets"], "provider": {"keyArn": arn}}]
    aws("eks").associate_encryption_config(clusterName=made.id, encryptionConfig=told)


def _main(made: Record) -> str:
    """The cluster that the object lives in."""
    return str(aws("eks").list_clusters()["clusters"][0])


def access_policy(operation: str, name: str, **more: Any) -> Hand:
    def change(made: Record) -> None:
        arn = f"arn:aws:eks::aws:cluster-access-policy/{name}"
        principal = made.outputs["principal"]
        getattr(aws("eks"), operation)(clusterName=_main(made), principalArn=principal, policyArn=arn, **more)

    return change


def access_entry(**values: Any) -> Hand:
    return lambda made: aws("eks").update_access_entry(
        clusterName=_main(made), principalArn=made.outputs["principal"], **values
    )


def addon(**values: Any) -> Hand:
    return lambda made: aws("eks").update_addon(clusterName=_main(made), addonName=made.id, **values)


def addon_with_a_role(made: Record) -> None:
    iam = aws("iam")
    by = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [by]})
    addon(serviceAccountRoleArn=iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=document)["Role"]["Arn"])(
        made
    )


def nodes(operation: str, **values: Any) -> Hand:
    return lambda made: getattr(aws("eks"), operation)(clusterName=_main(made), nodegroupName=made.id, **values)


def other_template_version(made: Record) -> None:
    id = made.inputs["template_id"]
    said = aws("ec2").describe_launch_template_versions(LaunchTemplateId=id, Versions=["$Latest"])
    data = said["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    new = aws("ec2").create_launch_template_version(LaunchTemplateId=id, LaunchTemplateData=data)
    number = str(new["LaunchTemplateVersion"]["VersionNumber"])
    nodes("update_nodegroup_version", launchTemplate={"id": id, "version": number})(made)


# ---- ElastiCache, DNS


def redis(**values: Any) -> Hand:
    return call("elasticache", "modify_replication_group", "ReplicationGroupId", ApplyImmediately=True, **values)


def redis_with_snapshots(made: Record) -> None:
    redis(SnapshotRetentionLimit=5, SnapshottingClusterId=f"{made.id}-001")(made)


def redis_with_other_parameters(made: Record) -> None:
    theirs = {"CacheParameterGroupName": f"{made.id}-theirs", "CacheParameterGroupFamily": "valkey8"}
    aws("elasticache").create_cache_parameter_group(Description="theirs", **theirs)
    redis(CacheParameterGroupName=theirs["CacheParameterGroupName"])(made)


def cache_parameter(name: str, value: str) -> Hand:
    values = [{"ParameterName": name, "ParameterValue": value}]
    return call("elasticache", "modify_cache_parameter_group", "CacheParameterGroupName", ParameterNameValues=values)


def another_token(made: Record) -> None:
    """A rotation that was killed before it ended the token before."""
    said = aws("elasticache").describe_replication_groups(ReplicationGroupId=made.id)["ReplicationGroups"][0]
    token = made.inputs["auth_token"]
    value = aws("secretsmanager").get_secret_value(SecretId=token["$secret"], VersionId=token["version"])
    redis(
        AuthToken=value["SecretString"],
        AuthTokenUpdateStrategy="ROTATE",
        ReplicationGroupDescription=f"{said['Description']} after older",
    )(made)


def replicas(operation: str, count: int) -> Hand:
    return call("elasticache", operation, "ReplicationGroupId", NewReplicaCount=count, ApplyImmediately=True)


def redis_in_another_group(made: Record) -> None:
    (first, *_) = made.inputs["security_group_ids"]
    redis(SecurityGroupIds=[another_group(_group(first)["VpcId"])])(made)


def fewer_cache_subnets(made: Record) -> None:
    subnets = made.inputs["subnet_ids"][:1]
    aws("elasticache").modify_cache_subnet_group(CacheSubnetGroupName=made.id, SubnetIds=subnets)


def record(**values: Any) -> Hand:
    """A record that somebody writes over."""

    def change(made: Record) -> None:
        zone, kind, name = str(made.id).split("/", 2)
        told = {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": "192.0.2.1"}], **values}
        changes = [{"Action": "UPSERT", "ResourceRecordSet": told}]
        aws("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    return change
