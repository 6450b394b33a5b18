"""What EC2 refuses to delete, detach or release while others use it."""

from __future__ import annotations

from tests.sandbox.corrections.harness import ProbedAws, probe, refused


@probe("EC2")
def vpc_with_a_gateway(world: ProbedAws) -> None:
    """deletes a VPC whose Internet gateway is attached

    DependencyViolation
    """
    vpc = world.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    gateway = world.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    world.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    with refused("DependencyViolation"):
        world.ec2.delete_vpc(VpcId=vpc)


@probe("EC2")
def vpc_with_a_security_group(world: ProbedAws) -> None:
    """deletes a VPC that has a security group beside its default one

    DependencyViolation
    """
    vpc = world.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    group = world.group(vpc)
    with refused("DependencyViolation"):
        world.ec2.delete_vpc(VpcId=vpc)
    world.ec2.delete_security_group(GroupId=group)
    world.ec2.delete_vpc(VpcId=vpc)


@probe("EC2")
def vpc_with_an_endpoint(world: ProbedAws) -> None:
    """deletes a VPC that has a gateway endpoint

    DependencyViolation
    """
    vpc = world.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    world.ec2.create_vpc_endpoint(VpcEndpointType="Gateway", VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3")
    with refused("DependencyViolation"):
        world.ec2.delete_vpc(VpcId=vpc)


@probe("EC2")
def vpc_with_a_network_acl(world: ProbedAws) -> None:
    """deletes a VPC that has a network ACL beside its default one

    DependencyViolation
    """
    vpc = world.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    acl = world.ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    with refused("DependencyViolation"):
        world.ec2.delete_vpc(VpcId=vpc)
    world.ec2.delete_network_acl(NetworkAclId=acl)
    world.ec2.delete_vpc(VpcId=vpc)


@probe("EC2")
def network_acl_goes_with_its_vpc(world: ProbedAws) -> None:
    """keeps the default network ACL of a VPC that is deleted

    it goes with the VPC
    """
    vpc = world.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    where = [{"Name": "vpc-id", "Values": [vpc]}]
    assert len(world.ec2.describe_network_acls(Filters=where)["NetworkAcls"]) == 1
    world.ec2.delete_vpc(VpcId=vpc)
    assert world.ec2.describe_network_acls(Filters=where)["NetworkAcls"] == []


@probe("EC2")
def subnet_with_an_interface(world: ProbedAws) -> None:
    """deletes a subnet that a network interface is in

    DependencyViolation
    """
    network = world.network()
    world.ec2.create_network_interface(SubnetId=network.subnets[0])
    with refused("DependencyViolation"):
        world.ec2.delete_subnet(SubnetId=network.subnets[0])


@probe("EC2")
def subnet_leaves_its_route_table(world: ProbedAws) -> None:
    """leaves the association of a deleted subnet in its route table

    it goes with the subnet, and the table can be deleted
    """
    network = world.network()
    table = world.ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    world.ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[0])
    world.ec2.delete_subnet(SubnetId=network.subnets[0])
    assert world.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Associations"] == []
    world.ec2.delete_route_table(RouteTableId=table)


@probe("EC2")
def security_group_on_an_interface(world: ProbedAws) -> None:
    """deletes a security group that is on a network interface

    DependencyViolation
    """
    network = world.network()
    group = world.group(network.vpc)
    interface = world.ec2.create_network_interface(SubnetId=network.subnets[0], Groups=[group])["NetworkInterface"]
    with refused("DependencyViolation"):
        world.ec2.delete_security_group(GroupId=group)
    world.ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    world.ec2.delete_security_group(GroupId=group)


@probe("EC2")
def security_group_that_a_rule_names(world: ProbedAws) -> None:
    """deletes a security group that a rule of another one names

    DependencyViolation, until the rule is revoked
    """
    vpc = world.network().vpc
    group, other = world.group(vpc), world.group(vpc)
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": group}]}
    world.ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])
    with refused("DependencyViolation"):
        world.ec2.delete_security_group(GroupId=group)
    world.ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=[rule])
    world.ec2.delete_security_group(GroupId=group)


@probe("EC2")
def default_security_group(world: ProbedAws) -> None:
    """deletes the default group of a VPC

    CannotDelete
    """
    where = [{"Name": "vpc-id", "Values": [world.network().vpc]}]
    groups = world.ec2.describe_security_groups(Filters=where)["SecurityGroups"]
    with refused("CannotDelete"):
        world.ec2.delete_security_group(GroupId=groups[0]["GroupId"])


