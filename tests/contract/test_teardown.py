"""`down` has a way whatever became of the document: it ends with nothing of ours left, and nothing else touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.text import Text

from livekit_deploy.deployer import Deployer
from livekit_deploy.engine.graph import closure, needs, ordered
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Found, Live, Resource
from livekit_deploy.errors import Denied, StateError
from livekit_deploy.events import Event, Notice
from livekit_deploy.render.reports import down_lines
from livekit_deploy.stack import Infrastructure
from livekit_deploy.state.document import State, dump
from livekit_deploy.state.store import FileStore
from tests.aws.test_lookalikes import account
from tests.contract.kinds.case import NODES_TRUST
from tests.contract.upkeep.conftest import aws
from tests.contract.upkeep.place import BUCKET, GATEWAY, SMALL, VPC, Place, environment
from tests.fakes import FakeClock

__all__ = ["aws"]

CLUSTER, ROLE = "eks.cluster/main", "iam.role/cluster"
#: what others stand on, and what stands on it: roles, network, cluster, nodes, addresses, a key
PART = ("eks.node_group", "ec2.nat_gateway", "logs.log_group", "kms.alias")
MORE = "network: {nat: single}\ncluster: {secrets_key: true, logs: [api]}\n"


class Damaged(Place):
    """An environment of the same resources each time, of which only the first ``most`` are declared."""

    most: int | None = None

    def __init__(self, folder: Path) -> None:
        super().__init__(environment(folder, SMALL + MORE), self._first)

    def _first(self, every: list[Resource]) -> list[Resource]:
        edges = needs(every)
        wanted = closure([item.address for item in every if item.kind in PART], edges)
        first = [item.address for item in ordered(every) if item.address in wanted][: self.most]
        return [item for item in every if item.address in closure(first, edges)]

    def up(self, most: int | None = None) -> State:
        self.most = most
        self.deployer().up()
        self.most = None
        return self.state

    def lose(self) -> None:
        found = self.s3.list_object_versions(Bucket=BUCKET, Prefix=self.key.removesuffix("json"))
        history = self.s3.list_object_versions(Bucket=BUCKET, Prefix=self.key.removesuffix(".json") + "/")
        for item in (*found["Versions"], *history.get("Versions", [])):
            self.s3.delete_object(Bucket=BUCKET, Key=item["Key"], VersionId=item["VersionId"])

    def place_of(self, address: str) -> int:
        """How many come before it."""
        return [item.address for item in ordered(self.deployer().resources)].index(address)

    def bring_back(self, serial: int) -> None:
        upkeep = self.upkeep
        upkeep.carry_out(upkeep.restore_version(str(serial)), "state restore")


# ---- what happens to it


def _lost(here: Damaged) -> None:
    here.up()
    here.lose()


def _lost_half_made(here: Damaged) -> None:
    here.up(12)
    here.lose()


def _lost_barely_begun(here: Damaged) -> None:
    here.up(2)
    here.lose()


def _lost_and_begun_anew(here: Damaged) -> None:
    """An earlier version of this program wrote an empty document then, with another lineage."""
    _lost(here)
    here.write(dump(State.new("livekit", "dev", "123456789012", "us-east-1")))


def _restored(most: int) -> Callable[[Damaged], None]:
    def damage(here: Damaged) -> None:
        old = here.up(most)
        here.up()
        here.bring_back(old.serial)

    return damage


def _restored_empty(here: Damaged) -> None:
    """The copy that a first `down` left; then the environment was made once more."""
    here.up(2)
    here.deployer().down()
    empty = here.state
    here.up()
    here.bring_back(empty.serial)


def _forgotten(here: Damaged) -> None:
    """Everything that stands on the cluster's role, and the cluster itself, lost its record by mistake."""
    state = here.up()
    edges: dict[str, list[str]] = {a: [b for b, r in state.records.items() if a in r.deps] for a in state.records}
    gone = closure([ROLE], edges) - {ROLE}
    assert CLUSTER in gone
    kept = {a: r for a, r in state.records.items() if a not in gone}
    here.write(dump(state.with_records(dict.fromkeys(gone))))
    assert here.state.records.keys() == kept.keys()


