"""Everything that there is in an account, listed service by service by AWS's own client and by nobody of ours."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import boto3

#: service, operation, key of the list, key that identifies an item
_LISTS = (
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    ("ec2", "describe_volumes", "Volumes", "VolumeId"),
    ("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    ("eks", "list_clusters", "clusters", ""),
    ("elasticache", "describe_replication_groups", "ReplicationGroups", "ReplicationGroupId"),
    ("elasticache", "describe_cache_parameter_groups", "CacheParameterGroups", "CacheParameterGroupName"),
    ("elasticache", "describe_cache_subnet_groups", "CacheSubnetGroups", "CacheSubnetGroupName"),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    ("iam", "list_roles", "Roles", "Arn"),
    ("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn"),
    ("acm", "list_certificates", "CertificateSummaryList", "CertificateArn"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("secretsmanager", "list_secrets", "SecretList", "ARN"),
    ("kms", "list_aliases", "Aliases", "AliasName"),
)


@functools.cache
def _client(service: str) -> Any:
    return boto3.client(service)


def inventory(client: Callable[[str], Any] = _client) -> dict[str, set[str]]:
    """service.operation → ids, without what AWS keeps showing for a while after it was deleted."""
    found: dict[str, set[str]] = {}
    for service, operation, key, id in _LISTS:
        items = getattr(client(service), operation)()[key]
        found[f"{service}.{operation}"] = {item[id] if id else item for item in items}
    gateways = client("ec2").describe_nat_gateways()["NatGateways"]
    found["ec2.describe_nat_gateways"] = {one["NatGatewayId"] for one in gateways if one["State"] != "deleted"}
    running = client("ec2").describe_instances()["Reservations"]
    found["ec2.describe_instances"] = {i["InstanceId"] for one in running for i in one["Instances"]}
    found["iam.list_policies"] = {one["Arn"] for one in client("iam").list_policies(Scope="Local")["Policies"]}
    keys = [one["KeyId"] for one in client("kms").list_keys()["Keys"]]
    states = {id: client("kms").describe_key(KeyId=id)["KeyMetadata"]["KeyState"] for id in keys}
    found["kms.list_keys"] = {id for id, state in states.items() if state != "PendingDeletion"}
    zones = [one["Id"] for one in client("route53").list_hosted_zones()["HostedZones"]]
    for zone in zones:
        records = client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        found[f"route53 {zone}"] = {f"{one['Name']} {one['Type']}" for one in records}
    return found
