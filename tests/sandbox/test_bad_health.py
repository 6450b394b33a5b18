"""A node group in bad health under LiveKit: every command warns, none fails, and nothing is touched."""

from __future__ import annotations

import json

from tests.sandbox.workspace import Workspace

WHERE = ("--env", "uat", "--sandbox")
CODE = "NodeCreationFailure"


def test_plan_up_status_and_verify_warn_of_bad_health_and_leave_it_alone(here: Workspace) -> None:
    here.run("up", *WHERE, "--yes")
    group = next(a for a in here.document("uat")["records"] if a.startswith("eks.node_group/media"))
    instances = here.client("ec2").describe_instances()["Reservations"]
    name = here.document("uat")["records"][group]["id"]
    where = {"nodegroupName": name}
    here.fail({"fault": "degraded", "call": "eks:DescribeNodegroup", "times": 1, "code": CODE, "where": where})
    here.run("plan", *WHERE)  # meets it
    planned = here.run("plan", *WHERE, "--detailed-exitcode")
    assert "No changes" in planned.out
    assert f"{group}: DEGRADED: {CODE}" in " ".join(planned.out.split())
    raised = here.run("up", *WHERE, "--yes")
    assert CODE in raised.said
    assert CODE in here.run("status", *WHERE).out
    verified = here.run("verify", *WHERE)
    assert "all hold, 1 warning" in verified.out
    told = json.loads(here.run("verify", *WHERE, "--json").out)
    assert told["ok"] is True
    assert [one["check"] for one in told["findings"] if one["verdict"] == "warning"] == [group]
    assert here.client("ec2").describe_instances()["Reservations"] == instances
