"""API keys with overlap: one call under its intent, none the second time, killed anywhere, secrets nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto.secretsmanager.models import SecretsManagerBackend

from livekit_deploy.aws.access.account import Account
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.access.secret_values import Held, held
from livekit_deploy.aws.access.tags import LINEAGE
from livekit_deploy.aws.kinds import api_keys
from livekit_deploy.aws.kinds.secrets import API_KEYS, Secret
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.waits import Waits
from livekit_deploy.errors import NotOurs, StateError, UsageError
from livekit_deploy.events import Event
from livekit_deploy.operations.api_keys import Keyring
from livekit_deploy.state.document import Phase, State, dump
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.session import Session
from tests.aws.rig import AwsRig
from tests.fakes import Killed
from tests.faults.rig import faults

ADDRESS = "secretsmanager.secret/api-keys"


class Ring:
    """The keys of an environment of which there is nothing but their secret."""

    def __init__(self, rig: AwsRig) -> None:
        self.rig, self.events = rig, list[Event]()
        self.stack = [Secret("api-keys", form=API_KEYS)]
        self.keys = Keyring(
            rig.cloud,
            self.state,
            self._session,
            self._no_cluster,
            self.events.append,
            Waits(rig.clock, rig.cancel, rig.cancel),
        )
        rig.up(self.stack)
        rig.calls()

    def state(self) -> State | None:
        found = lease_of(self.rig._store)
        return found[0] if found else None

    @contextmanager
    def _session(self, command: str) -> Iterator[tuple[Session, Cloud]]:
        session = self.rig._session()
        try:
            yield session, self.rig.cloud.under(RunContext(fence=session.check))
        finally:
            session.release()

    def _no_cluster(self) -> Any:
        raise AssertionError("the cluster was asked")

    def held(self) -> dict[str, Any]:
        arn = self.rig.records[ADDRESS].id
        found: dict[str, Any] = json.loads(self.rig.cloud.secretsmanager.get_secret_value(SecretId=arn)["SecretString"])
        return found

    def names(self) -> list[str]:
        return [one["name"] for one in self.held()["pairs"]]


@pytest.fixture
def ring(rig: AwsRig) -> Ring:
    return Ring(rig)


def test_a_key_more_is_one_call_and_none_the_second_time(ring: Ring) -> None:
    before = ring.held()
    key = ring.keys.add("recorder")
    assert ring.rig.calls() == ["PutSecretValue"]
    assert ring.keys.add("recorder") == key
    assert ring.rig.calls() == []

    held = ring.held()
    assert held["keys"].splitlines() == [before["keys"], f"{key}: {held['pairs'][1]['api_secret']}"]
    assert (held["api_key"], held["api_secret"]) == (before["api_key"], before["api_secret"])
    assert len(held["pairs"][1]["api_secret"]) >= 32
    assert len({one["api_secret"] for one in held["pairs"]}) == 2


def test_its_version_is_what_the_cluster_has_to_follow(ring: Ring) -> None:
    before = ring.rig.outputs(ADDRESS)
    ring.keys.add("recorder")
    after, present = ring.rig.outputs(ADDRESS), ring.keys.present()
    assert after["version"] == present.version != before["version"]
    assert after["keys"]["version"] == after["api_key"]["version"] == after["value"]["version"] == after["version"]
    assert ring.rig.plan(ring.stack).changes == ()


def test_a_rotation_leaves_the_old_key_until_it_is_removed(ring: Ring) -> None:
    ring.keys.add("recorder")
    old = ring.held()["api_key"]
    turn = ring.keys.rotate("main")
    ring.rig.calls()
    assert ring.keys.rotate("main") == turn  # it is under way
    assert ring.rig.calls() == []
    assert turn.old == old == ring.held()["api_key"]
    assert ring.names() == ["main", "main", "recorder"]

    ring.keys.remove(turn.old)
    assert ring.rig.calls() == ["PutSecretValue"]
    assert ring.names() == ["main", "recorder"]
    assert ring.held()["api_key"] == turn.new
    assert [one.first for one in ring.keys.present().keys] == [True, False]
    told = [(event.plain()["verb"], event.plain()["key"]) for event in ring.events]
    assert told[-2:] == [("added", turn.new), ("removed", turn.old)]


def test_what_cannot_be_done_is_refused_before_the_lease(ring: Ring) -> None:
    only = ring.held()["api_key"]
    for wrong, what in (
        (lambda: ring.keys.remove(only), "is the only key"),
        (lambda: ring.keys.remove("APInothing"), "there is no key APInothing"),
        (lambda: ring.keys.rotate("other"), "there is no key named other"),
        (lambda: ring.keys.add("Two words"), "is not a valid name for a key"),
    ):
        with ring._session("somebody else's run"), pytest.raises(UsageError, match=what):
            wrong()
    assert ring.rig.calls() == []


def test_there_must_be_a_secret(rig: AwsRig) -> None:
    ring = Ring(rig)
    rig.down()
    with pytest.raises(StateError, match="there are no API keys yet"):
        ring.keys.present()


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_killed_around_its_call_it_goes_on(ring: Ring, moment: str) -> None:
    """The intent is on record; the same command makes the call, or finds that it was made."""
    phases = []

    def die(model: Any, **_: Any) -> None:
        if model.name == "PutSecretValue":
            phases.append(ring.rig.records[ADDRESS].phase)
            raise Killed

    events = ring.rig.clients("secretsmanager").meta.events
    events.register(f"{moment}.secretsmanager.PutSecretValue", die)
    with pytest.raises(Killed):
        ring.keys.add("recorder")
    events.unregister(f"{moment}.secretsmanager.PutSecretValue", die)
    assert phases == [Phase.UPDATING]
    assert ring.rig.plan(ring.stack).changes[0].action is Action.RESUME

    ring.rig.calls()
    ring.keys.add("recorder")
    assert ring.rig.calls() == (["PutSecretValue"] if moment == "before-call" else [])
    assert ring.names() == ["main", "recorder"]
    assert ring.rig.records[ADDRESS].phase is Phase.READY
    assert ring.rig.outputs(ADDRESS)["version"] == ring.keys.present().version


def test_up_goes_on_as_well(ring: Ring) -> None:
    def die(**_: Any) -> None:
        raise Killed

    events = ring.rig.clients("secretsmanager").meta.events
    events.register("after-call.secretsmanager.PutSecretValue", die)
    with pytest.raises(Killed):
        ring.keys.add("recorder")
    events.unregister("after-call.secretsmanager.PutSecretValue", die)
    ring.rig.calls()
    ring.rig.up(ring.stack)
    assert ring.rig.calls() == []
    assert ring.rig.outputs(ADDRESS)["version"] == ring.keys.present().version
    assert ring.names() == ["main", "recorder"]


def test_no_secret_leaves_it(ring: Ring) -> None:
    ring.keys.add("recorder")
    ring.keys.rotate("main")
    state = ring.state()
    assert state is not None
    told = [dump(state).decode(), repr(ring.keys.present()), *(repr(event.plain()) for event in ring.events)]
    told.append(repr(api_keys.load(Held("s", "v", json.dumps(ring.held())))))
    told.append(repr(Held("s", "v", json.dumps(ring.held()))))
    for pair in ring.held()["pairs"]:
        assert not any(pair["api_secret"] in text for text in told)


def test_a_secret_that_somebody_else_wrote_has_its_one_key(ring: Ring) -> None:
    arn = ring.rig.records[ADDRESS].id
    put = ring.rig.cloud.secretsmanager.put_secret_value
    put(SecretId=arn, SecretString=json.dumps({"api_key": "APIours", "api_secret": "s" * 40, "keys": "…"}))
    ring.keys.add("recorder")
    assert ring.held()["keys"].startswith(f"APIours: {'s' * 40}\n")
    put(SecretId=arn, SecretString="hidden")
    with pytest.raises(StateError) as failure:
        ring.keys.present()
    assert "hidden" not in failure.value.message + failure.value.hint


# ---- lists that are late, and what somebody else wrote


def _planned_version(ring: Ring) -> str:
    """The version that a plan gives to what refers to the secret."""
    live = ring.rig._planner().up(ring.stack).entries[ADDRESS].live
    assert live is not None
    return str(live.outputs["version"])


def test_a_plan_takes_the_version_from_what_is_described_and_not_from_a_late_list(ring: Ring) -> None:
    arn = str(ring.rig.records[ADDRESS].id)
    listed = ring.rig.cloud.secretsmanager.list_secrets
    with faults({"fault": "late-lists", "call": "secretsmanager:*", "reads": 1000}):
        before = listed()["SecretList"][0]["SecretVersionsToStages"]
        turn = ring.keys.rotate("main")
        version = ring.keys.present().version
        ring.rig.cloud = replace(ring.rig.cloud, account=Account())  # as another process
        assert listed()["SecretList"][0]["SecretVersionsToStages"] == before, "the list is frozen"
        assert version not in before
        assert _planned_version(ring) == version
        ring.keys.remove(turn.old)
        ring.rig.cloud = replace(ring.rig.cloud, account=Account())
        assert _planned_version(ring) == ring.keys.present().version != version
        ring.rig.up(ring.stack)
        assert turn.old not in held(ring.rig.cloud.secretsmanager, arn, ring.rig.outputs(ADDRESS)["version"]).text


def test_what_was_written_is_known_before_it_is_described(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of Secrets Manager is eventually consistent: a description may be behind too."""
    described = ring.rig.cloud.secretsmanager.describe_secret(SecretId=ring.rig.records[ADDRESS].id)
    stale = {key: value for key, value in described.items() if key != "ResponseMetadata"}
    monkeypatch.setattr(SecretsManagerBackend, "describe_secret", lambda backend, secret_id: FakeSecret(stale))
    ring.keys.rotate("main")
    assert _planned_version(ring) == ring.rig.outputs(ADDRESS)["version"] not in stale["VersionIdsToStages"]


