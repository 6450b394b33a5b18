"""Somebody deletes LiveKit's load balancers in AWS: `up` has the controller make them again, and DNS follows."""

from __future__ import annotations

from livekit_deploy.provisioners.addresses import SIGNAL, TURN
from tests.sandbox.standing import Deployed
from tests.sandbox.workspace import Workspace

WHERE = ("--env", "uat", "--sandbox")


def test_up_has_deleted_load_balancers_made_again(here: Workspace) -> None:
    here.run("up", *WHERE, "--yes")
    elb = here.client("elbv2")
    deleted = {one["LoadBalancerArn"]: one["DNSName"] for one in elb.describe_load_balancers()["LoadBalancers"]}
    assert len(deleted) == 2
    for arn in deleted:
        elb.delete_load_balancer(LoadBalancerArn=arn)
    assert "is gone" in here.run("verify", *WHERE, code=7).out

    planned = " ".join(here.run("plan", *WHERE, "--detailed-exitcode", code=2).out.split())
    assert planned.count("somebody else deleted the load balancer") == 2
    drift = here.run("plan", *WHERE, "--refresh-only", "--detailed-exitcode", code=6).out
    assert "elbv2.load_balancer/signal" in drift

    here.run("up", *WHERE, "--yes")
    again = {one["LoadBalancerArn"]: one["DNSName"] for one in elb.describe_load_balancers()["LoadBalancers"]}
    assert len(again) == 2
    assert not again.keys() & deleted.keys()
    up = Deployed(here)
    assert {up.arn(SIGNAL), up.arn(TURN)} == set(again)
    here.run("verify", *WHERE)

    calls = len(here.calls())
    assert "No changes" in here.run("plan", *WHERE, "--detailed-exitcode").out
    here.run("up", *WHERE, "--yes")
    assert here.changes(calls) == []
