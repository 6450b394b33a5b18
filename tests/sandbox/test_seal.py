"""Who may ask the sandbox for what: nobody without its key, under another name, or for what no environment needs."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.backends import list_of_moto_modules
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from livekit_deploy.sandbox.server import Sandbox
from livekit_deploy.sandbox.serving.seal import SERVED, Seal, served
from tests.sandbox.workspace import ACCOUNT, REGION, Workspace
from tests.service_authorization import SERVICES, named

#: read-only calls without parameters, one of each way in which AWS is asked
CALLS = (
    *(("ec2", "describe_vpcs"), ("iam", "list_users"), ("sts", "get_caller_identity"), ("s3", "list_buckets")),
    *(
        ("eks", "list_clusters"),
        ("kms", "list_keys"),
        ("route53", "list_hosted_zones"),
        ("elbv2", "describe_listeners"),
    ),
)
FORMER = f"AKIA{ACCOUNT}"
_BODY = b"Action=GetCallerIdentity&Version=2011-06-15"


def _client(sandbox: Sandbox, service: str, key: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=sandbox.endpoint_url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


def _asked(sandbox: Sandbox, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
    """What a page in a browser could send."""
    link = http.client.HTTPConnection(urlsplit(sandbox.endpoint_url).netloc, timeout=20)
    try:
        link.request("GET" if body is None else "POST", path, body, headers)
        said = link.getresponse()
        return said.status, said.read()
    finally:
        link.close()


def _signed(key: str, service: str) -> dict[str, str]:
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20261130/{REGION}/{service}/aws4_request, Signature=0"}


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_aws_answers_nobody_without_the_key(here: Workspace, service: str, operation: str) -> None:
    for key in (FORMER, f"AKIA{'0' * 32}{ACCOUNT}", f"ASIA{ACCOUNT}", "AKIAIOSFODNN7EXAMPLE"):
        with pytest.raises(ClientError) as refused:
            getattr(_client(here.sandbox, service, key), operation)()
        assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert here.calls() == []
    if service != "elbv2":  # it needs a parameter
        getattr(_client(here.sandbox, service, here.sandbox.access_key), operation)()


def test_keys_that_were_made_in_it_are_good(here: Workspace) -> None:
    iam = here.client("iam")
    iam.create_user(UserName="ada")
    user = iam.create_access_key(UserName="ada")["AccessKey"]["AccessKeyId"]
    assert _client(here.sandbox, "sts", user).get_caller_identity()["Arn"].endswith(":user/ada")
    here.reset()
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        _client(here.sandbox, "sts", user).get_caller_identity()


@pytest.mark.parametrize("what", ["calls", "rights", "faults", "prepare", "status", "stop", "reset", "anything"])
def test_the_sandbox_itself_answers_nobody_without_the_key(here: Workspace, what: str) -> None:
    for body in (None, b"{}"):
        for headers in ({}, {"X-Sandbox-Key": ""}, {"X-Sandbox-Key": "0" * 32}, _signed(here.sandbox.access_key, "s3")):
            assert _asked(here.sandbox, f"/sandbox/{what}", body, headers)[0] == 403
    assert here.run("sandbox", "status").code == 0


def test_moto_itself_answers_nobody(here: Workspace) -> None:
    here.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")
    for path in ("/moto-api/", "/moto-api/reset", "/moto-api/data.json", "/latest/meta-data/iam/", "/favicon.ico"):
        for headers in ({}, _signed(FORMER, "s3")):
            assert _asked(here.sandbox, path, b"", headers)[0] == 403
        assert _asked(here.sandbox, path, b"", _signed(here.sandbox.access_key, "s3"))[0] == 404
    assert "10.9.0.0/16" in {one["CidrBlock"] for one in here.client("ec2").describe_vpcs()["Vpcs"]}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.nip.io:{port}", ""]
)
def test_a_name_that_leads_here_is_refused(here: Workspace, host: str) -> None:
    sandbox, port = here.sandbox, urlsplit(here.sandbox.endpoint_url).port
    given = {"Host": host.format(port=port), "Content-Type": "application/x-www-form-urlencoded"}
    key = {"X-Sandbox-Key": sandbox.key}
    assert _asked(sandbox, "/", _BODY, {**given, **_signed(sandbox.access_key, "sts")})[0] == 421
    assert _asked(sandbox, "/sandbox/status", None, {**given, **key})[0] == 421
    assert _asked(sandbox, "/sandbox/charts/index.yaml", None, given)[0] == 421
    for own in (f"127.0.0.1:{port}", f"localhost:{port}"):
        assert _asked(sandbox, "/sandbox/status", None, {**given, **key, "Host": own})[0] == 200


def test_a_cluster_takes_no_token_without_the_key_and_no_other_name(here: Workspace) -> None:
    here.run("up", "--env", "dev", "--sandbox", "--yes", "--target", "eks.cluster/main")
    found = here.client("eks").describe_cluster(name=here.client("eks").list_clusters()["clusters"][0])["cluster"]
    good = json.loads(here.run("token", "--env", "dev", "--sandbox").out)["status"]["token"]
    who = {"clusterName": found["name"], "principalArn": here.client("sts").get_caller_identity()["Arn"]}
    here.client("eks").create_access_entry(**who)
    admin = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    here.client("eks").associate_access_policy(**who, policyArn=admin, accessScope={"type": "cluster"})
    forged = _token(FORMER, found["name"])
    where = urlsplit(found["endpoint"]).netloc
    assert _of_cluster(where, good, where) == 200
    assert _of_cluster(where, good, f"localhost:{where.rpartition(':')[2]}") == 200
    assert _of_cluster(where, good, "evil.example") == 421
    assert _of_cluster(where, forged, where) == 401
    assert _of_cluster(where, _token(here.sandbox.access_key, found["name"]), where) == 200


def _token(key: str, cluster: str) -> str:
    from livekit_deploy.aws.access.clients import Clients
    from livekit_deploy.aws.access.cloud import Cloud
    from livekit_deploy.aws.access.tags import OwnershipTags

    return Cloud(Clients(REGION, access_key=key, secret_key="any"), OwnershipTags("livekit", "dev")).eks_token(cluster)


def _of_cluster(where: str, token: str, host: str) -> int:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    link = http.client.HTTPSConnection(where, timeout=20, context=context)
    try:
        link.request("GET", "/api/v1/namespaces", headers={"Authorization": f"Bearer {token}", "Host": host})
        return link.getresponse().status
    finally:
        link.close()


def test_what_is_served_is_what_the_product_calls() -> None:
    """Read from the product's files: by the name that a signature has, as the sandbox finds a service."""
    assert {service for service, _, _ in named()} == SERVICES.keys()
    models, finder = botocore.session.get_session(), DomainDispatcherApplication(served)
    signed = {models.get_service_model(service).signing_name for service in SERVICES}
    found = {finder.get_backend_for_host(f"{name}.{REGION}.amazonaws.com") or name for name in signed}
    assert found == SERVED - {"guardduty", "ssm"}


