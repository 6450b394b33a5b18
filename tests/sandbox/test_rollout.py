"""A new revision whose pods wait for calls to end, and then do not start: no screen says that it is done."""

from __future__ import annotations

import json

from livekit_deploy.k8s.access.client import Api
from tests.sandbox.standing import Deployed
from tests.sandbox.workspace import Workspace

WHERE = ("--env", "uat", "--sandbox")
NEWER = ("--set", "livekit.image_tag=v1.13.10")
PODS = "/api/v1/namespaces/livekit/pods"
REFUSED = "unable to connect to redis: WRONGPASS invalid username-password pair or user is disabled."


def held(kube: Api, *, hold: bool) -> None:
    """Calls go on, on every pod there is, or they end."""
    for pod in kube.list(PODS):
        path, name = f"{PODS}/{pod['metadata']['name']}", pod["metadata"]["name"]
        if hold:
            metadata = {"name": name, "finalizers": ["example.com/calls"]}
            kube.apply(path, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
        else:
            kube.let_go(path)


def test_an_unfinished_rollout_is_said_and_a_broken_one_fails(here: Workspace) -> None:
    here.run("up", *WHERE, "--yes")
    up = Deployed(here)
    held(up.kube, hold=True)
    said = "livekit: 0 of 2 pods on the new revision; 1 older pod drains calls until "

    changed = here.run("up", *WHERE, *NEWER, "--yes")
    assert f"  Unfinished  {said}" in changed.out
    assert "verify --env uat --set livekit.image_tag=v1.13.10 --sandbox --watch --timeout 6h" in changed.out
    again = here.run("up", *WHERE, *NEWER, "--yes", "--json").lines()
    assert again[-1]["type"] == "result"
    assert [one.startswith(said) for one in again[-1]["unfinished"]] == [True]
    for command in (("status", "--refresh"), ("plan",)):
        assert f"Unfinished  {said}" in here.run(*command, *WHERE, *NEWER).out

    verified = here.run("verify", *WHERE, *NEWER)
    assert f"… pods           {said}" in verified.out
    assert "12 of 13 checks hold, 1 unfinished" in verified.out
    assert "the new revision is complete only when the older pod has ended" in verified.out
    findings = json.loads(here.run("verify", *WHERE, *NEWER, "--json").out)
    assert findings["ok"]
    assert [one["verdict"] for one in findings["findings"] if one["check"] == "pods"] == ["unfinished"]
    assert "1 unfinished" in here.run("verify", *WHERE, *NEWER, "--watch", "--timeout", "5s").out

    here.fail({"fault": "dead-controller", "where": {"app": "livekit-server"}, "message": REFUSED})
    held(up.kube, hold=False)
    wrong = here.run("verify", *WHERE, *NEWER, "--timeout", "5m", code=7)
    assert "CrashLoopBackOff" in wrong.out
    assert "WRONGPASS" in wrong.out
    assert "Redis no longer knows the token that these pods were started with" in wrong.out.replace("\n", " ")

    here.fail()
    held(up.kube, hold=False)
    assert "all hold" in here.run("verify", *WHERE, *NEWER, "--watch", "--timeout", "1h").out


def test_redis_token_is_not_rotated_twice_while_pods_drain_with_the_one_before(here: Workspace) -> None:
    here.run("up", *WHERE, "--yes")
    up = Deployed(here)
    held(up.kube, hold=True)
    group = up.client("elasticache").describe_replication_groups
    for letter in "ab":
        arn = up.arn("secretsmanager.secret/redis-token")
        up.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=letter * 64)
        if letter == "a":
            here.run("up", *WHERE, "--yes")
            rotated = group()["ReplicationGroups"][0]["Description"]

    refused = here.run("up", *WHERE, "--yes", code=1)
    assert "cannot be changed yet" in refused.said
    assert "2 pods have an earlier one, and drain calls until " in " ".join(refused.said.split())
    assert group()["ReplicationGroups"][0]["Description"] == rotated
    held(up.kube, hold=False)
    here.run("verify", *WHERE, "--watch", "--timeout", "1h", code=None)
    here.run("up", *WHERE, "--yes")
    assert group()["ReplicationGroups"][0]["Description"] != rotated
