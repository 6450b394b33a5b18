"""A lost document is rebuilt from the tags: once, from one lineage, and not under a living lease."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import boto3
import pytest

from livekit_deploy.engine.graph import closure, needs, ordered
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import StateError
from livekit_deploy.stack import Infrastructure
from tests.contract.upkeep.place import BUCKET, GATEWAY, SMALL, VPC, Place, environment, essence
from tests.inventory import inventory


def test_a_lost_document_is_rebuilt_from_the_tags_and_the_plan_is_empty(whole: Place) -> None:
    before = inventory()
    whole.deployer().up()
    lost = whole.state
    whole.lose()
    assert whole.rebuild().lineage == lost.lineage
    assert essence(whole.state) == essence(lost)
    assert whole.deployer().plan().changes == ()
    whole.deployer().down()
    assert {**inventory(), "s3.list_buckets": set()} == {**before, "s3.list_buckets": set()}


def _preset(folder: Path, name: str, more: str = "", most: int | None = None) -> Place:
    """The infrastructure of a preset, or the first resources of it, and what those need."""
    text = SMALL.replace("dev", name) + "cluster: {public_cidrs: [203.0.113.0/24]}\n" + more

    def begun(resources: Iterable[Resource]) -> list[Resource]:
        every = ordered(resources)
        wanted = closure([item.address for item in every[:most]], needs(every))
        return [item for item in every if item.address in wanted]

    return Place(environment(folder, text, name), begun)


@pytest.mark.slow
def test_of_two_environments_each_is_rebuilt_from_its_own_tags(tmp_path: Path) -> None:
    uat, prod = _preset(tmp_path, "uat"), _preset(tmp_path, "prod")
    for place in (uat, prod):
        place.deployer().up()
    lost = {place: place.state for place in (uat, prod)}
    uat.lose()
    for place in (prod, uat):
        place.rebuild()
        assert essence(place.state) == essence(lost[place])
        assert place.deployer().plan().changes == ()

    uat.lose()
    bigger = _preset(tmp_path, "uat", "redis: {node_type: cache.m7g.xlarge}\n")
    bigger.rebuild()
    (change,) = bigger.deployer().plan().changes
    assert {diff.path for diff in change.diffs} == {"node_type"}, "what the file changed since, and nothing else"
    bigger.deployer().up()
    assert bigger.deployer().plan().changes == ()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_what_a_broken_run_left_is_rebuilt_and_goes_on(tmp_path: Path, share: float) -> None:
    uat = _preset(tmp_path, "uat")
    broken = _preset(tmp_path, "uat", most=int(len(Infrastructure(uat.env).resources) * share))
    broken.deployer().up()
    made = {address: record.id for address, record in uat.state.records.items()}
    uat.lose()
    uat.rebuild()
    assert {a: r.id for a, r in uat.state.records.items() if a in made} == made
    assert {change.action for change in uat.deployer().plan().changes} <= {Action.CREATE, Action.RESUME}
    uat.deployer().up()
    assert uat.deployer().plan().changes == ()
    assert {a: r.id for a, r in uat.state.records.items() if a in made} == made, "nothing is made twice"


# ---- rebuild


def test_there_is_nothing_to_rebuild_where_nothing_is_ours(whole: Place) -> None:
    boto3.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")
    with pytest.raises(StateError, match="nothing in this account and region carries the tags of livekit/dev"):
        whole.rebuild()


def test_of_two_lineages_the_user_says_which(small: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    one = small.state.lineage
    small.lose()
    with (
        monkeypatch.context() as patched
    ):  # an earlier version begins anew, without a look: there are two of everything
        patched.setattr("livekit_deploy.deployer.refuse_lost", lambda *_: None)
        small.deployer().up()
    two = small.state.lineage
    with pytest.raises(StateError, match=f"is whole and has the lineage {two}"):
        small.rebuild(lineage=one)
    small.lose()
    with pytest.raises(StateError, match="more than one state document") as refused:
        small.rebuild()
    assert one in refused.value.message
    assert two in refused.value.message
    assert "--lineage" in refused.value.hint
    for lineage in (one, two):
        assert small.rebuild(lineage=lineage).lineage == lineage
        small.deployer().down()
        small.lose()
    assert boto3.client("ec2").describe_internet_gateways()["InternetGateways"] == []


def test_a_document_that_was_never_here_may_be_in_use_elsewhere(small: Place) -> None:
    """Its own history shows that it was kept here, and so does whatever stands in its place."""

    def elsewhere() -> str:
        made = small.deployer()
        return made.upkeep.rebuild(made.declared).elsewhere

    lineage = small.state.lineage
    assert elsewhere() == ""
    small.write(b"{")
    assert elsewhere() == ""
    small.s3.delete_object(Bucket=BUCKET, Key=small.key)
    assert elsewhere() == "", "its versions are there"
    small.lose()
    assert f"nothing shows that the document of lineage {lineage} was ever at s3://" in elsewhere()


def test_a_role_alone_tells_the_lineage(tmp_path: Path) -> None:
    place = Place(environment(tmp_path, SMALL), lambda every: [r for r in every if r.address == "iam.role/cluster"])
    place.deployer().up()
    lineage = place.state.lineage
    place.lose()
    with pytest.raises(StateError, match="may be running in another region") as refused:  # roles belong to none
        place.rebuild()
    assert f"--lineage {lineage}" in refused.value.hint
    assert place.rebuild(lineage=lineage).lineage == lineage
    assert place.deployer().plan().changes == ()


def test_what_rebuild_finds_is_told_before_it_is_written(small: Place) -> None:
    small.lose()
    ec2 = boto3.client("ec2")
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]
    ec2.detach_internet_gateway(
        InternetGatewayId=gateway["InternetGatewayId"], VpcId=gateway["Attachments"][0]["VpcId"]
    )
    ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
    made = small.deployer()
    proposal = made.upkeep.rebuild(made.declared)
    assert (proposal.added, proposal.absent, proposal.surplus) == ((VPC,), (GATEWAY,), ())
    only = [item for item in made.resources if item.address == GATEWAY]
    other = small.deployer().upkeep.rebuild(lambda records: only[0].dependencies()[:0])
    assert other.surplus == (VPC,)
    with pytest.raises(Exception, match="NoSuchKey"):
        small.body()
