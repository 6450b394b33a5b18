"""`keys` while lists are late and halves fail: the pods follow in the same command, or it ends non-zero and goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.workspace import Workspace

DEV = ("--env", "dev", "--sandbox")
#: the lists that the product asks; those of EC2 and of load balancers are the stand-in controller's too
FROZEN = [
    {"fault": "late-lists", "call": f"{service}:*", "reads": 1000}
    for service in ("secretsmanager", "resourcegroupstaggingapi", "iam", "kms", "acm", "eks", "elasticache")
]


def _keys(here: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(here.run("keys", "list", *DEV, "--json").out)
    return found


@pytest.mark.slow
def test_keys_reach_the_pods_though_lists_are_frozen_and_go_on_where_they_failed(here: Workspace) -> None:
    here.run("up", *DEV, "--yes")
    (old,) = (one["key"] for one in _keys(here)["keys"])
    here.run("plan", *DEV)  # every list has shown what there is
    here.fail(*FROZEN)
    here.run("keys", "rotate", *DEV, "--yes")
    turned = _keys(here)
    assert turned["following"] == turned["pods"] > 0
    assert len(turned["keys"]) == 2

    here.run("keys", "remove", old, "--now", *DEV, "--yes")
    left = _keys(here)
    assert left["following"] == left["pods"] > 0
    assert old not in {one["key"] for one in left["keys"]}
    here.run("up", *DEV, "--yes")
    assert _keys(here)["following"] == left["pods"], "a later up brings no earlier version back"
    assert "No changes" in here.run("plan", *DEV, "--detailed-exitcode").out

    here.fail(*FROZEN, {"fault": "denied", "call": "secretsmanager:GetSecretValue", "where": {"VersionId": "*"}})
    failed = here.run("keys", "add", "--name", "second", *DEV, "--yes", code=None)
    assert failed.code != 0
    assert "the change is in Secrets Manager" in " ".join(failed.said.split())
    here.fail(*FROZEN)
    behind = _keys(here)
    assert behind["following"] < behind["pods"]
    here.run("keys", "add", "--name", "second", *DEV, "--yes")
    assert _keys(here)["following"] == behind["pods"]
