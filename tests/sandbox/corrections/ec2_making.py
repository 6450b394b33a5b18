"""Endpoints, rules, launch templates, flow logs: what is kept of what was asked, and what a second request makes."""

from __future__ import annotations

from typing import Any

from tests.sandbox.corrections.harness import ProbedAws, probe, refused

_S3 = "com.amazonaws.us-east-1.s3"


def _endpoint(world: ProbedAws, vpc: str, **more: Any) -> str:
    asked = {"VpcEndpointType": "Gateway", "ServiceName": _S3, **more}
    return str(world.ec2.create_vpc_endpoint(VpcId=vpc, **asked)["VpcEndpoint"]["VpcEndpointId"])


def _table(world: ProbedAws, vpc: str, **more: Any) -> str:
    return str(world.ec2.create_route_table(VpcId=vpc, **more)["RouteTable"]["RouteTableId"])


def _prefixes(world: ProbedAws, table: str) -> list[str]:
    routes = world.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return [one["GatewayId"] for one in routes if one.get("DestinationPrefixListId")]


@probe("EC2")
def endpoint_is_added_to_a_route_table(world: ProbedAws) -> None:
    """keeps a route table that is added to an endpoint, but adds no route to the table

    the table has the route, and loses it when it is taken from the endpoint
    """
    vpc = world.network().vpc
    endpoint, table = _endpoint(world, vpc), _table(world, vpc)
    world.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[table])
    assert _prefixes(world, table) == [endpoint]
    world.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])
    assert _prefixes(world, table) == []


@probe("EC2", fails="FilterNotImplementedError")
def endpoint_is_found_by_its_id(world: ProbedAws) -> None:
    """has no filter `vpc-endpoint-id`, and shows deleted endpoints

    finds it, until it is deleted
    """
    endpoint = _endpoint(world, world.network().vpc)
    where = [{"Name": "vpc-endpoint-id", "Values": [endpoint]}]
    assert len(world.ec2.describe_vpc_endpoints(Filters=where)["VpcEndpoints"]) == 1
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert world.ec2.describe_vpc_endpoints(Filters=where)["VpcEndpoints"] == []


@probe("EC2", fails="KeyError")
def endpoint_without_a_type(world: ProbedAws) -> None:
    """crashes when an endpoint is deleted that was made without a type

    a gateway endpoint, which is deleted as any other
    """
    vpc = world.network().vpc
    endpoint = world.ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=_S3)["VpcEndpoint"]
    assert endpoint["VpcEndpointType"] == "Gateway"
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])
    world.ec2.describe_vpc_endpoints()


@probe("EC2")
def endpoint_twice_in_a_route_table(world: ProbedAws) -> None:
    """makes a second endpoint of a service for a route table and overwrites the route

    RouteAlreadyExists
    """
    vpc = world.network().vpc
    table = _table(world, vpc)
    _endpoint(world, vpc, RouteTableIds=[table])
    with refused("RouteAlreadyExists"):
        _endpoint(world, vpc, RouteTableIds=[table])


@probe("EC2")
def endpoint_to_an_unknown_service(world: ProbedAws) -> None:
    """makes an endpoint to a service that there is not

    InvalidServiceName
    """
    with refused("InvalidServiceName"):
        _endpoint(world, world.network().vpc, ServiceName="com.amazonaws.us-east-1.nothing")


@probe("EC2")
def endpoint_and_its_token(world: ProbedAws) -> None:
    """makes a second endpoint for a client token that it has seen

    answers with the first
    """
    vpc, token = world.network().vpc, world.name("token")
    assert _endpoint(world, vpc, ClientToken=token) == _endpoint(world, vpc, ClientToken=token)


@probe("EC2")
def route_table_and_its_token(world: ProbedAws) -> None:
    """makes a second route table for a client token that it has seen

    answers with the first
    """
    vpc, token = world.network().vpc, world.name("token")
    assert _table(world, vpc, ClientToken=token) == _table(world, vpc, ClientToken=token)


@probe("EC2", fails="InvalidLaunchTemplateName.AlreadyExistsException")
def launch_template_and_its_token(world: ProbedAws) -> None:
    """refuses a launch template's name for a client token that it has seen

    answers with the first
    """
    asked = {"LaunchTemplateName": world.name("template"), "ClientToken": world.name("token")}
    made = [
        world.ec2.create_launch_template(**asked, LaunchTemplateData={})["LaunchTemplate"]["LaunchTemplateId"]
        for _ in range(2)
    ]
    assert made[0] == made[1]


@probe("EC2")
def launch_template_that_there_is_not(world: ProbedAws) -> None:
    """describes the id of an unknown launch template as nothing

    InvalidLaunchTemplateId.NotFound
    """
    with refused("InvalidLaunchTemplateId.NotFound"):
        world.ec2.describe_launch_templates(LaunchTemplateIds=["lt-0123456789abcdef0"])


@probe("EC2")
def flow_log_that_there_is_not(world: ProbedAws) -> None:
    """answers an unknown id of a flow log with an empty list

    refuses it with `InvalidFlowLogId.NotFound`
    """
    with refused("InvalidFlowLogId.NotFound"):
        world.ec2.describe_flow_logs(FlowLogIds=["fl-0123456789abcdef0"])


@probe("EC2")
def endpoint_that_is_deleted(world: ProbedAws) -> None:
    """shows a deleted endpoint by its id

    refuses the id with `InvalidVpcEndpointId.NotFound`
    """
    endpoint = _endpoint(world, world.network().vpc)
    world.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    with refused("InvalidVpcEndpointId.NotFound"):
        world.ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])


@probe("EC2", fails="FlowLogAlreadyExists")
def flow_log_and_its_token(world: ProbedAws) -> None:
    """refuses a flow log for a client token that it has seen

    answers with the first
    """
    group = world.name("group")
    world.logs.create_log_group(logGroupName=group)
    asked = {
        "ResourceIds": [world.network().vpc],
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "LogGroupName": group,
        "DeliverLogsPermissionArn": world.role("vpc-flow-logs.amazonaws.com"),
        "ClientToken": world.name("token"),
    }
    first, second = (world.ec2.create_flow_logs(**asked)["FlowLogIds"] for _ in range(2))
    assert first == second


@probe("EC2")
def rule_with_a_description(world: ProbedAws) -> None:
    """forgets the description of a rule that names another security group

    shows it
    """
    vpc = world.network().vpc
    group, other = world.group(vpc), world.group(vpc)
    pair = {"GroupId": other, "Description": "from the nodes"}
    rule = {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": [pair]}
    world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    where = [{"Name": "group-id", "Values": [group]}]
    rules = world.ec2.describe_security_group_rules(Filters=where)["SecurityGroupRules"]
    assert [one.get("Description") for one in rules if not one["IsEgress"]] == ["from the nodes"]


@probe("EC2")
def rule_is_given_another_group(world: ProbedAws) -> None:
    """leaves the group that a rule names as it was when the rule is modified

    the rule names the new one
    """
    vpc = world.network().vpc
    group, one, two = (world.group(vpc) for _ in range(3))
    rule = {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379}
    permission = {**rule, "UserIdGroupPairs": [{"GroupId": one}]}
    made = world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    id = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    change = {"SecurityGroupRuleId": id, "SecurityGroupRule": {**rule, "ReferencedGroupId": two}}
    world.ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[change])
    found = world.ec2.describe_security_group_rules(SecurityGroupRuleIds=[id])["SecurityGroupRules"][0]
    assert found["ReferencedGroupInfo"]["GroupId"] == two
