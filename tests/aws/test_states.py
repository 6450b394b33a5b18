"""What runs in bad health, or is about to be deleted, through the real engine: it is told, and never made anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.elasticache.models import elasticache_backends

from livekit_deploy.aws.kinds.eks.addons import Addon
from livekit_deploy.aws.kinds.eks.cluster import Cluster
from livekit_deploy.aws.kinds.eks.issues import ADDON_ISSUE, CLUSTER_ISSUE, NODE_GROUP_ISSUE
from livekit_deploy.aws.kinds.eks.node_groups import NodeGroup
from livekit_deploy.aws.kinds.elasticache.replication_groups import ReplicationGroup
from livekit_deploy.aws.kinds.keys import Alias, Key
from livekit_deploy.aws.kinds.secrets import TOKEN, Secret
from livekit_deploy.aws.kinds.states import Meaning, States
from livekit_deploy.checks.aws_health import health_findings
from livekit_deploy.checks.finding import Verdict
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import Failed, ResourceError
from livekit_deploy.sandbox.faults import calls
from livekit_deploy.sandbox.faults.plan import current, parsed
from tests import enums
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import Base, closure

WEEK = datetime.now(UTC) + timedelta(days=7)


@pytest.fixture(autouse=True)
def no_faults() -> Iterator[None]:
    yield
    calls.clear()


def ill(call: str, code: str) -> None:
    """The next such call makes EKS report an issue of what it touches."""
    current.add([parsed({"fault": "degraded", "call": call, "code": code, "message": "words of EKS", "times": 1})])


def of(kind: type[Resource], **changed: Any) -> list[Resource]:
    """One of a kind with all that it needs."""
    (case,) = [case for case in CASES if case.kind is kind]
    return closure(case.make(Base(), **changed))


def address(resources: list[Resource], kind: type[Resource]) -> str:
    return next(item.address for item in resources if isinstance(item, kind))


# ---- bad health (EKS)

_TELLING = (
    (NodeGroup, "DescribeNodegroup", NODE_GROUP_ISSUE, "NodegroupIssueCode"),
    (Addon, "DescribeAddon", ADDON_ISSUE, "AddonIssueCode"),
    (Cluster, "DescribeCluster", CLUSTER_ISSUE, "ClusterIssueCode"),
)


@pytest.mark.parametrize(
    ("kind", "operation", "enum"), [pytest.param(kind, call, enum, id=kind.kind) for kind, call, _, enum in _TELLING]
)
def test_whatever_the_issue_what_runs_is_kept_and_its_reason_told(
    kind: type[Resource], operation: str, enum: str, rig: AwsRig, subtests: pytest.Subtests
) -> None:
    rig.up(of(kind))
    where = address(of(kind), kind)
    for code in sorted(enums.members("eks", enum)):
        with subtests.test(code=code):
            ill(f"eks:{operation}", code)
            rig.plan(of(kind))  # meets the fault
            plan = rig.plan(of(kind))
            assert plan.changes == (), "it is usable: nothing is to be done, least of all deleted"
            said, remedy = plan.warnings[where]
            assert f"{code}: words of EKS" in said
            assert remedy
            rig.calls()
            assert rig.executed(of(kind)).warnings[where] == (said, remedy)
            assert rig.calls() == []
            assert rig.records[where].warning == said, "status tells it"
            (found,) = health_findings(rig.cloud.remembering(), rig.records)
            assert (found.check, found.verdict, found.seen, found.remedy) == (where, Verdict.WARNING, said, remedy)


@pytest.mark.parametrize("states", [pytest.param(one[2], id=one[3]) for one in _TELLING])
def test_an_issue_passes_by_itself_or_needs_a_person(states: States) -> None:
    assert not {*states.members[Meaning.COMING]} & {*states.members[Meaning.STUCK]}


def test_a_group_that_cannot_grow_is_kept_and_the_change_that_heals_it_is_sent(rig: AwsRig) -> None:
    small, large, larger = (of(NodeGroup, max=6, desired_size=size) for size in (2, 3, 4))
    where = address(small, NodeGroup)
    rig.up(small)
    ill("eks:UpdateNodegroupConfig", "AsgInstanceLaunchFailures")
    assert "AsgInstanceLaunchFailures" in rig.executed(large).warnings[where][0]
    assert rig.plan(large).changes == ()
    assert where in rig.plan(large).warnings
    rig.calls()
    rig.up(of(NodeGroup, max=5, desired_size=3))  # launches nothing
    assert where in rig.plan(of(NodeGroup, max=5, desired_size=3)).warnings
    rig.up(larger)
    assert rig.calls() == ["UpdateNodegroupConfig", "UpdateNodegroupConfig"]
    assert rig.plan(larger).warnings == {}
    assert rig.records[where].warning == ""


def test_what_does_not_depend_on_it_goes_on(rig: AwsRig) -> None:
    resources = of(NodeGroup)
    rig.up(resources)
    ill("eks:DescribeNodegroup", "NodeCreationFailure")
    rig.plan(resources)
    other = [*of(NodeGroup), Secret("more", form=TOKEN)]
    done = rig.executed(other)
    assert done.created == ["secretsmanager.secret/more"]
    assert [*done.warnings] == [address(resources, NodeGroup)]


def test_a_new_one_that_waiting_does_not_cure_fails_with_the_reason_and_is_kept(rig: AwsRig) -> None:
    resources = of(Addon)
    where = address(resources, Addon)
    ill("eks:CreateAddon", "ConfigurationConflict")
    with pytest.raises(Failed, match="ConfigurationConflict: words of EKS") as failure:
        rig.up(resources)
    assert "remove" in failure.value.hint
    assert rig.records[where].phase.value == "made"
    assert rig.plan(of(Addon)).removals == 0
    rig.calls()
    rig.up(of(Addon, configuration={"healed": True}))
    assert rig.calls() == ["UpdateAddon"], "the change that heals it is sent, and nothing is deleted"
    assert rig.records[where].phase.value == "ready"


# ---- failed before it ever ran, or after


def test_only_what_never_came_up_is_made_again_and_the_plan_counts_what_it_deletes(rig: AwsRig) -> None:
    current.add([parsed({"fault": "fails", "call": "eks:CreateNodegroup", "times": 1})])
    with pytest.raises(Failed):
        rig.up(of(NodeGroup))
    plan = rig.plan(of(NodeGroup))
    assert plan.removals == 1
    assert "made again" in plan.changes[0].reason
    rig.calls()
    rig.up(of(NodeGroup))
    assert rig.calls() == ["DeleteNodegroup", "CreateNodegroup"]


def test_a_group_that_somebody_could_not_delete_waits_for_a_person(rig: AwsRig) -> None:
    resources = of(NodeGroup)
    rig.up(resources)
    group = next(group for entry in _eks() for group in entry.groups.values())
    group.settle("DELETE_FAILED")
    (change,) = rig.plan(resources).changes
    assert (change.action, change.remakes) == (Action.RESUME, False)
    assert "delete it again in the EKS console" in change.hint
    rig.calls()
    with pytest.raises(Failed, match="DELETE_FAILED"):
        rig.up(of(NodeGroup))
    assert rig.calls() == []
    rig.down()
    assert rig.records == {}


def _eks() -> list[Any]:
    from livekit_deploy.sandbox.aws.eks.store import store_of

    return list(store_of("123456789012", "us-east-1").clusters.values())


# ---- Redis


def test_redis_that_aws_works_on_is_usable_and_is_changed_when_it_takes_changes(
    rig: AwsRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = of(ReplicationGroup)
    rig.up(resources)
    (group,) = elasticache_backends["123456789012"]["us-east-1"].__dict__["_sandbox_store"].groups.values()
    for status in ("snapshotting", "modifying"):
        group.wire["Status"], group.seconds = status, -1.0
        assert rig.plan(resources).changes == ()
        rig.calls()
        rig.up(resources)
        assert rig.calls() == []
        changed = of(ReplicationGroup, snapshot_retention=7 if status == "snapshotting" else 8)
        assert [one.action for one in rig.plan(changed).changes] == [Action.UPDATE]
        with monkeypatch.context() as waits:
            _ends_when_waited_for(rig, group, waits)
            rig.up(changed)
        assert rig.calls() == ["ModifyReplicationGroup"]
        resources = changed


def _ends_when_waited_for(rig: AwsRig, group: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    advance = rig.clock.advance

    def advanced(seconds: float) -> None:
        group.wire["Status"] = "available"
        advance(seconds)

    monkeypatch.setattr(rig.clock, "advance", advanced)


# ---- what is scheduled for deletion


def key_and_cluster() -> list[Resource]:
    base = Base()
    key = base.key()
    return closure(Alias("cluster", key_id=key.id), base.new_cluster(key_arn=key.arn))


def the_key() -> str:
    (id,) = [one["KeyId"] for one in boto3.client("kms").list_keys()["Keys"]]
    return str(id)


def test_the_key_of_a_living_cluster_is_never_replaced_and_its_deletion_is_cancelled(rig: AwsRig) -> None:
    rig.up(key_and_cluster())
    key, kms = the_key(), boto3.client("kms")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    plan = rig.plan(key_and_cluster())
    assert [(one.address, one.action) for one in plan.changes] == [("kms.key/cluster", Action.UPDATE)]
    said, remedy = plan.warnings["kms.key/cluster"]
    assert f"{WEEK:%Y-%m-%d}" in said
    assert f"aws kms cancel-key-deletion --key-id {key}, then aws kms enable-key --key-id {key}" in remedy
    assert "KmsKeyMarkedForDeletion" in plan.warnings["eks.cluster/main"][0]
    rig.calls()
    rig.up(key_and_cluster())
    assert rig.calls() == ["CancelKeyDeletion", "EnableKey"]
    assert kms.describe_key(KeyId=the_key())["KeyMetadata"]["KeyState"] == "Enabled"
    assert (rig.plan(key_and_cluster()).changes, rig.plan(key_and_cluster()).warnings) == ((), {})


@pytest.mark.parametrize("out_of_band", [["disable_key"], ["schedule_key_deletion", "cancel_key_deletion"]])
def test_a_disabled_key_is_enabled_and_nothing_is_deleted(rig: AwsRig, out_of_band: list[str]) -> None:
    rig.up(key_and_cluster())
    for operation in out_of_band:
        getattr(boto3.client("kms"), operation)(KeyId=the_key())
    plan = rig.plan(key_and_cluster())
    assert ([one.action for one in plan.changes], plan.removals) == ([Action.UPDATE], 0)
    assert "disabled" in plan.warnings["kms.key/cluster"][0]
    rig.calls()
    rig.up(key_and_cluster())
    assert rig.calls() == ["EnableKey"]


def test_without_a_state_the_key_that_a_living_cluster_uses_is_found_whatever_its_state(rig: AwsRig) -> None:
    rig.up(key_and_cluster())
    key = the_key()
    boto3.client("kms").schedule_key_deletion(KeyId=key)
    found = Key("cluster", description="d").read(rig.cloud, None)
    assert found is not None
    assert found.id == key


def test_a_second_key_beside_the_one_in_use_is_let_be(rig: AwsRig) -> None:
    """As a version before this one left it: the record names a key that the cluster does not use."""
    rig.up(key_and_cluster())
    key, kms = the_key(), boto3.client("kms")
    tags = kms.list_resource_tags(KeyId=key)["Tags"]
    second = kms.create_key(Tags=tags, Description="d")["KeyMetadata"]["KeyId"]
    assert rig.plan(key_and_cluster()).changes == ()
    found = Key("cluster", description="d").read(rig.cloud, second)
    assert found is not None
    assert found.id == key
    rig.down(Key)
    states = {one["KeyId"]: kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in kms.list_keys()["Keys"]}
    assert {one["KeyState"] for one in states.values()} == {"PendingDeletion"}, "both go with the environment"


def test_after_down_a_new_key_is_made(rig: AwsRig) -> None:
    rig.up(key_and_cluster())
    before = the_key()
    rig.down()
    rig.up(key_and_cluster())
    assert rig.records["kms.key/cluster"].id != before


def test_a_secret_that_somebody_scheduled_for_deletion_is_restored_with_its_value(rig: AwsRig) -> None:
    client = boto3.client("secretsmanager")
    rig.up([Secret("token", form=TOKEN)])
    arn = str(rig.records["secretsmanager.secret/token"].id)
    value = client.get_secret_value(SecretId=arn)["SecretString"]
    client.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    plan = rig.plan([Secret("token", form=TOKEN)])
    assert [one.action for one in plan.changes] == [Action.UPDATE]
    said, remedy = plan.warnings["secretsmanager.secret/token"]
    assert said == f"Secrets Manager deletes it on {WEEK:%Y-%m-%d}"
    assert f"aws secretsmanager restore-secret --secret-id {arn}" in remedy
    rig.calls()
    rig.up([Secret("token", form=TOKEN)])
    assert rig.calls() == ["RestoreSecret"]
    assert client.get_secret_value(SecretId=arn)["SecretString"] == value


# ---- the sandbox


def test_the_sandbox_knows_what_a_key_refuses_in_each_state(aws: None) -> None:
    kms = boto3.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match="is not pending deletion"):
        kms.cancel_key_deletion(KeyId=key)
    kms.disable_key(KeyId=key)
    with pytest.raises(kms.exceptions.DisabledException):
        kms.enable_key_rotation(KeyId=key)


def test_a_lost_answer_to_a_cancelled_deletion_is_no_failure(rig: AwsRig, tmp_path: Path) -> None:
    rig.up(key_and_cluster())
    boto3.client("kms").schedule_key_deletion(KeyId=the_key())
    current.add([parsed({"fault": "reset-after", "call": "kms:CancelKeyDeletion", "times": 1})])
    try:
        rig.up(key_and_cluster())
    except ResourceError as error:
        pytest.fail(str(error))
    assert rig.plan(key_and_cluster()).changes == ()
