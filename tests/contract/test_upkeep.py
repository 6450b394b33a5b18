"""A lost, damaged or wrong state document, and single records: the whole infrastructure, with its state in S3."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.state_bucket.bucket import default_bucket
from livekit_deploy.cli.entry import run
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.deployer import Deployer
from livekit_deploy.engine.graph import closure, needs, ordered
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import Denied, LockedError, NotOurs, StateError, UsageError
from livekit_deploy.events import Event, RunStarted
from livekit_deploy.operations.state_repair import Upkeep
from livekit_deploy.stack import Infrastructure
from livekit_deploy.state.document import Phase, Record, State, dump, load, sealed
from livekit_deploy.state.edit import unlock
from livekit_deploy.state.holder import this_process
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import S3Store
from tests.aws.rig import REGION, _boto, account
from tests.fakes import FakeClock
from tests.following import adopted
from tests.inventory import inventory

ACCOUNT = "123456789012"
BUCKET = default_bucket(ACCOUNT, REGION)
SMALL = """
preset: dev
region: us-east-1
livekit: {domain: livekit.dev.example.com, hosted_zone: example.com}
"""
WHOLE = SMALL + "network: {nat: single}\ncluster: {secrets_key: true, logs: [api]}\n"
VPC, GATEWAY = "ec2.vpc/main", "ec2.internet_gateway/main"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"AKIA{ACCOUNT}")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with account():
        boto3.client("route53").create_hosted_zone(Name="example.com", CallerReference="x")
        yield


@functools.cache
def _clients() -> Clients:
    """Made once for all tests: to make them takes longer than to use them."""
    made = Clients(REGION, opened=_boto())
    return made


class Place:
    """One environment; each command is a Deployer of its own, as in a process of its own."""

    def __init__(self, env: Environment, choose: Callable[[list[Resource]], list[Resource]]) -> None:
        self.env, self._choose = env, choose
        self.s3 = boto3.client("s3", region_name=REGION)
        self.key = f"livekit-deploy/{env.project}/{env.name}.json"

    def deployer(self, *adopt: str, on_event: Callable[[Event], None] | None = None) -> Deployer:
        resources = self._choose(Infrastructure(self.env).resources)
        return Deployer(
            self.env,
            resources=resources,
            clients=_clients(),
            clock=FakeClock(),
            adopt=adopt,
            lock_timeout=0,
            on_event=on_event,
        )

    @property
    def upkeep(self) -> Upkeep:
        return self.deployer().upkeep

    @property
    def state(self) -> State:
        return load(self.body(), "here")

    def body(self) -> bytes:
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=self.key)["Body"].read())

    def write(self, body: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=self.key, Body=body)

    def lose(self) -> None:
        """Nothing is left of the document, its versions and its history."""
        found = self.s3.list_object_versions(Bucket=BUCKET)
        for item in (*found.get("Versions", []), *found.get("DeleteMarkers", [])):
            self.s3.delete_object(Bucket=BUCKET, Key=item["Key"], VersionId=item["VersionId"])

    def rebuild(self, **options: Any) -> State:
        made = self.deployer()
        return made.upkeep.carry_out(made.upkeep.rebuild(made.declared, **options), "state rebuild")


def environment(folder: Path, text: str, name: str = "dev") -> Environment:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return load_environment(path, environ={})


@pytest.fixture
def whole(tmp_path: Path) -> Place:
    """The whole infrastructure."""
    return Place(environment(tmp_path, WHOLE), lambda resources: resources)


@pytest.fixture
def small(tmp_path: Path) -> Place:
    """A network and its gateway, up."""
    place = Place(environment(tmp_path, SMALL), lambda every: [r for r in every if r.address in (VPC, GATEWAY)])
    place.deployer().up()
    return place


def essence(state: State) -> dict[str, dict[str, Any]]:
    """The records without what belongs to the run that made them."""
    return {a: asdict(replace(r, since="", token=None, spent=None)) for a, r in state.records.items()}


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


# ---- documents that are refused


def _sealed(raw: dict[str, Any]) -> bytes:
    """As somebody writes it who keeps the checksum right: an older or newer version of ours, or one with a defect."""
    raw.pop("sha256")
    return sealed((json.dumps(raw, indent=1, sort_keys=True) + "\n").encode())


def edited(**changes: Any) -> Callable[[bytes], bytes]:
    """The document with top-level keys changed."""
    return lambda body: _sealed({**json.loads(body), **changes})


def out_of_band(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """The document after an editor: some text in the place of another."""

    def edit(body: bytes) -> bytes:
        assert old in body
        return body.replace(old, new, 1)

    return edit


def record(**changes: Any) -> Callable[[bytes], bytes]:
    """The document with the gateway's record changed; None drops a key."""

    def edit(body: bytes) -> bytes:
        raw = json.loads(body)
        item = {**raw["records"][GATEWAY], **changes}
        raw["records"][GATEWAY] = {key: value for key, value in item.items() if value is not ...}
        return _sealed(raw)

    return edit


