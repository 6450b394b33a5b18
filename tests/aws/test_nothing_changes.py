"""What stands in the way of `up` is told clearly, with its exit code, before a single mutating call.

The whole command line runs in this process against the sandbox's AWS; every call is counted as botocore sends it.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial, partialmethod
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest
import yaml
from botocore.awsrequest import AWSResponse

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import mutates
from livekit_deploy.cli import entry
from livekit_deploy.errors import Failed, ToolError
from livekit_deploy.k8s.helm.charts import fetched
from tests.aws.rig import REGION
from tests.places import ROOT

ACCOUNT, OTHER = "123456789012", "210987654321"
BUCKET = f"livekit-deploy-{ACCOUNT}-{REGION}"
SCHEMAS = json.loads((ROOT / "docs" / "json.schema.json").read_text(encoding="utf-8"))["outputs"]
Streams = pytest.CaptureFixture[str]


class Calls:
    """Every call that the product makes; ``hooks`` may answer in AWS's place."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.hooks: list[tuple[str, Callable[..., Any]]] = []

    def watch(self, client: Any) -> None:
        client.meta.events.register("before-call.*.*", lambda model, **_: self.made.append(model.name))
        for event, hook in self.hooks:
            client.meta.events.register_first(event, hook)

    @property
    def mutating(self) -> list[str]:
        return [name for name in self.made if mutates(name)]


@pytest.fixture
def calls(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    shutil.copytree(ROOT / "manifests" / "environments", tmp_path / "manifests" / "environments")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    boto3.client("route53", REGION).create_hosted_zone(Name="example.com", CallerReference="x")
    found = Calls()
    monkeypatch.setattr(Clients, "__init__", partialmethod(Clients.__init__, instrument=found.watch))
    return found


def up(*flags: str) -> int:
    return entry.run(["up", "--env", "dev", "--yes", *flags])


def test_a_typo_in_the_file(calls: Calls, tmp_path: Path, capsys: Streams) -> None:
    path = tmp_path / "manifests/environments/dev.yaml"
    lines = path.read_text().splitlines()
    number = next(number for number, line in enumerate(lines) if line.startswith("region:"))
    lines[number] = "regoin: us-east-1"
    path.write_text("\n".join(lines))
    assert up() == 3
    err = capsys.readouterr().err
    assert f"manifests/environments/dev.yaml:{number + 1}:1: unknown key 'regoin'" in err
    assert "did you mean 'region'?" in err
    assert calls.made == []


def test_a_wrong_account(calls: Calls, capsys: Streams) -> None:
    assert up("--set", f"account_id={OTHER}", "--set", "cluster.version=1.33") == 4
    err = capsys.readouterr().err
    assert "warning: cluster.version 1.33 is in paid extended support" in err
    assert f"the credentials are for account {ACCOUNT}, the environment is for {OTHER}" in err
    assert "AWS_PROFILE or --profile" in err
    assert calls.made == ["GetCallerIdentity"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<html><body>Log in to the network</body></html>", "the answer did not come from AWS"),
        ("<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>", "Account is missing"),
        (
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>me</Account></GetCallerIdentityResult>"
            "</GetCallerIdentityResponse>",
            "Account is not an account number",
        ),
        (
            f"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{ACCOUNT}</Account>"
            f"<Arn>arn:aws:iam::{OTHER}:user/x</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>",
            f"Arn is not a principal of account {ACCOUNT}",
        ),
    ],
)
def test_who_we_are_is_not_to_be_read(body: str, told: str, calls: Calls, capsys: Streams) -> None:
    def reply(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {}, _Raw(body.encode()))

    calls.hooks.append(("before-send.sts", reply))
    assert up() == 1
    err = capsys.readouterr().err
    assert "sts:GetCallerIdentity: " in err
    assert told in err
    assert "internal error" not in err
    assert set(calls.made) == {"GetCallerIdentity"}


