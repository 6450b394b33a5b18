"""A document that is damaged or somebody else's: refused with the reason, and with the command that helps."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from livekit_deploy.deployer import Deployer
from livekit_deploy.errors import StateError
from livekit_deploy.state.document import Phase, Record, dump, load
from tests.contract.upkeep.place import GATEWAY, VPC, Place, edited, essence, record, with_checksum
from tests.inventory import inventory


def out_of_band(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """The document after an editor: some text in the place of another."""

    def edit(body: bytes) -> bytes:
        assert old in body
        return body.replace(old, new, 1)

    return edit


def circle(body: bytes) -> bytes:
    raw = json.loads(body)
    raw["records"][VPC]["deps"] = [GATEWAY]
    return with_checksum(raw)


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
