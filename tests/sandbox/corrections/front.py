"""ACM, Route 53 and ELB: what is in front of LiveKit."""

from __future__ import annotations

from typing import Any

from livekit_deploy.sandbox.bridge.load_balancers import Balancers
from livekit_deploy.sandbox.cluster.port import Listener, LoadBalancerRequest
from tests.sandbox.corrections.harness import ACCOUNT, REGION, ProbedAws, probe, refused


def _certificate(world: ProbedAws, domain: str) -> str:
    return str(world.acm.request_certificate(DomainName=domain, ValidationMethod="DNS")["CertificateArn"])


def _status(world: ProbedAws, arn: str) -> str:
    return str(world.acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"])


def _zone(world: ProbedAws, domain: str) -> str:
    made = world.route53.create_hosted_zone(Name=domain, CallerReference=world.name("zone"))
    return str(made["HostedZone"]["Id"])


def _change(world: ProbedAws, zone: str, action: str, name: str, value: str) -> None:
    record = {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": value}]}
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    world.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


def _validated(world: ProbedAws) -> str:
    """A certificate that is issued."""
    domain = f"{world.name('zone')}.example.com"
    arn = _certificate(world, domain)
    option = world.acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][0]
    _change(world, _zone(world, domain), "UPSERT", option["ResourceRecord"]["Name"], option["ResourceRecord"]["Value"])
    assert _status(world, arn) == "ISSUED"
    return arn


@probe("ACM")
def certificate_is_issued_for_its_record(world: ProbedAws) -> None:
    """issues a certificate after a minute, whatever is in DNS

    once its validation record is there, and a minute later
    """
    domain = f"{world.name('zone')}.example.com"
    with world.unhurried() as later:
        arn = _certificate(world, domain)
        later(10_000)
        assert _status(world, arn) == "PENDING_VALIDATION"
        record = world.acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][0]
        _change(
            world, _zone(world, domain), "UPSERT", record["ResourceRecord"]["Name"], record["ResourceRecord"]["Value"]
        )
        assert _status(world, arn) == "PENDING_VALIDATION"
        later(600)
        assert _status(world, arn) == "ISSUED"


def _balancer(world: ProbedAws, kind: str, **more: Any) -> dict[str, Any]:
    said = world.elbv2.create_load_balancer(
        Name=world.name("balancer"), Subnets=world.network().subnets, Type=kind, **more
    )
    return dict(said["LoadBalancers"][0])


@probe("ACM")
def certificate_in_use(world: ProbedAws) -> None:
    """deletes a certificate that a listener uses

    ResourceInUseException
    """
    arn, balancer = _validated(world), _balancer(world, "application")["LoadBalancerArn"]
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    world.elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=fixed,
    )
    with refused("ResourceInUseException"):
        world.acm.delete_certificate(CertificateArn=arn)
    world.elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    world.acm.delete_certificate(CertificateArn=arn)


@probe("ELB")
def tags_of_what_is_gone(world: ProbedAws) -> None:
    """tells no tags of a load balancer that is not there

    LoadBalancerNotFound
    """
    arn = _balancer(world, "application")["LoadBalancerArn"]
    world.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    with refused("LoadBalancerNotFound"):
        world.elbv2.describe_tags(ResourceArns=[arn])


@probe("ELB")
def load_balancer_takes_its_time(world: ProbedAws) -> None:
    """makes a load balancer active by looking at it

    provisioning for some two minutes
    """
    with world.unhurried() as later:
        arn = _balancer(world, "application")["LoadBalancerArn"]

        def state() -> str:
            found = world.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
            return str(found["State"]["Code"])

        assert [state(), state()] == ["provisioning", "provisioning"]
        later(600)
        assert state() == "active"


@probe("ELB")
def load_balancer_has_interfaces(world: ProbedAws) -> None:
    """makes no network interfaces for a load balancer

    one in each subnet with its groups, which holds subnet and group until minutes after the load balancer is deleted
    """
    network = world.network()
    group = world.group(network.vpc)
    made = world.elbv2.create_load_balancer(
        Name=world.name("balancer"), Subnets=network.subnets, SecurityGroups=[group]
    )["LoadBalancers"][0]
    where = [{"Name": "group-id", "Values": [group]}]
    found = world.ec2.describe_network_interfaces(Filters=where)["NetworkInterfaces"]
    assert [one["Description"].split("/")[:2] for one in found] == [["ELB app", made["LoadBalancerName"]]] * 2

    def held() -> None:
        for call, more in (
            (world.ec2.delete_security_group, {"GroupId": group}),
            (world.ec2.delete_subnet, {"SubnetId": network.subnets[0]}),
        ):
            with refused("DependencyViolation"):
                call(**more)

    held()
    with world.unhurried() as later:
        world.elbv2.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
        held()
        later(60)
        held()
        later(240)
        assert world.ec2.describe_network_interfaces(Filters=where)["NetworkInterfaces"] == []
    world.ec2.delete_security_group(GroupId=group)
    world.ec2.delete_subnet(SubnetId=network.subnets[0])


