"""Pages of five, for every Describe and List that this program calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.sandbox.corrections.harness import ProbedAws, probe

_SOME = 6


def _pages(client: Any, operation: str, key: str, **more: Any) -> list[Any]:
    """All items; each page must keep to five, and no item may come twice."""
    pages = list(client.get_paginator(operation).paginate(**more, PaginationConfig={"PageSize": 5}))
    assert len(pages) > 1, f"{operation}: one page"
    assert all(len(page[key]) <= 5 for page in pages), f"{operation}: a page of more than five"
    found = [item for page in pages for item in page[key]]
    assert len({str(item) for item in found}) == len(found), f"{operation}: an item twice"
    return found


def _times(make: Callable[[], Any]) -> None:
    for _ in range(_SOME):
        make()


@probe("EC2")
def ec2_pages(world: ProbedAws) -> None:
    """answers every Describe but that of launch templates with everything in one page

    pages of the size that is asked for
    """
    ec2, networks = world.ec2, [world.network() for _ in range(_SOME)]
    vpc, subnet = networks[0].vpc, networks[0].subnets[0]
    _times(lambda: ec2.create_network_interface(SubnetId=subnet))
    _times(lambda: ec2.create_nat_gateway(SubnetId=subnet, AllocationId=world.address()))
    _times(lambda: ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3"))
    for operation, key in {
        "describe_vpcs": "Vpcs",
        "describe_subnets": "Subnets",
        "describe_internet_gateways": "InternetGateways",
        "describe_route_tables": "RouteTables",
        "describe_security_groups": "SecurityGroups",
        "describe_security_group_rules": "SecurityGroupRules",
        "describe_network_interfaces": "NetworkInterfaces",
        "describe_nat_gateways": "NatGateways",
        "describe_vpc_endpoints": "VpcEndpoints",
    }.items():
        found = _pages(ec2, operation, key)
        assert len(found) == len(getattr(ec2, operation)()[key])


@probe("EKS", fails="404")
def eks_pages(world: ProbedAws) -> None:
    """has no lists of add-ons and access entries to page

    pages of the size that is asked for
    """
    cluster = world.cluster()
    name, subnets = cluster["name"], cluster["resourcesVpcConfig"]["subnetIds"]
    role = world.role()
    for _ in range(_SOME):
        world.eks.create_cluster(name=world.name("cluster"), roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
        world.eks.create_access_entry(clusterName=name, principalArn=world.role())
        world.eks.create_nodegroup(
            clusterName=name,
            nodegroupName=world.name("nodes"),
            subnets=subnets,
            nodeRole=role,
            scalingConfig={"minSize": 0, "maxSize": 1, "desiredSize": 0},
        )
    _pages(world.eks, "list_clusters", "clusters")
    _pages(world.eks, "list_nodegroups", "nodegroups", clusterName=name)
    _pages(world.eks, "list_access_entries", "accessEntries", clusterName=name)
    _pages(world.eks, "describe_cluster_versions", "clusterVersions")
    _pages(world.eks, "describe_addon_versions", "addons")


@probe("IAM")
def iam_pages(world: ProbedAws) -> None:
    """pages no versions of policies and no names of policies in a role

    pages of the size that is asked for
    """
    role = world.role().rpartition("/")[2]
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    for _ in range(_SOME):
        made = world.iam.create_policy(PolicyName=world.name("policy"), PolicyDocument=document)["Policy"]
        world.iam.attach_role_policy(RoleName=role, PolicyArn=made["Arn"])
        world.iam.put_role_policy(RoleName=role, PolicyName=world.name("own"), PolicyDocument=document)
        world.role()
    for operation, key, more in (
        ("list_roles", "Roles", {}),
        ("list_policies", "Policies", {"Scope": "Local"}),
        ("list_attached_role_policies", "AttachedPolicies", {"RoleName": role}),
        ("list_role_policies", "PolicyNames", {"RoleName": role}),
    ):
        _pages(world.iam, operation, key, **more)


@probe("ElastiCache")
def elasticache_pages(world: ProbedAws) -> None:
    """lists no members of replication groups to page

    pages of the size that is asked for
    """
    subnets = world.network().subnets
    for _ in range(_SOME):
        name = world.name("subnets")
        world.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName=name, CacheSubnetGroupDescription="probe", SubnetIds=subnets
        )
        world.elasticache.create_replication_group(
            ReplicationGroupId=world.name("redis"),
            ReplicationGroupDescription="probe",
            CacheNodeType="cache.t4g.small",
            CacheSubnetGroupName=name,
        )
    elasticache = world.elasticache
    found = elasticache.describe_cache_clusters(MaxRecords=20)["CacheClusters"]
    assert len(found) >= _SOME
    for operation, key in {
        "describe_replication_groups": "ReplicationGroups",
        "describe_cache_clusters": "CacheClusters",
        "describe_cache_subnet_groups": "CacheSubnetGroups",
        "describe_events": "Events",
    }.items():
        _pages(elasticache, operation, key)


@probe("ELB")
def elb_pages(world: ProbedAws) -> None:
    """pages no target groups

    pages of the size that is asked for
    """
    network = world.network()
    for _ in range(_SOME):
        world.elbv2.create_load_balancer(Name=world.name("balancer"), Subnets=network.subnets)
        world.elbv2.create_target_group(
            Name=world.name("targets"), Protocol="TCP", Port=80, VpcId=network.vpc, TargetType="ip"
        )
    _pages(world.elbv2, "describe_load_balancers", "LoadBalancers")
    _pages(world.elbv2, "describe_target_groups", "TargetGroups")


@probe("KMS")
def kms_pages(world: ProbedAws) -> None:
    """answers with all aliases in one page

    pages of the size that is asked for
    """
    key = world.kms.create_key()["KeyMetadata"]["KeyId"]
    _times(lambda: world.kms.create_alias(AliasName=f"alias/{world.name('key')}", TargetKeyId=key))
    _pages(world.kms, "list_aliases", "Aliases")


@probe("ACM")
def acm_pages(world: ProbedAws) -> None:
    """answers with all certificates in one page

    pages of the size that is asked for
    """
    _times(lambda: world.acm.request_certificate(DomainName=f"{world.name('a')}.example.com"))
    _pages(world.acm, "list_certificates", "CertificateSummaryList")
