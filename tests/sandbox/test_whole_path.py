"""From an environment file to a LiveKit that answers, and back to nothing, through the command line."""

from __future__ import annotations

import json
import re

import pytest

from livekit_deploy.aws.access.cloud import mutates
from tests.sandbox.workspace import STATE_BUCKET, Workspace

ANSWERS = "LiveKit answers at wss://livekit.uat.example.com"
LOG = ("--log-file", "run.log", "--log-format", "json")
BIGGER = ("--set", "redis.node_type=cache.m7g.large")


def test_up_is_idempotent_changes_one_thing_and_down_leaves_nothing(here: Workspace) -> None:
    """With what vanishes only by and by: secrets that are protected, a NAT gateway, a KMS key."""
    here.edit("uat", protect=True, network={"nat": "single", "cidr": "10.20.0.0/16"})
    before = here.inventory()
    up = here.run("up", "--env", "uat", "--sandbox", "--yes", *LOG)
    assert ANSWERS in up.out
    assert ANSWERS not in up.err
    _logged(here)

    same = here.run("plan", "--env", "uat", "--sandbox", "--detailed-exitcode")
    assert "No changes" in same.out
    calls = len(here.calls())
    here.run("up", "--env", "uat", "--sandbox", "--yes")
    assert here.changes(calls) == []

    one = here.run("plan", "--env", "uat", "--sandbox", "--detailed-exitcode", *BIGGER, code=2)
    assert "cache.t4g.small → cache.m7g.large" in one.out
    assert one.out.count("→") == 1
    assert "0 to create, 1 to update, 0 to delete" in one.out
    calls = len(here.calls())
    here.run("up", "--env", "uat", "--sandbox", "--yes", *BIGGER)
    assert [(call["service"], call["operation"]) for call in here.changes(calls)] == [
        ("elasticache", "ModifyReplicationGroup")
    ]

    refused = here.run("down", "--env", "uat", "--sandbox", "--yes", *BIGGER, code=3)
    assert "--confirm uat" in refused.err
    down = here.run("down", "--env", "uat", "--sandbox", "--confirm", "uat", *BIGGER)
    assert "leftovers: 0" in down.out
    for what in ("secret livekit/uat/api-keys", "secret livekit/uat/redis-token", "NAT gateway", "KMS key"):
        assert what in down.out
    assert here.inventory() == before  # secrets in recovery are not listed
    assert here.document("uat")["records"] == {}
    assert [bucket["Name"] for bucket in here.client("s3").list_buckets()["Buckets"]] == [STATE_BUCKET]

    assert ANSWERS in here.run("up", "--env", "uat", "--sandbox", "--yes").out


def _logged(here: Workspace) -> None:
    """Every line of a whole run names the run, every call its request or resource, and none of them a secret."""
    text = (here.folder / "run.log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert len({line["run_id"] for line in lines}) == 1
    assert {line["event"] for line in lines} >= {"command", "run_started", "started", "done", "run_finished", "call"}
    calls = [line for line in lines if line["event"] == "call"]
    aws = [line for line in calls if line["service"] not in ("kubernetes", "helm")]
    assert [line for line in aws if not line["request_id"] and line["operation"] != "HeadBucket"] == []  # moto has none
    assert [line for line in calls if "seconds" not in line] == []
    changes = [line for line in aws if mutates(line["operation"]) and line["service"] != "s3"]
    assert len(changes) > 50
    assert [line for line in changes if not line.get("address")] == []
    secrets = here.client("secretsmanager")
    for name in ("livekit/uat/api-keys", "livekit/uat/redis-token"):
        words = re.findall(r"\w{20,}", secrets.get_secret_value(SecretId=name)["SecretString"])
        assert words
        assert [word for word in words if word in text] == []
    assert "k8s-aws-v1." not in text


@pytest.mark.slow
def test_prod_comes_and_goes(here: Workspace) -> None:
    before = here.inventory()
    up = here.run("up", "--env", "prod", "--sandbox", "--yes")
    assert "LiveKit answers at wss://" in up.out
    assert "No changes" in here.run("plan", "--env", "prod", "--sandbox", "--detailed-exitcode").out
    down = here.run("down", "--env", "prod", "--sandbox", "--confirm", "prod")
    assert "leftovers: 0" in down.out
    after = here.inventory()
    recovering = after.pop("secretsmanager.list_secrets") - before.pop("secretsmanager.list_secrets")
    assert recovering == set()  # those in recovery are not listed
    assert after == before
