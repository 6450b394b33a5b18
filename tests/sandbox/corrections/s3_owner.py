"""S3: whose bucket it is."""

from __future__ import annotations

import boto3

from tests.sandbox.corrections.harness import ACCOUNT, REGION, World, probe, refused

_OTHER = "210987654321"


@probe("S3")
def bucket_of_another_owner_is_refused(world: World) -> None:
    """ignores `ExpectedBucketOwner`

    refuses to read or write a bucket that another account owns than is expected
    """
    name = world.name("theirs")
    role = world.sts.assume_role(RoleArn=f"arn:aws:iam::{_OTHER}:role/x", RoleSessionName="probe")["Credentials"]
    keys = (role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"])
    other = boto3.Session(*keys, region_name=REGION).client("s3")
    other.create_bucket(Bucket=name)
    with refused("AccessDenied"):
        world.s3.get_object(Bucket=name, Key="x", ExpectedBucketOwner=ACCOUNT)
    with refused("403"):
        world.s3.head_bucket(Bucket=name, ExpectedBucketOwner=ACCOUNT)
    with refused("AccessDenied"):
        world.s3.put_object(Bucket=name, Key="x", Body=b"", ExpectedBucketOwner=ACCOUNT)
    other.put_object(Bucket=name, Key="x", Body=b"", ExpectedBucketOwner=_OTHER)
