"""The state bucket: born with our tags, finished by whoever finds it unfinished, and never changed afterwards."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from livekit_deploy import permissions
from livekit_deploy.aws.access.cloud import Cloud, mutates
from livekit_deploy.aws.access.tags import PROJECT
from livekit_deploy.aws.state_bucket.bucket import UNFINISHED, default_bucket, ensure_bucket, probe_bucket
from livekit_deploy.aws.state_bucket.races import ROUNDS, WRITERS
from livekit_deploy.aws.state_bucket.settings import SETTINGS, VERSIONING, Bucket
from livekit_deploy.config import load_environment
from livekit_deploy.deployer import Deployer
from livekit_deploy.errors import Denied, StateError, Unavailable
from livekit_deploy.state.store import S3Store
from tests.aws.rig import REGION, AwsRig
from tests.contract.cases import Base
from tests.faults.rig import faults

ACCOUNT = "123456789012"
NAME = default_bucket(ACCOUNT, REGION)
STEM = "livekit-deploy/livekit/uat"
LACKING = tuple(one.lacking for one in SETTINGS)


def told(name: str = NAME) -> dict[str, Any]:
    """All that S3 tells of a bucket; None for what it has not."""
    s3, found = boto3.client("s3"), dict[str, Any]()
    parts = ("tagging", "policy", "versioning", "encryption", "lifecycle_configuration")
    for read in (*(f"get_bucket_{part}" for part in parts), "get_public_access_block"):
        try:
            found[read] = getattr(s3, read)(Bucket=name)
        except s3.exceptions.ClientError:
            found[read] = None
    for said in found.values():
        (said or {}).pop("ResponseMetadata", None)
    return found


def tags(name: str = NAME) -> dict[str, str]:
    said = told(name)["get_bucket_tagging"]
    return {one["Key"]: one["Value"] for one in said["TagSet"]} if said else {}


class _Killed(BaseException):
    """The process ends here."""


def _dying(rig: AwsRig, after: int) -> None:
    """Make the bucket in a process that ends after so many changes."""
    clients, left = rig.new_clients(), iter(range(after))

    def end(model: Any, **_: Any) -> None:
        if mutates(model.name) and next(left, None) is None:
            raise _Killed

    clients("s3").meta.events.register("before-call.s3.*", end)
    ensure_bucket(Cloud(clients, rig.cloud.ownership), NAME)


# ---- its birth


def test_a_bucket_is_born_with_our_marks_and_loses_the_one_that_says_unfinished_last(rig: AwsRig) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []
    rig.clients("s3").meta.events.register(
        "provide-client-params.s3.*", lambda params, model, **_: sent.append((model.name, params))
    )
    ensure_bucket(rig.cloud, NAME)
    changes = [(name, params) for name, params in sent if mutates(name)]
    born, last = changes[0], changes[-1]
    assert born[0] == "CreateBucket"
    assert {one["Key"] for one in born[1]["CreateBucketConfiguration"]["Tags"]} == {PROJECT, UNFINISHED}
    assert last[0] == "PutBucketTagging"
    assert tags() == {PROJECT: "livekit"}
    assert all(one.holds(Bucket(rig.cloud, NAME)) for one in (VERSIONING, *SETTINGS))


def test_a_bucket_whose_maker_died_is_finished_by_the_next(rig: AwsRig) -> None:
    s3 = boto3.client("s3")
    for after in range(2 + len(SETTINGS) + 1):
        with pytest.raises(_Killed):
            _dying(rig, after)
        assert after == 0 or UNFINISHED in tags(), after
        ensure_bucket(rig.cloud, NAME)
        assert tags() == {PROJECT: "livekit"}
        assert all(one.holds(Bucket(rig.cloud, NAME)) for one in (VERSIONING, *SETTINGS)), after
        s3.delete_bucket(Bucket=NAME)


def test_an_s3_that_takes_no_tags_with_a_new_bucket_is_given_them_after_it(rig: AwsRig) -> None:
    def untagged(params: dict[str, Any], **_: Any) -> None:
        params.pop("CreateBucketConfiguration", None)

    rig.clients("s3").meta.events.register("provide-client-params.s3.CreateBucket", untagged)
    ensure_bucket(rig.cloud, NAME)
    assert tags() == {PROJECT: "livekit"}
    assert VERSIONING.holds(Bucket(rig.cloud, NAME))


def test_an_s3_without_a_setting_is_told_of_and_the_bucket_is_finished(rig: AwsRig) -> None:
    said: list[str] = []
    rig.bound(tell=said.append)
    with faults({"fault": "not-found", "call": "s3:PutBucketEncryption", "code": "NotImplemented"}):
        ensure_bucket(rig.cloud, NAME)
    assert tags() == {PROJECT: "livekit"}
    (line,) = said
    assert line.startswith(
        f"the bucket {NAME} stays without a setting: it has no default encryption (s3:PutBucketEncryption"
    )
    with (
        faults({"fault": "not-found", "call": "s3:PutBucketVersioning", "code": "NotImplemented"}),
        pytest.raises(Exception, match="NotImplemented"),
    ):
        ensure_bucket(rig.cloud, "acme-unversioned")


# ---- what is not ours to change


def _secured(name: str) -> None:
    """As a security team leaves a bucket."""
    s3 = boto3.client("s3")
    deny = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject*", "Resource": "*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    kms = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [kms]})
    year = {"NoncurrentDays": 365}
    rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": year}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})


@pytest.mark.parametrize("name", [NAME, "acme-shared"])
@pytest.mark.parametrize("made_by", ["us", "somebody else", "a mark alone"])
def test_a_bucket_that_is_there_keeps_its_settings(rig: AwsRig, name: str, made_by: str) -> None:
    if made_by == "us":
        ensure_bucket(rig.cloud, name)
    else:
        s3, mark = boto3.client("s3"), {"Key": UNFINISHED, "Value": "true"}
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        if made_by == "a mark alone":
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [mark]})
    _secured(name)
    before = told(name)
    rig.calls()
    ensure_bucket(rig.cloud, name)
    assert rig.calls() == []
    assert told(name) == before


def test_what_a_bucket_lacks_is_listed_and_fix_sets_no_more_than_its_versioning(rig: AwsRig) -> None:
    assert probe_bucket(rig.cloud, NAME, STEM, fix=True).text == "it does not exist yet; up makes it"
    with pytest.raises(_Killed):
        _dying(rig, 1)
    begun = told()
    assert probe_bucket(rig.cloud, NAME, STEM, fix=True).text == "its creation is not finished yet; up finishes it"
    assert told() == begun
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="acme-shared")
    s3.delete_public_access_block(Bucket="acme-shared")
    s3.delete_bucket_encryption(Bucket="acme-shared")
    with pytest.raises(StateError, match="is not versioned"):
        probe_bucket(rig.cloud, "acme-shared", STEM, fix=False)
    before = told("acme-shared")
    assert probe_bucket(rig.cloud, "acme-shared", STEM, fix=True).lacks == LACKING
    assert told("acme-shared") == {**before, "get_bucket_versioning": {"Status": "Enabled"}}
    ensure_bucket(rig.cloud, "acme-ours")
    assert probe_bucket(rig.cloud, "acme-ours", STEM, fix=True).lacks == ()


# ---- whether it keeps two runs apart


def _deaf_to(condition: str) -> Callable[..., None]:
    def drop(params: dict[str, Any], **_: Any) -> None:
        params.pop(condition, None)

    return drop


@pytest.mark.parametrize("condition", ["IfMatch", "IfNoneMatch"])
def test_a_store_that_ignores_a_condition_is_refused(rig: AwsRig, condition: str) -> None:
    ensure_bucket(rig.cloud, NAME)
    rig.clients("s3").meta.events.register("provide-client-params.s3.PutObject", _deaf_to(condition))
    with pytest.raises(StateError, match=f"does not honour conditional writes: it let {WRITERS} of {WRITERS}"):
        probe_bucket(rig.cloud, NAME, STEM, fix=False)
    assert "Versions" not in boto3.client("s3").list_object_versions(Bucket=NAME)


def test_a_store_that_compares_and_then_writes_is_refused(rig: AwsRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other it refuses as it should; at one time it lets more than one win."""
    from moto.s3.models import S3Backend

    from livekit_deploy.sandbox.aws.s3 import corrections

    class Open:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    write, meeting = S3Backend.put_object, threading.Barrier(2)

    def slowly(*args: Any, **more: Any) -> Any:
        try:
            meeting.wait(0.2)
        except threading.BrokenBarrierError:
            meeting.reset()
        return write(*args, **more)

    ensure_bucket(rig.cloud, NAME)
    monkeypatch.setattr(corrections, "_writing", Open())
    monkeypatch.setattr(S3Backend, "put_object", slowly)
    with pytest.raises(StateError, match=rf"it let \d of {WRITERS} concurrent writers win"):
        probe_bucket(rig.cloud, NAME, STEM, fix=False)


