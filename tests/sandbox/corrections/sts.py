"""STS: who calls, and the presigned call that an EKS token is."""

from __future__ import annotations

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

from tests.sandbox.corrections.harness import REGION, ProbedAws, probe


@probe("STS")
def access_key_tells_its_account(world: ProbedAws) -> None:
    """takes every access key for the same account

    the account of the key: the digits at its end, here
    """
    for account in ("123456789012", "210987654321"):
        sts = boto3.client("sts", REGION, aws_access_key_id=f"AKIA{account}", aws_secret_access_key="x")
        assert sts.get_caller_identity()["Account"] == account


@probe("STS")
def caller_is_a_user(world: ProbedAws) -> None:
    """names a caller `user/moto` in every account, which IAM does not know

    the ARN of its user
    """
    arn = world.sts.get_caller_identity()["Arn"]
    assert arn == "arn:aws:iam::123456789012:user/sandbox"


@probe("STS")
def presigned_caller_identity(world: ProbedAws) -> None:
    """answers a presigned GetCallerIdentity over HTTP with a list of S3's buckets

    who signed it
    """
    url = world.sts.generate_presigned_url("get_caller_identity", HttpMethod="GET", ExpiresIn=60)
    path = "/" + url.partition("amazonaws.com/")[2]
    answer = Client(DomainDispatcherApplication(create_backend_app)).get(path, base_url="http://127.0.0.1:5000")
    assert answer.status_code == 200
    assert "<Account>123456789012</Account>" in answer.get_data(as_text=True)