@pytest.mark.parametrize("service", sorted(set(list_of_moto_modules()) - SERVED))
def test_no_other_service_is_served(service: str) -> None:
    assert [*served(service).url_map.iter_rules()] == []


@pytest.mark.parametrize("service", ["batch", "lambda", "ecs", "codebuild", "ecr", "cloudformation"])
def test_a_service_that_is_not_served_is_no_page(here: Workspace, service: str) -> None:
    for path in ("/", f"/{service}_{REGION}/", "/2015-03-31/functions/", "/v1/createcomputeenvironment"):
        for body in (None, b"{}"):
            assert _asked(here.sandbox, path, body, _signed(here.sandbox.access_key, service))[0] == 404


def test_no_container_is_ever_started(tmp_path: Path) -> None:
    said = "import sys; from pathlib import Path; from livekit_deploy.sandbox.process import Process\n"
    said += "from moto.core.config import default_user_config as found; Process(Path(sys.argv[1]), 1.0)\n"
    said += "print(sorted(name for name, one in found.items() if one.get('use_docker')))"
    done = subprocess.run([sys.executable, "-c", said, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_each_sandbox_draws_a_key_that_nothing_shows(here: Workspace) -> None:
    sandbox = here.sandbox
    assert len({Seal.drawn().key for _ in range(100)}) == 100
    assert sandbox.key not in repr(sandbox)
    said = here.run("sandbox", "status").said + here.run("sandbox", "status", "--json").said
    assert sandbox.key not in said
    run_file = here.folder / "state/local/sandbox/server.json"
    assert run_file.stat().st_mode & 0o777 == 0o600