def test_a_store_that_refuses_every_condition_is_refused(rig: AwsRig) -> None:
    ensure_bucket(rig.cloud, NAME)
    with (
        faults({"fault": "not-found", "call": "s3:PutObject", "code": "PreconditionFailed"}),
        pytest.raises(StateError, match="it refuses every one of them"),
    ):
        probe_bucket(rig.cloud, NAME, STEM, fix=False)


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_writers_that_are_all_told_to_try_again_race_again(rig: AwsRig, code: str) -> None:
    ensure_bucket(rig.cloud, NAME)
    with faults({"fault": "not-found", "call": "s3:PutObject", "code": code, "times": WRITERS, "after": 2 * WRITERS}):
        assert probe_bucket(rig.cloud, NAME, STEM, fix=False).text == "versioned, honours conditional writes"


def test_a_probe_that_may_not_be_deleted_is_a_note(rig: AwsRig) -> None:
    """Object Lock with a default retention refuses it for as long as that lasts."""
    ensure_bucket(rig.cloud, NAME)
    locked = {"fault": "denied", "call": "s3:DeleteObjectVersion", "message": "Access Denied because object protected"}
    with faults(locked):
        seen = probe_bucket(rig.cloud, NAME, STEM, fix=False)
    assert seen.text.startswith("versioned, honours conditional writes; the probe livekit-deploy/livekit/uat/probe/")
    assert "stays there: s3:DeleteObject: Access Denied because object protected" in seen.text
    assert len(boto3.client("s3").list_object_versions(Bucket=NAME)["Versions"]) == ROUNDS


