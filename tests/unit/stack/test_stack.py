"""The whole graph of an environment: what belongs to what, and what is said where."""

from __future__ import annotations

from typing import Any

import pytest

from livekit_deploy.config import load_environment
from livekit_deploy.engine.graph import closure, needs
from livekit_deploy.engine.resource import Resource
from livekit_deploy.stack import stack
from tests.places import ENVIRONMENTS


def resources(preset: str = "uat", **overrides: str) -> list[Resource]:
    """Those of a preset; two underlines stand for the dot of a key."""
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return stack(load_environment(ENVIRONMENTS / f"{preset}.yaml", overrides=given, environ={}))


def found(every: list[Resource], address: str) -> dict[str, Any]:
    item = next(one for one in every if one.address == address)
    return item.desired(lambda ref: f"{ref.address}.{ref.output}")


@pytest.mark.parametrize("preset", ["dev", "uat", "prod"])
def test_livekit_belongs_with_all_that_it_needs_to_work(preset: str) -> None:
    """Nodes that media reaches and that reach Redis and names: whatever an environment has of these."""
    every = resources(preset)
    taken = closure(["helm.release/livekit"], needs(every))
    kinds = {"ec2.security_group_rule", "ec2.security_group", "eks.node_group", "elasticache.replication_group"}
    wanted = {item.address for item in every if item.kind in kinds}
    names = {f"eks.addon/{name}" for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns")}
    assert (wanted | names) - taken == set()
    assert {"helm.release/aws-load-balancer-controller", "iam.role/load-balancer-controller"} <= taken


def test_what_a_part_does_not_need_is_left_out() -> None:
    every = resources()
    redis = next(item.address for item in every if item.kind == "elasticache.replication_group")
    taken = closure([redis], needs(every))
    assert any(address.startswith("ec2.security_group_rule/redis-nodes") for address in taken)
    assert not any(address.startswith(("helm.release/", "ec2.security_group_rule/rtc")) for address in taken)


def test_the_network_plugin_leaves_source_ports_alone_unless_the_file_says_otherwise() -> None:
    assert found(resources(), "eks.addon/vpc-cni")["configuration"] == {
        "env": {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": "none"}
    }
    more = "{vpc-cni: {configuration: {env: {WARM_ENI_TARGET: '2'}, livenessProbeTimeoutSeconds: 20}}}"
    assert found(resources("uat", cluster__addons=more), "eks.addon/vpc-cni")["configuration"] == {
        "env": {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": "none", "WARM_ENI_TARGET": "2"},
        "livenessProbeTimeoutSeconds": 20,
    }
    other = "{vpc-cni: {configuration: {env: {AWS_VPC_K8S_CNI_RANDOMIZESNAT: prng}}}}"
    assert found(resources("uat", cluster__addons=other), "eks.addon/vpc-cni")["configuration"] == {
        "env": {"AWS_VPC_K8S_CNI_RANDOMIZESNAT": "prng"}
    }


def test_the_environments_tags_are_on_what_the_controller_makes() -> None:
    tags = "{team: media, cost centre: '42', eq: a=b}"
    values = found(resources("uat", tags=tags), "helm.release/aws-load-balancer-controller")["values"]
    assert values["defaultTags"] == {"stage": "uat", "team": "media", "cost centre": "42", "eq": "a=b"}


@pytest.mark.parametrize("chart", ["bundled", "{version: 1.9.0}"])
def test_every_tls_listener_has_the_policy_that_the_file_chooses(chart: str) -> None:
    policy = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
    every = resources("uat", livekit__ssl_policy=policy, livekit__chart=chart, redis__auth="false")
    values = str(found(every, "helm.release/livekit")["values"])
    assert values.count(policy) == 2  # the ALB's and the one of TURN