@probe("ELB")
def target_is_checked_before_it_is_healthy(world: ProbedAws) -> None:
    """calls a target healthy once it is registered, and forgets one that is deregistered

    `initial` until its checks have passed, `draining` for the deregistration delay
    """
    made = world.elbv2.create_target_group(
        Name=world.name("group"),
        Protocol="HTTP",
        Port=80,
        VpcId=world.network().vpc,
        TargetType="ip",
        HealthCheckIntervalSeconds=15,
        HealthyThresholdCount=2,
    )["TargetGroups"][0]
    arn, target = made["TargetGroupArn"], [{"Id": "10.20.0.9", "Port": 7880}]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}]
    world.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=delay)

    def states() -> list[str]:
        found = world.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return [one["TargetHealth"]["State"] for one in found]

    with world.unhurried() as later:
        world.elbv2.register_targets(TargetGroupArn=arn, Targets=target)
        assert states() == ["initial"]
        later(20)
        world.elbv2.register_targets(TargetGroupArn=arn, Targets=target)  # asked twice, it is not checked anew
        later(15)
        assert states() == ["healthy"]
        world.elbv2.deregister_targets(TargetGroupArn=arn, Targets=target)
        assert states() == ["draining"]
        later(65)
        assert states() == []


@probe("ELB")
def network_load_balancer_is_named_so(world: ProbedAws) -> None:
    """says `app` in the ARN of a network load balancer

    `net`
    """
    assert ":loadbalancer/net/" in _balancer(world, "network")["LoadBalancerArn"]


@probe("ELB")
def load_balancer_under_deletion_protection(world: ProbedAws) -> None:
    """deletes a load balancer under deletion protection

    OperationNotPermitted
    """
    arn = _balancer(world, "network")["LoadBalancerArn"]
    protection = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    world.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=protection)
    with refused("OperationNotPermitted"):
        world.elbv2.delete_load_balancer(LoadBalancerArn=arn)


@probe("ELB")
def controller_and_what_it_makes(world: ProbedAws) -> None:
    """shows of what the load balancer controller makes no interfaces, and deletes its groups before their time

    two groups on an interface in each public subnet, and a rule in the nodes' group; all of it goes with the request
    """
    network, cluster = world.network(), world.name("cluster")
    nodes = world.group(network.vpc)
    role = [{"Key": "kubernetes.io/role/elb", "Value": "1"}]
    world.ec2.create_tags(Resources=network.subnets, Tags=role)
    key, listener = ("application", "livekit", "signal"), Listener(80, "HTTP", 7880)
    request = LoadBalancerRequest(*key, "internet-facing", "livekit", (listener,))
    controller = Balancers((ACCOUNT, REGION, cluster), network.vpc, None, f"ASIA{ACCOUNT}")
    assert controller.ensure(request, nodes)

    def groups() -> set[str]:
        where = [{"Name": "vpc-id", "Values": [network.vpc]}, {"Name": "group-name", "Values": ["k8s-*"]}]
        return {one["GroupId"] for one in world.ec2.describe_security_groups(Filters=where)["SecurityGroups"]}

    def interfaces() -> list[set[str]]:
        where = [{"Name": "vpc-id", "Values": [network.vpc]}]
        found = world.ec2.describe_network_interfaces(Filters=where)["NetworkInterfaces"]
        return [{group["GroupId"] for group in one["Groups"]} for one in found]

    made = groups()
    assert len(made) == 2
    assert interfaces() == [made, made]
    with refused("DependencyViolation"):
        world.ec2.delete_security_group(GroupId=min(made))
    (group,) = controller.target_groups(key)
    assert controller.set_targets(group.arn, [("10.20.0.9", 7880)]) == {("10.20.0.9", 7880): "healthy"}
    controller.delete(key)
    assert controller.delete_groups(key, nodes) == ""
    assert (groups(), interfaces()) == (set(), [])
    world.ec2.delete_security_group(GroupId=nodes)


@probe("Route 53")
def record_that_there_is_not(world: ProbedAws) -> None:
    """refuses to delete a record that there is not, or another value of it, with InvalidInput

    InvalidChangeBatch
    """
    domain = f"{world.name('zone')}.example.com"
    zone = _zone(world, domain)
    with refused("InvalidChangeBatch"):
        _change(world, zone, "DELETE", f"a.{domain}", "b.example.com")
    _change(world, zone, "CREATE", f"a.{domain}", "b.example.com")
    with refused("InvalidChangeBatch"):
        _change(world, zone, "DELETE", f"a.{domain}", "c.example.com")


@probe("Route 53", fails="KeyError")
def zones_by_name_say_whether_there_are_more(world: ProbedAws) -> None:
    """leaves out whether the list of zones is whole

    IsTruncated and MaxItems, which its model requires
    """
    said = world.route53.list_hosted_zones_by_name(DNSName="example.com")
    assert (said["IsTruncated"], said["MaxItems"]) == (False, "100")


@probe("Route 53")
def zone_and_its_caller_reference(world: ProbedAws) -> None:
    """makes a second hosted zone for a caller reference that it has seen

    HostedZoneAlreadyExists
    """
    asked = {"Name": f"{world.name('zone')}.example.com", "CallerReference": world.name("reference")}
    world.route53.create_hosted_zone(**asked)
    with refused("HostedZoneAlreadyExists"):
        world.route53.create_hosted_zone(**asked)