@pytest.fixture
def made(rig: AwsRig, tmp_path: Any) -> Iterator[Deployer]:
    from livekit_deploy.base.clock import Clock
    from tests.faults.test_runs import ENVIRONMENT

    path = tmp_path / "dev.yaml"
    path.write_text(ENVIRONMENT)
    env = load_environment(path, environ={})
    with Deployer(env, resources=[Base().vpc()], clients=rig.new_clients(), clock=Clock()) as deployer:
        yield deployer


def test_the_first_run_of_an_environment_proves_the_store_and_refuses_one_that_does_not_hold(
    rig: AwsRig, made: Deployer
) -> None:
    deaf = _deaf_to("IfMatch")
    made.cloud.clients("s3").meta.events.register("provide-client-params.s3.PutObject", deaf)
    with pytest.raises(StateError, match="does not honour conditional writes"):
        made.up()
    assert made.store.get() is None
    made.cloud.clients("s3").meta.events.unregister("provide-client-params.s3.PutObject", deaf)
    made.up()
    rig.calls()
    made.up()
    assert set(rig.calls()) == {"PutObject"}, "the lease, taken and given up: it is proven once"


# ---- the history in it


def _store(rig: AwsRig, kms_key: str | None = None) -> S3Store:
    ensure_bucket(rig.cloud, NAME, kms_key)
    return S3Store(rig.cloud.s3, NAME, f"{STEM}.json", owner=ACCOUNT, kms_key=kms_key)


@pytest.fixture
def puts(rig: AwsRig) -> list[dict[str, Any]]:
    """What every PUT of an object was given."""
    found: list[dict[str, Any]] = []
    rig.clients("s3").meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: found.append(dict(params))
    )
    return found


def test_every_put_of_an_object_has_a_condition(rig: AwsRig, puts: list[dict[str, Any]]) -> None:
    """A bucket's policy may admit no others (S3 user guide, "Enforce conditional writes on Amazon S3 buckets")."""
    store = _store(rig)
    store.put(b"two", store.put(b"one", None))
    for body in (b"a", b"a", b"b"):
        store.archive("1.json", body)
    probe_bucket(rig.cloud, NAME, STEM, fix=False)
    assert [params for params in puts if not {"IfMatch", "IfNoneMatch"} & params.keys()] == []
    assert len(boto3.client("s3").list_object_versions(Bucket=NAME, Prefix=f"{STEM}/history/")["Versions"]) == 2


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_a_copy_that_s3_asks_to_try_again_is_kept(rig: AwsRig, code: str) -> None:
    store = _store(rig)
    again = {"fault": "not-found", "call": "s3:PutObject", "code": code}
    with faults({**again, "times": 3}):
        store.archive("1.json", b"a")
    assert store.version("1") == b"a"
    with faults(again), pytest.raises(StateError, match="keeps asking to try again"):
        store.archive("2.json", b"a")


def test_delete_markers_and_other_documents_hide_no_version(rig: AwsRig, monkeypatch: pytest.MonkeyPatch) -> None:
    store, s3 = _store(rig), boto3.client("s3")
    for body in (b"one", b"two", b"three"):
        found = store.get()
        store.put(body, found.etag if found else None)
    for _ in range(12):
        s3.delete_object(Bucket=NAME, Key=store.key)
    s3.put_object(Bucket=NAME, Key=f"{store.key}.bak", Body=b"not ours")
    assert [store.version(one.id) for one in store.versions(2)] == [b"three", b"two"]
    monkeypatch.setattr(store, "_s3", _Small(rig.cloud.s3))
    assert [store.version(one.id) for one in store.versions(3)] == [b"three", b"two", b"one"]


