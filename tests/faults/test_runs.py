"""What a user sees of a run that meets a fault: the error, its exit code, what is kept; and the next run goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.kinds.ec2.nat import ElasticIp
from livekit_deploy.checks.prerequisites import identity
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.costs.price_list import PriceList
from livekit_deploy.deployer import Deployer
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import CredentialsError, DeployError, Incomplete, StateGone
from livekit_deploy.events import Event
from livekit_deploy.render import failure
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.store import FileStore, S3Store
from tests.aws.rig import _boto
from tests.contract.cases import CASES
from tests.contract.kinds.case import ZONE, Base, closure
from tests.fakes import FakeClock
from tests.faults.rig import faults, world

ENVIRONMENT = """
preset: dev
region: us-east-1
livekit: {domain: livekit.dev.example.com}
"""
ME = "arn:aws:iam::123456789012:user/sandbox"


@pytest.fixture(autouse=True)
def _world() -> Iterator[None]:
    with world():
        yield


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    path = tmp_path / "dev.yaml"
    path.write_text(ENVIRONMENT)
    return load_environment(path, environ={})


def deployer(
    env: Environment, folder: Path, resources: list[Resource], on_event: Callable[[Event], None] = lambda event: None
) -> Deployer:
    clients = Clients(env.region, opened=_boto())
    store = FileStore(folder / "state.json", now=lambda: 1_000_000.0)
    return Deployer(env, resources=resources, store=store, clients=clients, clock=FakeClock(), on_event=on_event)


def node_group(base: Base | None = None) -> list[Resource]:
    base = base or Base()
    (case,) = [case for case in CASES if case.kind.kind == "eks.node_group"]
    return closure(case.make(base))


def shown(error: DeployError) -> str:
    return "\n".join(failure.lines(error))


def fails(made: Deployer, *given: dict[str, Any]) -> Incomplete:
    with faults(*given), pytest.raises(Incomplete) as caught:
        made.up()
    return caught.value


def converges(env: Environment, folder: Path, resources: list[Resource]) -> None:
    """The next command, with nothing wrong any more."""
    made = deployer(env, folder, resources)
    made.up()
    assert made.plan().changes == ()


def test_a_node_group_that_fails_says_why_what_is_likely_what_is_kept_and_what_next(
    env: Environment, tmp_path: Path
) -> None:
    made = deployer(env, tmp_path, node_group())
    error = fails(made, {"fault": "fails", "call": "eks:CreateNodegroup", "message": "i-0a1 failed to join"})
    said = shown(error)
    assert "✖ eks.node_group/media" in said.replace("[bold red]", "").replace("[/]", "")
    assert "i-0a1 failed to join" in said
    assert "  why     NodeCreationFailure" in said
    # the contract's subnets have no route table of their own
    assert "has no route to the Internet: route table rtb-" in said
    assert f"  kept    {len(made.status().records) - 1} resources are up and recorded" in said
    assert "  then    continue from what is recorded: livekit-deploy up --env dev" in said
    assert error.code == 8
    assert failure.as_json(error)["failed"]
    converges(env, tmp_path, node_group())


def test_what_is_said_to_be_run_next_gives_calls_the_same_time(env: Environment, tmp_path: Path) -> None:
    made = deployer(env, tmp_path, node_group())
    made.up()
    with faults({"fault": "denied", "call": "eks:DeleteNodegroup"}):
        for given, option in ((7200.0, " --max-drain 7200s"), (0.0, "")):
            with pytest.raises(Incomplete) as caught:
                made.down(max_drain=given)
            assert caught.value.hint.endswith(f"livekit-deploy down --env dev{option}")
    assert made.down().leftovers == []


def test_a_zone_without_capacity_names_the_ways_out(env: Environment, tmp_path: Path) -> None:
    fault = {"fault": "no-capacity", "call": "eks:CreateNodegroup", "where": {"zone": "us-east-1a"}}
    said = shown(fails(deployer(env, tmp_path, node_group()), fault))
    assert "AsgInstanceLaunchFailures" in said
    assert "no such instances left in a zone" in said
    assert "nodes.*.instance_types" in said
    converges(env, tmp_path, node_group())


def certificate() -> list[Resource]:
    (case,) = [case for case in CASES if case.kind.kind == "acm.issued"]
    return closure(case.make(Base()))


def test_a_certificate_that_acm_refuses_late_names_the_record_and_is_asked_for_anew(
    env: Environment, tmp_path: Path
) -> None:
    made = deployer(env, tmp_path, certificate())
    made.cloud.clients("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    error = fails(made, {"fault": "fails", "call": "acm:RequestCertificate"})
    said = shown(error)
    assert "acm.issued/x" in said
    assert "  why     CAA_ERROR" in said
    assert "a CAA record of the domain does not let Amazon issue certificates" in said
    converges(env, tmp_path, certificate())
    made = deployer(env, tmp_path, certificate())
    assert len(made.cloud.acm.list_certificates()["CertificateSummaryList"]) == 2


@pytest.mark.parametrize("action", ["acm:ListCertificates", "acm:ListTagsForCertificate", "ec2:DescribeRegions"])
def test_a_proof_stays_as_long_as_it_cannot_be_told_who_else_needs_it(
    action: str, env: Environment, tmp_path: Path
) -> None:
    made = deployer(env, tmp_path, certificate())
    made.cloud.clients("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
    made.up()
    with faults({"fault": "denied", "call": action}), pytest.raises(Incomplete) as caught:
        made.down()
    assert caught.value.code == 4
    assert f"allow the action {action}" in shown(caught.value)
    assert any(one.address.startswith("route53.record/") for one in made.status().records)
    assert made.down().leftovers == []


def test_a_quota_says_which_and_how_to_ask_for_more(env: Environment, tmp_path: Path) -> None:
    said = shown(fails(deployer(env, tmp_path, [Base().vpc()]), {"fault": "quota", "call": "ec2:CreateVpc"}))
    assert "the quota 'VPCs per Region' is reached" in said
    assert "request-service-quota-increase --service-code vpc --quota-code L-F678F1CE" in said
    converges(env, tmp_path, [Base().vpc()])


def test_a_denied_action_is_named_with_the_principal_and_exits_with_4(env: Environment, tmp_path: Path) -> None:
    error = fails(deployer(env, tmp_path, node_group()), {"fault": "denied", "call": "eks:CreateCluster"})
    assert error.code == 4
    assert f"allow the action eks:CreateCluster to {ME}" in shown(error)
    converges(env, tmp_path, node_group())


def test_a_principal_that_may_nothing_is_told_so_before_anything_is_made(env: Environment, tmp_path: Path) -> None:
    made = deployer(env, tmp_path, node_group())
    with faults({"fault": "denied", "call": "sts:GetCallerIdentity"}), pytest.raises(DeployError) as caught:
        made.up()
    assert caught.value.exit_code == 4
    assert not (tmp_path / "state.json").exists()


@pytest.mark.parametrize("after", [30, 45])
def test_credentials_that_expire_in_the_middle_exit_with_4_and_lose_nothing(
    after: int, env: Environment, tmp_path: Path
) -> None:
    made = deployer(env, tmp_path, node_group())
    error: DeployError
    with faults({"fault": "expired", "call": "*:*", "after": after}), pytest.raises(DeployError) as caught:
        made.up()
    error = caught.value
    assert (error.code if isinstance(error, Incomplete) else error.exit_code) == 4
    assert "log in again" in shown(error)
    if isinstance(error, Incomplete):
        assert all(isinstance(one, CredentialsError) for one in error.report.failed.values())  # type: ignore[attr-defined]
    known = made.lease()
    assert known is not None
    cloud = made.cloud.with_lineage(known[0].lineage)
    standing = {
        found.address
        for kind in {type(one) for one in made.resources if not one.host_kind}
        for found in kind.scan(cloud, None)
    }
    assert standing <= {one.address for one in made.status().records}, "what was made is recorded"
    converges(env, tmp_path, node_group())


def in_s3(env: Environment, tmp_path: Path) -> Deployer:
    """With the state in a bucket, as it is without a store of its own."""
    clients = Clients(env.region, opened=_boto())
    base = Base()
    return Deployer(env, resources=[base.vpc(), base.gateway(), base.role()], clients=clients, clock=FakeClock())


@pytest.mark.parametrize("after", range(9))
def test_credentials_that_expire_when_the_state_is_written_exit_with_4_and_the_next_run_goes_on(
    after: int, env: Environment, tmp_path: Path
) -> None:
    ended = _ends(in_s3(env, tmp_path), {"fault": "expired", "call": "s3:PutObject", "after": after})
    if ended is not None:
        said = shown(ended)
        assert ended.exit_code == 4
        assert "log in again" in said
        assert "run the same command again" in said
        assert "state restore" not in said
    again = in_s3(env, tmp_path)
    if (found := lease_of(again.store)) is not None and found[1] is not None:
        again.unlock(found[1])  # it ends by itself, after a while
    report = again.up()
    assert again.plan().changes == ()
    assert ended is not None or report.created == []
    assert again.down().leftovers == [], "one of each"


def _ends(made: Deployer, *given: dict[str, Any]) -> DeployError | None:
    try:
        with faults(*given):
            made.up()
    except DeployError as error:
        return error
    return None


def test_who_may_not_write_the_state_any_more_exits_with_4_and_has_a_rescue_copy(
    env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(identity, "LEAST_LEASE", 10)
    env = env.model_copy(update={"state": env.state.model_copy(update={"lease_seconds": 10})})
    in_s3(env, tmp_path).up()
    with faults({"fault": "denied", "call": "s3:PutObject", "after": 1}), pytest.raises(DeployError) as caught:
        in_s3(env, tmp_path).down()
    assert caught.value.exit_code == 4
    assert "a rescue copy of the state is in" in caught.value.message
    assert "allow the action s3:PutObject" in caught.value.hint
    assert "state restore" in caught.value.hint
    assert "is not authorized to perform" in caught.value.message, "AWS's own words"


def test_a_document_that_somebody_deletes_under_a_run_ends_it_and_comes_back_by_what_it_says(
    env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    in_s3(env, tmp_path).up()
    made = in_s3(env, tmp_path)
    store = made.store
    assert isinstance(store, S3Store)
    monkeypatch.setattr(Deployer, "_expect", lambda *_: store._s3.delete_object(Bucket=store.bucket, Key=store.key))
    with pytest.raises(StateGone) as caught:
        made.down(made.plan(destroy=True))
    said = shown(caught.value)
    assert "somebody deleted s3://" in said
    assert "when the store answers" not in said
    file = re.search(r"state restore --env dev (\S+errored-dev-\d+\.json)", said)
    version = re.search(r"state restore --env dev --version (\d+)", said)
    assert file is not None
    assert version is not None
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    upkeep = in_s3(env, tmp_path).upkeep
    upkeep.carry_out(upkeep.restore_version(version[1]), "state restore")
    upkeep.carry_out(upkeep.restore(Path(file[1])), "state restore")
    assert in_s3(env, tmp_path).down().leftovers == [], "one of each"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("denied", "the action pricing:GetProducts is denied"),
        ("throttling", "it did not answer (Throttling"),
        ("error-503", "it did not answer ("),
        ("reset-before", "it did not answer (ConnectionClosedError)"),
        ("hang", "it did not answer (ReadTimeoutError)"),
        ("expired", "the AWS credentials are no longer valid: pricing:GetProducts: "),
    ],
)
def test_a_price_list_that_cannot_be_read_stops_no_plan(tmp_path: Path, fault: str, why: str) -> None:
    path = tmp_path / "far.yaml"
    path.write_text("region: ap-southeast-2\nlivekit: {domain: livekit.example.com}\n")
    far = load_environment(path, environ={})
    made, again = (deployer(far, tmp_path, [ElasticIp("a")]) for _ in range(2))
    for one in (made, again):
        one._price_list = PriceList(one.cloud, patience=60)
    with faults({"fault": fault, "call": "pricing:GetProducts"}):
        made.up()
        cost = made.plan().cost
    assert cost is not None
    assert (cost.usd_month, len(cost.unpriced)) == (0, 1)
    assert cost.not_told.startswith(why)
    told = again.plan()
    assert told.changes == ()
    assert told.cost is not None
    assert told.cost.asked == ("public IPv4 address",)