class FakeSecret:
    """What moto's backend answers with."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said

    def to_dict(self) -> dict[str, Any]:
        return {**self._said, "CreatedDate": 0, "LastChangedDate": 0, "LastAccessedDate": 0}


PRIVATE = "a-value-that-nobody-may-see"
_WRITTEN: dict[str, tuple[dict[str, Any], str]] = {
    "hello": ({"SecretString": f"hello {PRIVATE}"}, "it is not JSON"),
    "a list": ({"SecretString": f'["{PRIVATE}"]'}, "not an object with fields"),
    "a number": ({"SecretString": "17"}, "not an object with fields"),
    "nothing": ({"SecretString": "{}"}, "api_key is missing"),
    "blanks": ({"SecretString": "  "}, "it is empty"),
    "other fields": ({"SecretString": json.dumps({"username": PRIVATE, "password": PRIVATE})}, "api_key is missing"),
    "no texts": ({"SecretString": json.dumps({"api_key": 1, "api_secret": [PRIVATE]})}, "must both be text"),
    "odd pairs": ({"SecretString": json.dumps({"pairs": [PRIVATE]})}, "not a list of keys"),
    "more pairs": ({"SecretString": json.dumps({"pairs": 3})}, "not a list of keys"),
    "bytes": ({"SecretBinary": PRIVATE.encode()}, "it holds bytes"),
}


@pytest.mark.parametrize("what", _WRITTEN)
def test_a_secret_that_somebody_edited_is_named_with_what_is_wrong_and_never_shown(ring: Ring, what: str) -> None:
    written, wrong = _WRITTEN[what]
    secrets, arn = ring.rig.cloud.secretsmanager, str(ring.rig.records[ADDRESS].id)
    version = secrets.put_secret_value(SecretId=arn, **written)["VersionId"]
    refs = [SecretRef(arn, key, version) for key in ("api_key", "keys")]
    asked: list[Any] = [ring.keys.present, lambda: ring.keys.add("x"), lambda: ring.keys.rotate("main")]
    asked += [lambda ref=ref: ring.rig.cloud.secret(ref) for ref in refs]
    for number, ask in enumerate(asked):
        with pytest.raises(StateError) as failure:
            ask()
        told = failure.value.message + failure.value.hint
        assert "livekit/uat/api-keys" in told
        assert version in told
        assert "update-secret-version-stage" in failure.value.hint
        assert PRIVATE not in told
        assert number > 2 or wrong in told


def test_a_secret_that_is_scheduled_for_deletion_says_when_and_how_it_is_restored(ring: Ring) -> None:
    arn = str(ring.rig.records[ADDRESS].id)
    version = ring.rig.outputs(ADDRESS)["version"]
    ring.rig.cloud.secretsmanager.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    date = ring.rig.cloud.secretsmanager.describe_secret(SecretId=arn)["DeletedDate"]
    for ask in (ring.keys.present, lambda: ring.rig.cloud.secret(SecretRef(arn, "keys", version))):
        with pytest.raises(StateError) as failure:
            ask()
        assert f"livekit/uat/api-keys is scheduled for deletion on {date:%Y-%m-%d}" in failure.value.message
        assert "aws secretsmanager restore-secret --secret-id livekit/uat/api-keys" in failure.value.hint
    ring.rig.cloud.secretsmanager.restore_secret(SecretId=arn)
    assert ring.keys.present().version == version


def test_the_value_of_a_secret_that_does_not_carry_our_marks_is_not_changed(ring: Ring) -> None:
    """Whoever can write the state could have the keys of another system written over."""
    before = ring.held()
    boto3.client("secretsmanager").untag_resource(SecretId=str(ring.rig.records[ADDRESS].id), TagKeys=[LINEAGE])
    with pytest.raises(NotOurs, match="tags removed: livekit-deploy:lineage"):
        ring.keys.add("second")
    assert ring.held() == before
    assert ring.rig.records[ADDRESS].phase is Phase.READY