class _Small:
    """S3 whose lists come in pages of two."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def list_object_versions(self, **parameters: Any) -> Any:
        return self._s3.list_object_versions(**parameters, MaxKeys=2)


def test_everything_that_is_written_is_encrypted_with_the_key_that_is_given(
    rig: AwsRig, puts: list[dict[str, Any]]
) -> None:
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    store = _store(rig, key)
    store.put(b"two", store.put(b"one", None))
    store.archive("1.json", b"a")
    probe_bucket(rig.cloud, NAME, STEM, key, fix=False)
    assert {(params["ServerSideEncryption"], params["SSEKMSKeyId"]) for params in puts} == {("aws:kms", key)}
    (rule,) = told()["get_bucket_encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}


def test_the_key_of_the_state_is_in_the_printed_policy(tmp_path: Any) -> None:
    from tests.faults.test_runs import ENVIRONMENT

    key = "arn:aws:kms:us-east-1:123456789012:key/0123abcd-45ef-6789-abcd-0123456789ab"
    path = tmp_path / "dev.yaml"
    path.write_text(f"{ENVIRONMENT}\nstate: {{kms_key: '{key}'}}\n")
    document = permissions.policy(load_environment(path, environ={}), account=ACCOUNT)
    (said,) = [one for one in document["Statement"] if one["Sid"] == "StateKey"]
    assert (said["Action"], said["Resource"]) == (["kms:GenerateDataKey", "kms:Decrypt"], [key])


# ---- who makes nothing


def test_reads_and_down_make_neither_a_bucket_nor_a_document(rig: AwsRig, made: Deployer) -> None:
    def looked() -> None:
        made.status()
        assert made.plan(destroy=True).changes == ()
        made.plan()
        made.outputs()
        assert made.upkeep.history() == []
        report = made.down()
        assert (report.command, report.deleted, report.leftovers) == ("down", [], [])
        made.down(made.plan(destroy=True))

    looked()
    s3 = boto3.client("s3")
    assert s3.list_buckets()["Buckets"] == []
    ensure_bucket(rig.cloud, NAME)
    before = told()
    looked()
    assert told() == before
    assert "Versions" not in s3.list_object_versions(Bucket=NAME)


# ---- what S3 says when it refuses


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (
            "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: kms:GenerateDataKey on resource: x",
            "allow the action kms:GenerateDataKey to arn:aws:iam::123456789012:user/ada",
        ),
        (
            "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: s3:ListBucket on resource: x with "
            "an explicit deny in a resource-based policy",
            "a resource-based policy forbids s3:ListBucket",
        ),
        ("Access Denied", f"allow s3:ListBucket, s3:GetObject and s3:PutObject on {NAME}"),
    ],
)
@pytest.mark.parametrize("call", ["s3:ListObjectsV2", "s3:PutObject", "s3:GetObject"])
def test_what_s3_names_is_what_the_hint_says(rig: AwsRig, made: Deployer, call: str, said: str, hint: str) -> None:
    ensure_bucket(rig.cloud, NAME)
    with faults({"fault": "denied", "call": call, "message": said}), pytest.raises(Denied) as refused:
        made.up()
    assert said in str(refused.value)
    assert refused.value.hint.startswith(hint)
    assert ("belongs to another account" in str(refused.value)) is (said == "Access Denied")


@pytest.mark.parametrize("code", ["AuthorizationHeaderMalformed", "RequestTimeTooSkewed", "IllegalLocationConstraint"])
def test_a_look_that_is_refused_has_the_code_and_the_words_of_s3(rig: AwsRig, code: str) -> None:
    refusal = {"fault": "not-found", "call": "s3:ListObjectsV2", "code": code, "message": "the region is wrong"}
    with faults(refusal), pytest.raises(Exception, match="the region is wrong") as refused:
        ensure_bucket(rig.cloud, NAME)
    assert code in str(refused.value)
    assert "another account" not in str(refused.value)


def test_a_redirect_without_end_is_told(rig: AwsRig) -> None:
    def redirected(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 307, {"location": request.url}, _Nothing())

    rig.clients("s3").meta.events.register("before-send.s3", redirected)
    with pytest.raises(
        Unavailable, match="s3:ListObjectsV2: every answer redirects to the same address again"
    ) as refused:
        ensure_bucket(rig.cloud, NAME)
    assert "AWS_ENDPOINT_URL" in refused.value.hint


class _Nothing:
    def read(self, *_: object) -> bytes:
        return b""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield b""
