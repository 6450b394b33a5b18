"""Interfaces of endpoints, and what GuardDuty puts into a VPC."""

from __future__ import annotations

from tests.sandbox.corrections.harness import REGION, ProbedAws, probe, refused


@probe("EC2")
def interface_endpoint_takes_its_time(world: ProbedAws) -> None:
    """forgets an interface endpoint and its interfaces at once, and puts no group of it on them

    deleting for some minutes, as long as which its interfaces hold subnet and group
    """
    network = world.network()
    group = world.group(network.vpc)
    made = world.ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName=f"com.amazonaws.{REGION}.ssm",
        VpcEndpointType="Interface",
        SubnetIds=network.subnets,
        SecurityGroupIds=[group],
    )["VpcEndpoint"]["VpcEndpointId"]
    where = [{"Name": "group-id", "Values": [group]}]
    found = world.ec2.describe_network_interfaces(Filters=where)["NetworkInterfaces"]
    assert [(one["Status"], one["Description"]) for one in found] == [("in-use", f"VPC Endpoint Interface {made}")] * 2
    with world.unhurried() as later:
        world.ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
        (seen,) = world.ec2.describe_vpc_endpoints(VpcEndpointIds=[made])["VpcEndpoints"]
        assert seen["State"] == "deleting"
        with refused("DependencyViolation"):
            world.ec2.delete_subnet(SubnetId=network.subnets[0])
        later(240)
        assert (
            world.ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])["VpcEndpoints"]
            == []
        )
    world.ec2.delete_subnet(SubnetId=network.subnets[0])
    world.ec2.delete_security_group(GroupId=group)


@probe("GuardDuty", fails="KeyError")
def guardduty_in_the_network_of_a_cluster(world: ProbedAws) -> None:
    """puts nothing into the VPC of a cluster that it watches

    an interface endpoint and a security group with its tag, which hold the subnets and the VPC
    """
    features = [{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}]
    detector = world.guardduty.create_detector(Enable=True, Features=features)["DetectorId"]
    try:
        vpc = world.cluster()["resourcesVpcConfig"]
    finally:
        world.guardduty.delete_detector(DetectorId=detector)
    where = [{"Name": "vpc-id", "Values": [vpc["vpcId"]]}]
    found = world.ec2.describe_vpc_endpoints(Filters=where)["VpcEndpoints"]
    assert [one["ServiceName"] for one in found] == [f"com.amazonaws.{REGION}.guardduty-data"]
    assert found[0]["Tags"] == [{"Key": "GuardDutyManaged", "Value": "true"}]
    groups = world.ec2.describe_security_groups(Filters=where)["SecurityGroups"]
    named = f"GuardDutyManagedSecurityGroup-{vpc['vpcId']}"
    (group,) = [one for one in groups if one["GroupName"] == named]
    with refused("DependencyViolation"):
        world.ec2.delete_security_group(GroupId=group["GroupId"])