def circle(body: bytes) -> bytes:
    raw = json.loads(body)
    raw["records"][VPC]["deps"] = [GATEWAY]
    return _sealed(raw)


def unknown_kind(body: bytes) -> bytes:
    return dump(load(body, "x").with_records({"a.thing/x": Record(Phase.READY, "a.thing", {}, id="x")}))


TERRAFORM = {"version": 4, "terraform_version": "1.9.0", "serial": 3, "lineage": "a-b", "outputs": {}, "resources": []}
#: what became of the document → (how, what is said, what is proposed)
BAD: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "empty": (lambda body: b"", "not a whole state document", "state rebuild"),
    "truncated": (lambda body: body[: len(body) // 2], "not a whole state document", "state restore --version"),
    "no text": (lambda body: b"\xff\xfe\x00" + body, "not a whole state document", "state rebuild"),
    "a web page": (lambda body: b"<html>404</html>", "not a whole state document", "state rebuild"),
    "a list": (lambda body: b"[" + body + b"]", "not a state document", "check state.bucket"),
    "another tool's": (lambda body: json.dumps(TERRAFORM).encode(), "not a state document", "check state.bucket"),
    "no format": (edited(format=None), "not a state document", "check state.bucket"),
    "a newer format": (edited(format=3), "format 3; this version reads format 2", "upgrade livekit_deploy"),
    "an older format": (edited(format=1), "format 1; this version reads format 2", "livekit-deploy state rebuild"),
    "another project's": (edited(project="other"), "the state of other/dev, not of livekit/dev", "a state of its own"),
    "another environment's": (
        edited(env="prod"),
        "the state of livekit/prod, not of livekit/dev",
        "a state of its own",
    ),
    "another region's": (edited(region="eu-west-1"), "of livekit/dev in eu-west-1", "run down there before"),
    "another account's": (edited(account="210987654321"), "account 210987654321, not of", "a state of its own"),
    "an unknown key": (edited(locked=True), "damaged: locked", "state history"),
    "a serial in words": (edited(serial="seven"), "damaged: serial", "state history"),
    "no records": (edited(records=None), "damaged: records", "state history"),
    "half a lease": (edited(lease={"id": "x"}), "damaged: lease", "state history"),
    "an illegal phase": (record(phase="done"), "internet_gateway/main.phase is not one of 'creating'", "state history"),
    "a record without inputs": (record(inputs=...), "internet_gateway/main.inputs is missing", "state history"),
    "an unknown key in a record": (record(tags={}), "tags", "state history"),
    "deps that are no list": (record(deps=VPC), "deps", "state history"),
    "a dangling edge": (record(deps=["ec2.vpc/gone"]), "depends on ec2.vpc/gone, which has no record", "state restore"),
    "a dangling host": (record(lives_in="eks.cluster/gone"), "eks.cluster/gone, which has no record", "state restore"),
    "a kind that is not the address's": (record(kind="ec2.vpc"), "says it is a ec2.vpc", "state restore"),
    "no id of what is ready": (record(id=None), "is ready, but has no id", "state restore"),
    "a circle": (circle, "depend on each other in a circle", "state restore"),
    "another id, by hand": (out_of_band(b'"id": "vpc-', b'"id": "vpc-0'), "edited by hand", "state history"),
    "another phase, by hand": (out_of_band(b'"ready"', b'"creating"'), "edited by hand", "state restore --version"),
    "another value, by hand": (out_of_band(b"10.20.0.0/16", b"10.21.0.0/16"), "edited by hand", "state rebuild"),
    "another serial, by hand": (out_of_band(b'"serial": ', b'"serial": 1'), "edited by hand", "state rebuild"),
    "a lineage, by hand": (out_of_band(b'"lineage": "', b'"lineage": "0'), "edited by hand", "state rebuild"),
    "a checksum, by hand": (out_of_band(b'"sha256": "', b'"sha256": "0'), "edited by hand", "state rebuild"),
    "no checksum": (out_of_band(b'"sha256"', b'"sha255"'), "edited by hand", "state rebuild"),
    "a record twice": (
        out_of_band(b'\n "records": {', b'\n "records": {},\n "records": {'),
        "edited by hand",
        "state rebuild",
    ),
    "an endless depth": (lambda body: b"[" * 99_999, "not a whole state document", "state rebuild"),
    "an unknown kind": (unknown_kind, "a.thing/x, whose kind this version does not know", "upgrade livekit_deploy"),
}


def test_a_bad_document_is_refused_with_the_reason_and_the_command_that_helps(small: Place) -> None:
    good, before = small.body(), inventory()
    for name, (spoil, says, helps) in BAD.items():
        spoilt = spoil(good)
        small.write(spoilt)
        for attempt in (Deployer.plan, Deployer.up, Deployer.down):
            with pytest.raises(StateError) as refused:
                attempt(small.deployer())
            assert says in refused.value.message, name
            assert helps in refused.value.hint, name
        if name != "an unknown kind":  # it is whole, so the run takes the lease to find out
            assert small.body() == spoilt
        else:
            small.deployer().upkeep.carry_out(small.upkeep.forget("a.thing/x"), "state forget")
            assert small.state.records.keys() == {VPC, GATEWAY}
    assert inventory() == before


def test_what_cannot_be_read_is_restored_or_rebuilt(small: Place) -> None:
    good, upkeep = small.state, small.upkeep
    for name in ("empty", "truncated", "an older format", "another tool's", "a circle", "another id, by hand"):
        small.write(BAD[name][0](small.body()))
        upkeep.carry_out(upkeep.restore_version(str(good.serial)), "state restore")
        assert essence(small.state) == essence(good)
        small.write(BAD[name][0](small.body()))
        before = max(int(past.id) for past in upkeep.history() if past.id.isdigit())
        rebuilt = small.rebuild()
        assert essence(rebuilt) == essence(good)
        assert rebuilt.serial > before  # the copies of earlier runs keep their names
    assert small.deployer().plan().changes == ()


def test_anothers_document_is_not_written_over(small: Place) -> None:
    good, serial = small.body(), str(small.state.serial)
    attempts = (small.rebuild, lambda: small.upkeep.forget(GATEWAY), lambda: small.upkeep.restore_version(serial))
    for name in ("another project's", "another environment's", "another region's", "another account's"):
        small.write(BAD[name][0](good))
        for attempt in attempts:
            with pytest.raises(StateError, match=r"not of livekit/dev"):
                attempt()


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
        with pytest.raises(LockedError, match=r"up\) has been changing this environment since"):
            attempt()
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
    small.write(_sealed(raw))

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
