"""What moto is spared changes nothing of its answers."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws
from moto.ec2.models import ec2_backends
from moto.ec2.models.core import TaggedEC2Resource

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.install import install
from tests.kill.helm import stand_in
from tests.kill.standing import stood_up
from tests.kill.world import world


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


def test_the_tags_of_all_that_an_up_makes_are_those_that_moto_searches_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with world(tmp_path) as here, stand_in():
        stood_up(here)
        (ec2,) = [backend for account in ec2_backends.values() for backend in account.values() if backend.tags]
        searched = {id: ec2.describe_tags({"resource-id": [id]}) for id in ec2.tags}
        taken = {id: TaggedEC2Resource.get_tags(SimpleNamespace(id=id, ec2_backend=ec2)) for id in ec2.tags}
    assert taken == searched
    assert len({tags[0]["resource_type"] for tags in taken.values() if tags}) > 5
