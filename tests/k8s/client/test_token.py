"""The token for a cluster, whatever the caller's AWS configuration says: EKS takes it, or it takes nobody's."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.partitions import partition_of
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.config.regions import REGIONS
from livekit_deploy.sandbox.bridge.tokens import access_key

KEY = "AKIAIOSFODNN7EXAMPLE"
#: what may be set in the environment of whoever runs it
SETTINGS = {
    "nothing": {},
    "legacy STS": {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"},
    "an STS of one's own": {"AWS_ENDPOINT_URL_STS": "https://vpce-1.sts.eu-central-1.vpce.amazonaws.com"},
    "an AWS of one's own": {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
    "FIPS": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "dual stack": {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "another region": {"AWS_DEFAULT_REGION": "us-west-2", "AWS_REGION": "us-west-2"},
}


def _token(region: str, endpoint_url: str | None = None) -> str:
    clients = Clients(region, access_key=KEY, secret_key="not-a-real-one", endpoint_url=endpoint_url)
    return Cloud(clients, OwnershipTags("livekit", "uat")).eks_token("livekit-uat-main")


def _url(token: str) -> str:
    text = token.removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


@pytest.mark.parametrize("setting", SETTINGS)
def test_eks_takes_it_in_every_region(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS[setting].items():
        monkeypatch.setenv(name, value)
    for region in sorted(REGIONS):
        token = _token(region)
        query = parse_qs(urlsplit(_url(token)).query)
        assert access_key(token, partition_of(region)) == KEY, (region, _url(token))
        assert query["X-Amz-Credential"][0].split("/")[2] == region
        assert (urlsplit(_url(token)).hostname or "").startswith(f"sts.{region}.")


def test_a_rehearsal_makes_the_same_token() -> None:
    here, there = _token("eu-central-1", "http://127.0.0.1:5000"), _token("eu-central-1")
    assert urlsplit(_url(here))[:3] == urlsplit(_url(there))[:3]


def test_it_names_the_cluster_by_a_signed_header() -> None:
    token = _token("eu-central-1")
    query = {key: values[0] for key, values in parse_qs(urlsplit(_url(token)).query).items()}
    assert token.startswith("k8s-aws-v1.")
    assert (query["Action"], query["X-Amz-Expires"]) == ("GetCallerIdentity", "60")
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("scheme", "https://", "http://"),
        ("host of another STS", "sts.eu-central-1.", "sts.eu-west-1."),
        ("global host", "sts.eu-central-1.amazonaws", "sts.amazonaws"),
        ("dual-stack host", "amazonaws.com", "api.aws"),
        ("host of one's own", "sts.eu-central-1.amazonaws.com", "127.0.0.1:5000"),
        ("path", "com/?", "com/x?"),
        ("action", "GetCallerIdentity", "GetSessionToken"),
        ("header", "%3Bx-k8s-aws-id", ""),
        ("expiry", "X-Amz-Expires=60", "X-Amz-Expires=901"),
        ("date", "X-Amz-Date=2", "X-Amz-Date=1"),
        ("one parameter more", "?Action", "?Debug=1&Action"),
        ("a parameter twice", "?Action", "?Version=2011-06-15&Action"),
    ],
)
def test_the_sandbox_refuses_what_eks_refuses(part: str, old: str, new: str) -> None:
    url = _url(_token("eu-central-1"))
    assert old in url, part
    bad = base64.urlsafe_b64encode(url.replace(old, new).encode()).decode().rstrip("=")
    assert access_key(f"k8s-aws-v1.{bad}", "aws") is None


def test_a_token_of_another_partition_is_none() -> None:
    token = _token("cn-north-1")
    assert access_key(token, "aws-cn") == KEY
    assert access_key(token, "aws") is None
    assert access_key("k8s-aws-v2." + urlencode({"a": 1}), "aws") is None
