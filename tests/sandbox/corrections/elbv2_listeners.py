"""Listeners that are changed."""

from __future__ import annotations

from tests.sandbox.corrections.harness import ProbedAws, probe


@probe("ELB")
def tls_listener_takes_another_certificate(world: ProbedAws) -> None:
    """keeps the certificate of a TLS listener that is given another one

    the listener has the new one
    """
    elb, acm, network = world.elbv2, world.acm, world.network()
    first, second = (
        acm.request_certificate(DomainName=f"{name}.example.com", ValidationMethod="DNS")["CertificateArn"]
        for name in ("first", "second")
    )
    balancer = elb.create_load_balancer(Name="tls", Type="network", Subnets=network.subnets)["LoadBalancers"][0]
    group = elb.create_target_group(Name="tls", Protocol="TCP", Port=1, VpcId=network.vpc)["TargetGroups"][0]
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TLS",
        Port=443,
        Certificates=[{"CertificateArn": first}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )["Listeners"][0]["ListenerArn"]
    elb.modify_listener(ListenerArn=listener, Certificates=[{"CertificateArn": second}])
    shown = elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]["Certificates"]
    assert [one["CertificateArn"] for one in shown] == [second]
