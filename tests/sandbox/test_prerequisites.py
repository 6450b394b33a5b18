"""What `up` needs is looked at before it begins: each lack fails its check with a remedy, and nothing changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy import Deployer, load_environment, permissions
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.state_bucket.bucket import ensure_bucket
from livekit_deploy.aws.state_bucket.races import ROUNDS, WRITERS
from livekit_deploy.checks.finding import Finding, Verdict, failed
from livekit_deploy.checks.prerequisites.table import CHECKS
from livekit_deploy.cli.rehearsal import stand_ins
from livekit_deploy.config import Environment
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.errors import Interrupted, WrongAccount
from livekit_deploy.events import Event, Notice
from tests.sandbox.standing import certificate
from tests.sandbox.workspace import ACCOUNT, REGION, STATE_BUCKET, Workspace

ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"


class Before:
    """An environment before its `up`."""

    def __init__(self, here: Workspace) -> None:
        self.here = here
        self._charts = {
            **stand_ins(here.sandbox, [CONTROLLER]),
        }

    def env(self, **overrides: Any) -> Environment:
        path = self.here.folder / "manifests" / "environments" / "uat.yaml"
        given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in overrides.items()}
        return load_environment(path, overrides={**self._charts, **given}, environ={})

    def clients(self, **more: Any) -> Clients:
        sandbox = self.here.sandbox
        keys = {"access_key": sandbox.access_key, "secret_key": sandbox.secret_key}
        return Clients(REGION, endpoint_url=sandbox.endpoint_url, **{**keys, **more})

    def look(self, clients: Clients | None = None, *, fix: bool = False, **overrides: Any) -> list[Finding]:
        env = self.env(**overrides)
        return Deployer(env, clients=clients or _clients(self), reach=self.here.reach).prerequisites(fix=fix)

    def only(self, check: str, clients: Clients | None = None, **overrides: Any) -> Finding:
        """The one check that fails."""
        wrong = failed(self.look(clients, **overrides))
        assert [one.check for one in wrong] == [check]
        assert wrong[0].remedy
        return wrong[0]


_made: dict[str, Clients] = {}


def _clients(before: Before) -> Clients:
    """Made once for a sandbox: reading the service models takes longer than the calls."""
    return _made.setdefault(before.here.sandbox.endpoint_url, before.clients())


@pytest.fixture
def before(here: Workspace, tools_at_hand: None) -> Before:
    return Before(here)


@pytest.fixture
def tools_at_hand() -> None:
    """Helm is in the cache, as `up` leaves it."""
    from livekit_deploy.k8s.helm import install

    install.helm()


def test_nothing_lacks_and_nothing_changes(before: Before) -> None:
    here = before.here
    ensure_bucket(Cloud(before.clients(), OwnershipTags("livekit", "uat")), STATE_BUCKET)
    kept, calls = here.inventory(), len(here.calls())
    found = before.look()
    assert [one.check for one in found] == [check.name for check in CHECKS]
    assert {one.verdict for one in found} == {Verdict.OK}, failed(found)
    seen = {one.check: one.seen for one in found}
    assert seen["vCPUs"].startswith("20 needed, ")
    assert seen["API endpoint"] == "lets 203.0.113.254 in"
    assert seen["state bucket"].endswith("versioned, honours conditional writes")
    assert here.inventory() == kept
    probes = [call for call in here.calls()[calls:] if call["mutating"]]
    assert {call["service"] for call in probes} == {"s3"}
    assert len(probes) == ROUNDS * WRITERS + ROUNDS  # races that one writer wins each, and what they wrote taken back
    assert "Versions" not in here.client("s3").list_object_versions(Bucket=STATE_BUCKET)


#: each check that fails and what it sees, when all of this is configured and spoiled at once
LACKS = {
    "VPCs": "1 needed, 0 left: 5 of 5 are used",
    "vCPUs": "720 needed, 640 left: 0 of 640 are used",
    "instance types": "c9x.large is not offered in us-east-1a",
    "add-ons": "EKS has no add-on aws-ebs-csi-drivr for Kubernetes 1.36",
    "admins": "IAM has no role nobody",
    "Redis": "ElastiCache does not offer cache.x9.large in us-east-1",
    "hosted zone": "example.com is delegated to ns.elsewhere.net",
    "API endpoint": "this machine has the public address 203.0.113.254, which cluster.public_cidrs does not include",
    "charts": "http://127.0.0.1:9/index.yaml cannot be fetched: ",
}
ASKED: dict[str, Any] = {
    "cluster.addons": {"aws-ebs-csi-drivr": {}},
    "cluster.admins": ["arn:aws:iam::123456789012:role/nobody"],
    "nodes.media.desired": "90",
    "nodes.media.max": "100",
    "nodes.system.instance_types": ["c9x.large"],
    "redis.node_type": "cache.x9.large",
    "cluster.public_cidrs": ["198.51.100.0/24"],
    "load_balancer_controller.repo": "http://127.0.0.1:9",
    "load_balancer_controller.digest": "a" * 64,
}


def test_each_lack_fails_its_check(before: Before) -> None:
    _fill(before.here)
    _point_elsewhere(before.here)
    wrong = failed(before.look(**ASKED))
    assert [one.check for one in wrong] == list(LACKS)
    for one in wrong:
        assert one.seen.startswith(LACKS[one.check])
        assert one.remedy


def _fill(here: Workspace) -> None:
    """Four VPCs beside the default one."""
    for number in range(4):
        here.client("ec2").create_vpc(CidrBlock=f"10.{number}.0.0/16")


def _point_elsewhere(here: Workspace) -> None:
    route53 = here.client("route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    record = {"Name": "example.com", "Type": "NS", "TTL": 60, "ResourceRecords": [{"Value": "ns.elsewhere.net"}]}
    changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def test_a_parameter_that_redis_does_not_have(before: Before) -> None:
    asked: dict[str, Any] = {"redis.parameters": {"time-out": "300"}}
    found = before.only("Redis", **asked)
    assert found.seen == "ElastiCache has no parameter time-out in valkey8"
    assert found.remedy == "did you mean 'timeout'?"


def test_a_certificate_of_ones_own_that_ends_soon(before: Before) -> None:
    pem = certificate("*.uat.example.com", days=5)
    arn = before.here.client("acm").import_certificate(**pem)["CertificateArn"]
    assert before.only("certificate", **{"livekit.certificate": arn}).seen.endswith(f"ends {_day(5)}")


def _day(ahead: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=ahead):%Y-%m-%d}"


def test_a_role_that_may_not_make_clusters_and_may_not_read_prices(before: Before) -> None:
    document = permissions.policy(before.env(), account=ACCOUNT)
    lacking = {"eks:CreateCluster", "pricing:GetProducts"}  # `up` can do without the second
    assert lacking <= set(permissions.actions(document))
    for statement in document["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action not in lacking]
    document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    iam = before.here.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="deploy", PolicyName="own", PolicyDocument=json.dumps(document))
    sts = before.here.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
    clients = before.clients(access_key=sts["AccessKeyId"], secret_key=sts["SecretAccessKey"])
    wrong = before.only("rights", clients)
    assert wrong.seen == "1 actions are refused: eks:CreateCluster"
    assert "livekit-deploy iam-policy --env uat" in wrong.remedy


def test_the_wrong_account_ends_all_that_asks_aws(before: Before) -> None:
    found = before.look(account_id="999999999999")
    (wrong,) = failed(found)
    with pytest.raises(WrongAccount) as refused:
        Deployer(before.env(account_id="999999999999"), clients=_clients(before)).plan()
    assert (wrong.check, wrong.seen, wrong.remedy) == ("identity", refused.value.message, refused.value.hint)
    assert {one.check for one in found if one.verdict is Verdict.OK} == {"helm", "charts"}


def test_a_session_that_ends_before_up_does(before: Before, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = before.here.sandbox
    end = datetime.now(UTC) + timedelta(minutes=10, seconds=20)
    for name, value in {
        "AWS_ACCESS_KEY_ID": sandbox.access_key,
        "AWS_SECRET_ACCESS_KEY": sandbox.secret_key,
        "AWS_SESSION_TOKEN": "token",
        "AWS_CREDENTIAL_EXPIRATION": end.isoformat().replace("+00:00", "Z"),
    }.items():
        monkeypatch.setenv(name, value)
    clients = Clients(REGION, endpoint_url=sandbox.endpoint_url)
    wrong = before.only("session", clients)
    assert wrong.seen.startswith("a session that ends in 10 min; up takes about 1")

    said = list[str]()

    def hear(event: Event) -> None:
        if isinstance(event, Notice):
            said.append(event.message)
            deployer.cancel()

    deployer = Deployer(before.env(), clients=clients, reach=before.here.reach, on_event=hear)
    with pytest.raises(Interrupted):
        deployer.up()
    assert said[0].startswith("a session that ends in 10 min: this takes about 1")
    assert before.here.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"] == []


def test_helm_is_installed_only_with_fix(before: Before, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert before.only("helm").seen == "helm is missing"
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_bucket_gets_its_versioning_with_fix_and_nothing_else(before: Before) -> None:
    s3 = before.here.client("s3")
    here: dict[str, Any] = {"state.bucket": "acme-state"}
    s3.create_bucket(Bucket="acme-state")
    assert before.only("state bucket", **here).seen == "the bucket acme-state is not versioned"
    calls = len(before.here.calls())
    assert failed(before.look(fix=True, **here)) == []
    assert s3.get_bucket_versioning(Bucket="acme-state")["Status"] == "Enabled"
    changes = [call["operation"] for call in before.here.calls()[calls:] if call["mutating"]]
    assert [one for one in changes if "/probe/" not in one] == ["PUT /acme-state"]
    (said,) = [one for one in before.look(fix=True, **here) if one.check == "state bucket"]
    assert said.verdict is Verdict.WARNING
    assert said.seen == (
        "acme-state: versioned, honours conditional writes, but no policy denies plain HTTP, "
        "no lifecycle rule deletes old versions"
    )


def test_a_store_that_ignores_conditions(before: Before) -> None:
    def deaf(client: Any) -> None:
        client.meta.events.register("provide-client-params.s3.PutObject", lambda params, **_: _without(params))

    def _without(params: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in params.items() if key != "IfNoneMatch"}

    before.here.client("s3").create_bucket(Bucket=STATE_BUCKET)
    before.here.client("s3").put_bucket_versioning(Bucket=STATE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    wrong = before.only("state bucket", before.clients(instrument=deaf))
    assert "does not honour conditional writes" in wrong.seen