def test_a_plan_above_the_limit_is_shown_everywhere_and_refused(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Streams
) -> None:
    summary = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    limit = ("--set", "guard.max_monthly_cost=100")
    assert entry.run(["plan", "--env", "dev", *limit, "--markdown", "plan.md", "--out", "plan.json"]) == 3
    said = capsys.readouterr()
    assert "+ eks.cluster/main" in said.out
    assert "guard.max_monthly_cost is 100, and with this plan dev costs about $" in said.err
    comment = (tmp_path / "plan.md").read_text()
    assert comment.startswith("### dev: refused: ")
    assert "> [!CAUTION]\n> guard.max\\_monthly\\_cost is 100, and with this plan dev costs about $" in comment
    assert "\n> - $73.00  eks.cluster/main: control plane\n" in comment
    assert comment in summary.read_text()
    assert not (tmp_path / "plan.json").exists(), "up would refuse it"

    assert entry.run(["plan", "--env", "dev", *limit, "--json"]) == 3
    said = capsys.readouterr()
    guard = json.loads(said.out)["cost"]["guard"]
    assert (guard["max_monthly_cost"], guard["verdict"]) == (100, "refused")
    assert guard["text"] in said.err

    assert up(*limit, "--json") == 3
    plan, error = map(json.loads, capsys.readouterr().out.splitlines())
    assert (plan["type"], error["type"], error["error"]) == ("plan", "error", "TooExpensive")
    for line in (plan, error):
        jsonschema.validate(line, SCHEMAS["run"])
    assert plan["cost"]["guard"] == guard
    assert calls.mutating == []


def test_a_limit_that_cannot_be_held_is_said_by_the_plan_and_by_up(
    calls: Calls, tmp_path: Path, capsys: Streams
) -> None:
    calls.hooks.append(("before-send.pricing", answer(403, "AccessDeniedException", "no")))
    limit = ("--set", "guard.max_monthly_cost=5000", "--set", 'nodes.media.instance_types=["c6id.large"]')
    warning = "guard.max_monthly_cost cannot be checked: there is no known price of 1 c6id.large (eks.node_group/media-"
    assert entry.run(["plan", "--env", "dev", *limit, "--markdown", "plan.md"]) == 0
    assert f"\nWarning: {warning}" in capsys.readouterr().out
    escaped = warning.replace("_", "\\_")
    assert f"> [!WARNING]\n> {escaped}" in (tmp_path / "plan.md").read_text()
    nowhere = ("--set", "load_balancer_controller.repo=http://127.0.0.1:9")
    assert up(*limit, *nowhere, "--json") == 1
    plan, error = map(json.loads, capsys.readouterr().out.splitlines())
    assert "http://127.0.0.1:9" in error["message"], "up goes on to what comes next"
    assert plan["cost"]["guard"]["verdict"] == "unheld"
    assert plan["cost"]["guard"]["text"].startswith(warning)
    assert calls.mutating == []


def test_no_credentials(calls: Calls, monkeypatch: pytest.MonkeyPatch, capsys: Streams) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert up() == 4
    err = capsys.readouterr().err
    assert "no usable AWS credentials: Unable to locate credentials" in err
    assert "--sandbox" in err
    assert calls.mutating == []


