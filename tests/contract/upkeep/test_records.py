"""Earlier versions of a document, and single records: restored, forgotten, imported, under a lease."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.cli.entry import run
from livekit_deploy.errors import Denied, LockedError, NotOurs, StateError, UsageError
from livekit_deploy.events import Event, RunStarted
from livekit_deploy.state.document import dump
from livekit_deploy.state.edit import unlock
from livekit_deploy.state.holder import this_process
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import S3Store
from tests.contract.upkeep.place import BUCKET, GATEWAY, VPC, Place, edited, essence, with_checksum
from tests.following import adopted
from tests.inventory import inventory

# ---- drift


def test_drift_has_an_exit_code_of_its_own_until_up_puts_it_right(
    small: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small.env.source is not None
    look = ["plan", "--config", str(small.env.source), "--refresh-only", "--detailed-exitcode"]
    assert run(look) == 0
    vpc = str(small.state.records[VPC].id)
    boto3.client("ec2").modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
    capsys.readouterr()
    assert run(look) == 6
    shown = capsys.readouterr().out
    assert VPC in shown
    assert re.search(r"dns_support +true → false", shown), shown
    assert run(look[:-1]) == 0
    small.deployer().up()
    assert run(look) == 0


# ---- history and restore


def test_a_restore_whose_copy_is_refused_is_done_and_says_so(
    small: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(store: S3Store, name: str, body: bytes) -> None:
        raise Denied("s3:PutObject: only what nobody has may be written here (AccessDenied)")

    monkeypatch.setattr(S3Store, "archive", refused)
    serial = small.state.serial
    command = ["state", "restore", "--config", str(small.env.source), "--version", str(serial), "--yes"]
    assert run(command) == 0
    assert small.state.serial == serial + 1
    shown = re.sub(r"\s+", " ", capsys.readouterr().err)
    assert "the history has no copy of it: s3:PutObject: only what nobody has may be written here" in shown


def test_history_says_when_who_and_how_much(small: Place) -> None:
    small.deployer().down()
    past = small.upkeep.history()
    runs = {item.id: item for item in past if item.id.isdigit()}
    assert [runs[id].records for id in sorted(runs, key=int)] == [2, 0]
    assert all(", up)" in runs[id].who or ", down)" in runs[id].who for id in runs)
    assert all(item.written.endswith("Z") for item in past)
    serials = [item.serial for item in past]
    assert len(serials) == len(set(serials))
    assert max(s for s in serials if s is not None) == small.state.serial


def test_an_earlier_version_of_the_bucket_comes_back(small: Place) -> None:
    good = small.state
    spoilt = edited(records=None)(small.body())
    kept = boto3.client("s3").list_object_versions(Bucket=BUCKET, Prefix=small.key)["Versions"][0]["VersionId"]
    small.write(spoilt)
    assert any(item.damage for item in small.upkeep.history())
    upkeep = small.upkeep
    written = upkeep.carry_out(upkeep.restore_version(kept), "state restore")
    assert (essence(written), written.lineage) == (essence(good), good.lineage)
    assert (written.serial, written.epoch) > (good.serial, good.epoch)
    assert small.upkeep.history()[0].who.endswith(", state restore)")


@pytest.mark.parametrize("id", ["999", "00000000-0000-0000-0000-000000000000"])
def test_a_version_that_there_is_not_is_refused(small: Place, id: str) -> None:
    with pytest.raises(StateError, match=f"no earlier version {id}") as refused:
        small.upkeep.restore_version(id)
    assert "state history" in refused.value.hint


def test_a_document_of_another_lineage_is_not_restored(small: Place, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_bytes(dump(replace(small.state, lineage="another")))
    with pytest.raises(StateError, match="lineage another, here it is"):
        small.upkeep.restore(path)
    small.lose()
    with pytest.raises(StateError, match="but the existing objects carry"):
        small.upkeep.restore(path)
    with pytest.raises(StateError, match="cannot read"):
        small.upkeep.restore(tmp_path / "none.json")


# ---- single records


def test_forget_drops_the_record_and_touches_nothing(small: Place) -> None:
    before = inventory()
    with pytest.raises(StateError, match=f"{GATEWAY} depends on {VPC}"):
        small.upkeep.forget(VPC)
    with pytest.raises(UsageError, match="not recorded"):
        small.upkeep.forget("ec2.vpc/other")
    upkeep = small.upkeep
    proposal = upkeep.forget(GATEWAY)
    assert proposal.dropped == (GATEWAY,)
    upkeep.carry_out(proposal, "state forget")
    assert small.state.records.keys() == {VPC}
    assert inventory() == before


def test_import_records_what_carries_our_marks(small: Place) -> None:
    good, id = small.state, str(small.state.records[GATEWAY].id)
    upkeep = small.upkeep
    upkeep.carry_out(upkeep.forget(GATEWAY), "state forget")
    made = small.deployer()
    proposal = made.upkeep.take_over(made.resources, GATEWAY, id)
    assert (proposal.added, proposal.diffs) == ((GATEWAY,), ())
    made.upkeep.carry_out(proposal, "state import")
    assert essence(small.state) == essence(good)
    assert small.deployer().plan().changes == ()


def test_import_refuses_what_it_should_not_take(small: Place) -> None:
    def take(address: str, id: str, *adopt: str) -> Any:
        made = small.deployer(*adopt)
        return made.upkeep.take_over(made.resources, address, id)

    foreign = boto3.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    with pytest.raises(NotOurs, match=r"does not carry our tags for ec2.vpc/main") as refused:
        take(VPC, foreign)
    with pytest.raises(StateError, match=r"there is no ec2.vpc vpc-00000000"):
        take(VPC, "vpc-00000000")
    with pytest.raises(UsageError, match=r"no resource has the address ec2.vpc/mine"):
        take("ec2.vpc/mine", foreign)
    taken = take(VPC, foreign, *adopted(refused.value.hint))
    assert taken.changed == (VPC,)
    assert ("cidr", "10.9.0.0/16", "10.20.0.0/16") in [(d.path, d.before, d.after) for d in taken.diffs]
    upkeep = small.upkeep
    upkeep.carry_out(upkeep.forget(GATEWAY), "state forget")
    upkeep.carry_out(upkeep.forget(VPC), "state forget")
    with pytest.raises(StateError, match=f"depends on {VPC}, which has no record"):
        take(GATEWAY, "igw-1")


# ---- who else is there


def test_nothing_is_changed_under_a_living_lease(small: Place, tmp_path: Path) -> None:
    path = tmp_path / "copy.json"
    path.write_bytes(small.body())
    made = small.deployer()
    session = Session.acquire(made.store, this_process("up", 90.0), lambda: small.state, lock_timeout=0)
    held = small.body()
    attempts: dict[str, Callable[[], object]] = {
        "restore": lambda: made.upkeep.restore(path),
        "restore --version": lambda: made.upkeep.restore_version(str(small.state.serial)),
        "rebuild": small.rebuild,
        "import": lambda: made.upkeep.take_over(made.resources, VPC, "vpc-1"),
        "forget": lambda: made.upkeep.forget(GATEWAY),
    }
    for attempt in attempts.values():
        with pytest.raises(LockedError, match=r"up\) has been changing this environment since") as refused:
            attempt()
        assert "--lock-timeout" not in refused.value.hint, "these commands do not wait"
    assert small.body() == held
    session.release()


def test_what_was_shown_is_what_is_replaced(small: Place) -> None:
    upkeep = small.upkeep
    proposal = upkeep.forget(GATEWAY)
    session = Session.acquire(small.deployer().store, this_process("up", 90.0), lambda: small.state, lock_timeout=0)
    with pytest.raises(LockedError, match="somebody changed the state in between"):
        upkeep.carry_out(proposal, "state forget")
    unlock(small.deployer().store, session.holder)
    session.abandon()
    with pytest.raises(LockedError, match="somebody changed"):
        upkeep.carry_out(proposal, "state forget")


def test_a_lease_that_is_taken_before_the_first_change_ends_the_run_and_is_no_interruption(small: Place) -> None:
    """What the run finds by its tags it records before it deletes anything: that write is the first to see it."""
    raw = json.loads(small.body())
    del raw["records"][GATEWAY]
    small.write(with_checksum(raw))

    def taken(event: Event) -> None:
        if isinstance(event, RunStarted):
            holder = small.state.lease
            assert holder is not None
            unlock(small.deployer().store, holder)

    before = inventory()
    with pytest.raises(LockedError) as ended:
        small.deployer(on_event=taken).down()
    assert ended.value.exit_code == 5
    assert inventory() == before
    small.deployer().down()
    assert VPC not in small.state.records