def _twice(here: Damaged) -> None:
    """A create without a token was sent twice: there is a second gateway with the same tags."""
    state = here.up()
    ec2 = boto3.client("ec2")
    (one,) = ec2.describe_internet_gateways(InternetGatewayIds=[state.records[GATEWAY].id])["InternetGateways"]
    ec2.create_internet_gateway(TagSpecifications=[{"ResourceType": "internet-gateway", "Tags": one["Tags"]}])


def _remade(here: Damaged) -> None:
    """The document knows an object that somebody deleted, and that a later run made again."""
    old = here.up(here.place_of(GATEWAY) + 1)
    ec2 = boto3.client("ec2")
    (one,) = ec2.describe_internet_gateways(InternetGatewayIds=[old.records[GATEWAY].id])["InternetGateways"]
    for attached in one["Attachments"]:
        ec2.detach_internet_gateway(InternetGatewayId=one["InternetGatewayId"], VpcId=attached["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=one["InternetGatewayId"])
    here.up()
    here.bring_back(old.serial)


CASES: dict[str, tuple[Callable[[Damaged], None], bool]] = {  # (what happens, whether it is refused first)
    "lost": (_lost, True),
    "lost half made": (_lost_half_made, True),
    "lost barely begun": (_lost_barely_begun, True),
    "lost and begun anew": (_lost_and_begun_anew, True),
    "restored from its first steps": (_restored(3), False),
    "restored from half way": (_restored(14), False),
    "restored from before the last": (_restored(26), False),
    "restored from after a down": (_restored_empty, False),
    "forgotten": (_forgotten, False),
    "twice": (_twice, False),
    "remade": (_remade, False),
}


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[set[str]]:
    """Another environment of the project, whose name begins as ours does, and things that carry no tags."""
    env = environment(tmp_path, SMALL, "dev-eu")
    wanted = (VPC, GATEWAY, ROLE)
    other = Place(env, lambda every: [one for one in every if one.address in wanted])
    other.deployer().up()
    known = other.state.records
    boto3.client("ec2").create_vpc(CidrBlock="10.20.0.0/16")
    boto3.client("iam").create_role(RoleName="livekit-dev-theirs", AssumeRolePolicyDocument=json.dumps(NODES_TRUST))
    yield account()
    assert other.state.records == known
    other.deployer().down()


@pytest.mark.parametrize("case", CASES)
def test_down_has_a_way(case: str, tmp_path: Path, theirs: set[str]) -> None:
    here, (damage, refused) = Damaged(tmp_path), CASES[case]
    damage(here)
    before = account()
    if refused:
        for attempt in (Deployer.plan, Deployer.up, Deployer.down, lambda made: made.plan(destroy=True)):
            with pytest.raises(StateError, match="objects of livekit/dev are there") as error:
                attempt(here.deployer())
            assert "livekit-deploy state rebuild --env dev" in error.value.hint
        assert account() == before, "nothing was made, and nothing deleted"
        here.rebuild()
    shown = here.deployer().plan(destroy=True)
    assert {change.action for change in shown.changes} == {Action.DELETE}
    report = here.deployer().down(shown)
    assert (report.leftovers, report.unseen) == ([], {})
    assert here.state.records == {}
    assert account() == theirs
    again = here.deployer().down()
    assert (again.deleted, again.leftovers) == ([], [])


@pytest.mark.parametrize("most", [3, 14])
def test_without_a_configuration_the_order_is_what_the_objects_tell(
    most: int, tmp_path: Path, theirs: set[str]
) -> None:
    here = Damaged(tmp_path)
    _restored(most)(here)
    here.most = 0  # nothing is declared
    report = here.deployer().down()
    order = report.deleted
    assert order.index(CLUSTER) < order.index(ROLE)
    assert report.leftovers == []
    assert account() == theirs


def test_while_the_cluster_cannot_go_its_roles_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Damaged(tmp_path)
    _restored(14)(here)
    kind = type(next(item for item in Infrastructure(here.env).resources if item.address == CLUSTER))

    def refused(self: Resource, cloud: Any, live: Live) -> None:
        raise Denied("not allowed", code="AccessDeniedException")

    monkeypatch.setattr(kind, "delete", refused)
    with pytest.raises(Exception, match="1 resource failed"):
        here.deployer().down()
    roles = {one["RoleName"] for one in boto3.client("iam").list_roles()["Roles"]}
    assert "livekit-dev-cluster" in roles
    monkeypatch.undo()
    assert here.deployer().down().leftovers == []


def test_what_another_document_of_the_environment_knew_is_left_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Damaged(tmp_path)
    lost = here.up(2)
    here.lose()
    with monkeypatch.context() as patched:  # as an earlier version did
        patched.setattr("livekit_deploy.deployer.refuse_lost", lambda *_: None)
        here.up(2)
    report = here.deployer().down()
    assert {one.id for one in report.leftovers} == {lost.records[VPC].id}
    assert all(lost.lineage in one.made_by for one in report.leftovers)
    with pytest.raises(StateError, match="objects of livekit/dev are there"):
        here.deployer().down()
    here.rebuild()
    assert here.deployer().down().leftovers == []


def test_an_environment_whose_state_is_elsewhere_is_not_begun_again(tmp_path: Path) -> None:
    here = Damaged(tmp_path)
    here.up(2)
    before, elsewhere = account(), FileStore(tmp_path / "elsewhere.json")
    made = here.deployer()
    said = rf"no document at .*elsewhere\.json.*objects of livekit/dev are there: {VPC.partition('/')[0]}"
    for attempt in (Deployer.plan, Deployer.up, Deployer.down):
        other = Deployer(
            here.env,
            resources=made.resources,
            store=elsewhere,
            clients=made.cloud.clients,
            clock=FakeClock(),
            adopt=[VPC],
        )
        with pytest.raises(StateError, match=said):
            attempt(other)
    assert account() == before
    assert elsewhere.get() is None


# ---- kinds that cannot be listed


class Elsewhere(Resource):
    """A kind of another program in this process, which may not be listed here."""

    kind = "other.thing"

    @classmethod
    def scan(cls, cloud: Any, host: Live | None) -> Sequence[Found]:
        raise Denied("you may not list things", code="AccessDenied")

    def read(self, cloud: Any, id: str | None) -> Live | None:
        return None


def _with(here: Damaged, *more: Resource, said: list[Event] | None = None) -> Deployer:
    made = here.deployer()
    listen = said.append if said is not None else None
    given = [*made.resources, *more]
    return Deployer(here.env, resources=given, clients=made.cloud.clients, clock=FakeClock(), on_event=listen)


def test_a_kind_of_somebody_else_in_this_process_is_not_listed(tmp_path: Path) -> None:
    here = Damaged(tmp_path)
    here.up(2)
    said: list[Event] = []
    report = _with(here, said=said).down()
    assert (report.leftovers, report.unseen) == ([], {})
    assert not [event for event in said if isinstance(event, Notice)]


def test_one_of_ours_that_cannot_be_listed_is_named_and_ends_nothing(tmp_path: Path) -> None:
    here = Damaged(tmp_path)
    here.up(2)
    said: list[Event] = []
    report = _with(here, Elsewhere("x"), said=said).down()
    assert VPC in report.deleted
    assert report.unseen == {"other.thing": "you may not list things"}
    notices = [event.message for event in said if isinstance(event, Notice)]
    assert any("other.thing cannot be listed" in text and "you may not list things" in text for text in notices)
    shown = [Text.from_markup(line).plain for line in down_lines(report)]
    assert "leftovers: 0" not in shown
    assert "  not listed: other.thing: you may not list things" in shown
