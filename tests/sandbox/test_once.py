"""What moto is spared changes nothing of its answers."""

from __future__ import annotations

import math

import boto3
import pytest
from moto import mock_aws

from livekit_deploy.sandbox.aws.install import install
from livekit_deploy.sandbox.clock import SandboxClock


def test_one_version_of_an_object_is_deleted_be_it_a_marker_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    install(SandboxClock(math.inf))
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="versions")
        s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
        put = {"Bucket": "versions", "Key": "state"}
        first = s3.put_object(**put, Body=b"1")["VersionId"]
        marker = s3.delete_object(**put)["VersionId"]
        last = s3.put_object(**put, Body=b"2")["VersionId"]

        s3.delete_object(**put, VersionId=marker)
        s3.delete_object(**put, VersionId=first)

        left = s3.list_object_versions(Bucket="versions")
        assert [one["VersionId"] for one in left["Versions"]] == [last]
        assert "DeleteMarkers" not in left
        assert s3.get_object(**put)["Body"].read() == b"2"