def test_a_profile_that_is_not_there(calls: Calls, capsys: Streams) -> None:
    assert up("--profile", "nobody") == 4
    err = capsys.readouterr().err
    assert "The config profile (nobody) could not be found" in err
    assert calls.made == []


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answer(status: int, code: str, message: str) -> Callable[..., AWSResponse]:
    """A hook that answers every request as S3 or STS would."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"

    def reply(request: Any, **_: Any) -> AWSResponse:
        body = "" if request.method == "HEAD" else error
        if "sts" in request.url:
            body = f"<ErrorResponse>{error}<RequestId>r-1</RequestId></ErrorResponse>"
        return AWSResponse(request.url, status, {"x-amz-request-id": "r-1"}, _Raw(body.encode()))

    return reply


def test_an_expired_session(calls: Calls, capsys: Streams) -> None:
    calls.hooks.append(("before-send.sts", answer(403, "ExpiredToken", "The security token is expired")))
    assert up() == 4
    err = capsys.readouterr().err
    assert "the AWS credentials are no longer valid" in err
    assert "The security token is expired" in err
    assert "log in again" in err
    assert calls.mutating == []


def test_no_access_to_the_state_bucket(calls: Calls, capsys: Streams) -> None:
    calls.hooks.append(("before-send.s3", answer(403, "AccessDenied", "Access Denied")))
    assert up() == 4
    err = capsys.readouterr().err
    assert f"the state bucket {BUCKET} cannot be used: access is denied, or it belongs to another account" in err
    assert f"allow s3:ListBucket, s3:GetObject and s3:PutObject on {BUCKET}" in err
    assert calls.mutating == []


def test_a_bucket_that_somebody_else_owns(calls: Calls, capsys: Streams) -> None:
    role = boto3.client("sts").assume_role(RoleArn=f"arn:aws:iam::{OTHER}:role/x", RoleSessionName="them")[
        "Credentials"
    ]
    keys = (role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"])
    theirs = boto3.Session(*keys, region_name=REGION).client("s3")
    theirs.create_bucket(Bucket="acme-state")
    assert up("--set", "state.bucket=acme-state") == 4
    err = capsys.readouterr().err
    assert "the state bucket acme-state cannot be used" in err
    assert "set another in state.bucket" in err
    assert calls.mutating == []
    assert theirs.list_objects_v2(Bucket="acme-state")["KeyCount"] == 0


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A chart repository with a chart that does not render: its address, and the chart's digest."""
    folder = tmp_path / "repository"
    folder.mkdir()
    files = {
        "Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": "aws-load-balancer-controller", "version": "9.9.9"}),
        "templates/all.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.not.there.name }}}\n",
    }
    with tarfile.open(folder / "chart.tgz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"aws-load-balancer-controller/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    digest = hashlib.sha256((folder / "chart.tgz").read_bytes()).hexdigest()
    entries = {"aws-load-balancer-controller": [{"version": "9.9.9", "digest": digest, "urls": ["chart.tgz"]}]}
    (folder / "index.yaml").write_text(json.dumps({"entries": entries}))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", digest
    server.shutdown()
    server.server_close()
    thread.join()


def _chart(repo: str, version: str, digest: str = "null") -> list[str]:
    at = "load_balancer_controller"
    given = {"repo": repo, "chart_version": version, "digest": digest}
    return [word for key, value in given.items() for word in ("--set", f"{at}.{key}={value}")]


def test_helm_is_missing_and_cannot_be_installed(
    calls: Calls, repository: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Streams
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert up(*_chart(repository[0], "9.9.9")) == 1
    err = capsys.readouterr().err
    assert "could not be installed" in err
    assert "install helm 3.19 or 4.x" in err
    assert "put it on PATH" in err
    assert calls.mutating == []
    assert not (tmp_path / "cache" / "livekit_deploy" / "helm").exists()


def test_a_chart_that_does_not_render(calls: Calls, repository: tuple[str, str], capsys: Streams) -> None:
    repo, digest = repository
    assert up(*_chart(repo, "9.9.9", digest)) == 1
    err = capsys.readouterr().err
    assert "aws-load-balancer-controller" in err
    assert "templates/all.yaml" in err
    assert calls.mutating == []


def test_a_program_is_told_of_it_before_the_lease_is_taken(calls: Calls, repository: tuple[str, str]) -> None:
    given = {
        f"load_balancer_controller.{key}": value for key, value in zip(("repo", "digest"), repository, strict=True)
    }
    env = load_environment(
        "manifests/environments/dev.yaml", overrides={**given, "load_balancer_controller.chart_version": "9.9.9"}
    )
    with Deployer(env) as deployer, pytest.raises(Failed, match=r"templates/all\.yaml"):
        deployer.up()
    assert calls.mutating == []


def test_a_chart_that_is_not_there_or_not_the_one_that_was_pinned(repository: tuple[str, str]) -> None:
    repo, digest = repository
    chart = "aws-load-balancer-controller"
    with pytest.raises(Failed, match=rf"has no chart {chart} 1\.0\.0") as absent:
        fetched(repo, chart, "1.0.0", None)
    assert absent.value.hint == "choose one of: 9.9.9"
    with pytest.raises(Failed, match=f"has the digest {digest}, not {'ab' * 32}"):
        fetched(repo, chart, "9.9.9", "ab" * 32)
    with pytest.raises(ToolError, match="cannot be fetched"):
        fetched("http://127.0.0.1:9", chart, "9.9.9", None)