@probe("EC2")
def gateway_with_public_addresses_behind_it(world: ProbedAws) -> None:
    """detaches an Internet gateway while an interface in the VPC has a public address

    DependencyViolation
    """
    network = world.network()
    interface = world.ec2.create_network_interface(SubnetId=network.subnets[0])["NetworkInterface"]
    world.ec2.associate_address(AllocationId=world.address(), NetworkInterfaceId=interface["NetworkInterfaceId"])
    with refused("DependencyViolation"):
        world.ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)


@probe("EC2")
def second_gateway_of_a_vpc(world: ProbedAws) -> None:
    """attaches a second Internet gateway to a VPC

    InvalidParameterValue
    """
    second = world.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    with refused("InvalidParameterValue"):
        world.ec2.attach_internet_gateway(InternetGatewayId=second, VpcId=world.network().vpc)


@probe("EC2")
def address_in_use(world: ProbedAws) -> None:
    """releases an address that a network interface uses

    InvalidIPAddress.InUse
    """
    network, address = world.network(), world.address()
    interface = world.ec2.create_network_interface(SubnetId=network.subnets[0])["NetworkInterface"]
    world.ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface["NetworkInterfaceId"])
    with refused("InvalidIPAddress.InUse"):
        world.ec2.release_address(AllocationId=address)


@probe("EC2")
def interface_in_use(world: ProbedAws) -> None:
    """deletes a network interface that an instance is attached to

    InvalidParameterValue, which says that it is currently in use
    """
    subnet = world.network().subnets[0]
    image = world.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = world.ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
    id = made["NetworkInterfaces"][0]["NetworkInterfaceId"]
    with refused("InvalidParameterValue", "is currently in use"):
        world.ec2.delete_network_interface(NetworkInterfaceId=id)
    world.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])


@probe("EC2")
def main_route_table(world: ProbedAws) -> None:
    """deletes the main route table of a VPC

    DependencyViolation
    """
    where = [{"Name": "vpc-id", "Values": [world.network().vpc]}]
    table = world.ec2.describe_route_tables(Filters=where)["RouteTables"][0]["RouteTableId"]
    with refused("DependencyViolation"):
        world.ec2.delete_route_table(RouteTableId=table)


@probe("EC2")
def second_route_table_of_a_subnet(world: ProbedAws) -> None:
    """answers the association of a subnet with a second route table with the old one, and does nothing

    Resource.AlreadyAssociated
    """
    network = world.network()
    one, two = (world.ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
    world.ec2.associate_route_table(RouteTableId=one, SubnetId=network.subnets[0])
    with refused("Resource.AlreadyAssociated"):
        world.ec2.associate_route_table(RouteTableId=two, SubnetId=network.subnets[0])


@probe("EC2")
def interfaces_have_groups_of_their_own(world: ProbedAws) -> None:
    """shows an interface with the groups of its instance beside its own, and an instance with those of its start

    each interface has its own, and the instance those of its primary one, whichever of both is changed
    """
    network = world.network()
    first, second = world.group(network.vpc), world.group(network.vpc)
    asked = {"ImageId": "ami-12c6146b", "MinCount": 1, "MaxCount": 1, "SecurityGroupIds": [first]}
    made = world.ec2.run_instances(SubnetId=network.subnets[0], **asked)["Instances"][0]
    id, primary = made["InstanceId"], made["NetworkInterfaces"][0]["NetworkInterfaceId"]

    def shown() -> list[list[str]]:
        one = world.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
        interfaces = sorted(one["NetworkInterfaces"], key=lambda each: each["Attachment"]["DeviceIndex"])
        carried = [one["SecurityGroups"], *(each["Groups"] for each in interfaces)]
        return [sorted(group["GroupId"] for group in groups) for groups in carried]

    assert shown() == [[first], [first]]
    world.ec2.modify_network_interface_attribute(NetworkInterfaceId=primary, Groups=[second])
    assert shown() == [[second], [second]]
    world.ec2.modify_instance_attribute(InstanceId=id, Groups=[first])
    assert shown() == [[first], [first]]
    asked = {"SubnetId": network.subnets[0], "Groups": [second]}
    other = world.ec2.create_network_interface(**asked)["NetworkInterface"]["NetworkInterfaceId"]
    world.ec2.attach_network_interface(NetworkInterfaceId=other, InstanceId=id, DeviceIndex=1)
    assert shown() == [[first], [first], [second]]
