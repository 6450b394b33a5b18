"""S3: conditional writes that one writer wins, owners that are checked, a lifecycle that is kept."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError
from moto.s3.models import S3Backend

from tests.sandbox.corrections.harness import ProbedAws, probe, refused


def _bucket(world: ProbedAws) -> str:
    name = world.name("bucket")
    world.s3.create_bucket(Bucket=name)
    return name


def _race(world: ProbedAws, **condition: str) -> list[str]:
    """How two conditional writes of one object end when the moment between check and write is wide."""
    bucket = _bucket(world)
    if "IfMatch" in condition:
        condition = {"IfMatch": world.s3.put_object(Bucket=bucket, Key="state", Body=b"0")["ETag"]}
    both, turns, first = threading.Barrier(2), itertools.count(), threading.Event()
    write = S3Backend.put_object

    def slowly(*args: Any, **more: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):  # nobody else has passed the check
            both.wait(world.window)
        if next(turns):  # moto also breaks when two writes cross, which is another matter
            first.wait()
        return write(*args, **more)

    def put(body: bytes) -> str:
        try:
            world.s3.put_object(Bucket=bucket, Key="state", Body=body, **condition)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        finally:
            first.set()
        return "written"

    with mock.patch.object(S3Backend, "put_object", slowly), ThreadPoolExecutor(2) as pool:
        return sorted(pool.map(put, (b"1", b"2")))


@probe("S3")
def object_is_made_once(world: ProbedAws) -> None:
    """lets both of two writers win that put an object under If-None-Match at one time

    one, and PreconditionFailed for the other
    """
    assert _race(world, IfNoneMatch="*") == ["PreconditionFailed", "written"]


@probe("S3")
def object_is_replaced_once(world: ProbedAws) -> None:
    """lets both of two writers win that replace an object under If-Match at one time

    one, and PreconditionFailed for the other
    """
    assert _race(world, IfMatch="etag") == ["PreconditionFailed", "written"]


@probe("S3", fails="403")
def policy_that_denies_plain_http(world: ProbedAws) -> None:
    """denies everything under a policy that denies what comes without TLS

    lets in what comes over TLS
    """
    bucket = _bucket(world)
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    world.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    world.s3.put_object(Bucket=bucket, Key="state", Body=b"1")
    world.s3.head_object(Bucket=bucket, Key="state")


@probe("S3")
def lifecycle_keeps_newer_versions(world: ProbedAws) -> None:
    """drops NewerNoncurrentVersions from a lifecycle rule

    shows the rule as it was put
    """
    bucket = _bucket(world)
    rules = [
        {
            "ID": f"rule-{days}",
            "Status": "Enabled",
            "Filter": {"Prefix": f"{days}/"},
            "NoncurrentVersionExpiration": {"NoncurrentDays": days, "NewerNoncurrentVersions": days + 1},
        }
        for days in (30, 60)
    ]
    world.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    found = world.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [one["NoncurrentVersionExpiration"] for one in found] == [
        one["NoncurrentVersionExpiration"] for one in rules
    ]


@probe("S3")
def owner_is_checked(world: ProbedAws) -> None:
    """ignores ExpectedBucketOwner

    AccessDenied for a bucket of another account
    """
    bucket = _bucket(world)
    ours, other = {"ExpectedBucketOwner": "123456789012"}, {"ExpectedBucketOwner": "210987654321"}
    world.s3.put_object(Bucket=bucket, Key="state", Body=b"1", **ours)
    with refused("AccessDenied"):
        world.s3.put_object(Bucket=bucket, Key="state", Body=b"2", **other)
    with refused("AccessDenied"):
        world.s3.get_object(Bucket=bucket, Key="state", **other)
    with refused("AccessDenied"):
        world.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}, **other)
    with refused("403"):
        world.s3.head_bucket(Bucket=bucket, **other)


@probe("S3", fails="ServerSideEncryptionConfigurationNotFoundError")
def new_bucket_is_encrypted(world: ProbedAws) -> None:
    """has neither encryption nor a public access block on a new bucket

    both are on from the start
    """
    bucket = _bucket(world)
    found = world.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert found[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    blocks = world.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(blocks.values())


@probe("S3", fails="NoSuchTagSet")
def new_bucket_has_its_tags(world: ProbedAws) -> None:
    """drops the tags that a bucket is to be made with

    has them from the start, and they are not put on a bucket that is there already
    """
    bucket, mark = world.name("bucket"), {"Key": "born", "Value": "with it"}
    world.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"Tags": [mark]})
    assert world.s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [mark]
    there = _bucket(world)
    world.s3.create_bucket(Bucket=there, CreateBucketConfiguration={"Tags": [mark]})
    with refused("NoSuchTagSet"):
        world.s3.get_bucket_tagging(Bucket=there)
