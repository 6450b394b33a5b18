"""Places of an environment with its state in S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.aws.rig import REGION, account
from tests.contract.upkeep.place import ACCOUNT, GATEWAY, SMALL, VPC, WHOLE, Place, environment


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
