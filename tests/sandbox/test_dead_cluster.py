"""`down` of a whole environment whose controller, nodes or cluster are dead or gone already: through AWS itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.sandbox.interrupting import DOWN, UP
from tests.sandbox.workspace import Workspace

pytestmark = pytest.mark.slow

CLUSTER = "livekit-dev-main"


def _controller_dead(here: Workspace) -> None:
    here.fail({"fault": "dead-controller"})


def _nodes_gone(here: Workspace) -> None:
    eks = here.client("eks")
    for name in eks.list_nodegroups(clusterName=CLUSTER)["nodegroups"]:
        eks.delete_nodegroup(clusterName=CLUSTER, nodegroupName=name)
    while eks.list_nodegroups(clusterName=CLUSTER)["nodegroups"]:
        time.sleep(0.1)


def _cluster_gone(here: Workspace) -> None:
    _nodes_gone(here)
    here.client("eks").delete_cluster(name=CLUSTER)


def _balancers_protected(here: Workspace) -> None:
    """And nobody is left to lift it."""
    elb = here.client("elbv2")
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    for one in elb.describe_load_balancers()["LoadBalancers"]:
        elb.modify_load_balancer_attributes(LoadBalancerArn=one["LoadBalancerArn"], Attributes=on)
    _controller_dead(here)


@pytest.mark.parametrize("sabotage", [_controller_dead, _nodes_gone, _cluster_gone, _balancers_protected])
def test_down_leaves_nothing(here: Workspace, sabotage: Callable[[Workspace], None]) -> None:
    before = here.inventory()
    here.run(*UP)
    assert here.client("elbv2").describe_load_balancers()["LoadBalancers"]
    sabotage(here)
    calls = len(here.calls())
    try:
        assert "leftovers: 0" in here.run(*DOWN).out
    finally:
        here.fail()
    assert here.inventory() == before
    swept = [call for call in here.changes(calls) if call["operation"] == "DeleteLoadBalancer"]
    assert swept, "nobody else was there to delete them"
    assert here.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert here.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
