"""The state bucket: born with our tags, finished by whoever finds it unfinished, and never changed afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from livekit_deploy.aws.access.cloud import Cloud, mutates
from livekit_deploy.aws.access.tags import PROJECT
from livekit_deploy.aws.state_bucket.bucket import UNFINISHED, ensure_bucket, probe_bucket
from livekit_deploy.aws.state_bucket.settings import SETTINGS, VERSIONING, Bucket
from livekit_deploy.deployer import Deployer
from livekit_deploy.errors import Denied, StateError, Unavailable
from tests.aws.rig import AwsRig
from tests.aws.state_bucket.buckets import NAME, STEM, told
from tests.faults.rig import faults

LACKING = tuple(one.lacking for one in SETTINGS)


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
