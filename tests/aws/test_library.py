"""As a library: Deployers beside each other in one process, each with its own events; nothing else notices them."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import FrozenInstanceError
from pathlib import Path

import boto3
import pytest

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.kinds.ec2.nat import ElasticIp
from livekit_deploy.errors import ConfigError, LostLease
from livekit_deploy.events import Done, Event
from livekit_deploy.state.limits import Limits
from livekit_deploy.state.store import FileStore
from tests.fakes import FakeClock

NAMES = ("east", "west")
_SECONDS = 60


def _deployer(folder: Path, name: str, heard: Callable[[Event], None]) -> Deployer:
    path = folder / f"{name}.yaml"
    path.write_text(f"region: us-east-1\nlivekit: {{domain: {name}.example.com}}\n")
    store = FileStore(folder / f"{name}.json", now=lambda: 1_000_000.0)
    env = load_environment(path, environ={})
    resources = [ElasticIp(letter) for letter in "abc"]
    return Deployer(env, resources=resources, store=store, clock=FakeClock(), on_event=heard)


def _owners() -> list[str]:
    addresses = boto3.client("ec2", region_name="us-east-1").describe_addresses()["Addresses"]
    return sorted(tag["Value"] for one in addresses for tag in one["Tags"] if tag["Key"] == "livekit-deploy:env")


def test_two_deployers_in_one_process_do_not_meet(aws: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    meeting = threading.Barrier(2)
    heard: dict[str, list[Event]] = {name: [] for name in NAMES}
    wrong: list[BaseException] = []
    before = (os.getcwd(), dict(os.environ), logging.root.level, [signal.getsignal(n) for n in signal.valid_signals()])

    def run(name: str, work: Callable[[Deployer], object]) -> None:
        try:
            with _deployer(tmp_path, name, heard[name].append) as deployer:
                meeting.wait(_SECONDS)
                work(deployer)
        except BaseException as error:
            wrong.append(error)
            raise

    def together(work: Callable[[Deployer], object]) -> None:
        threads = [threading.Thread(target=run, args=(name, work)) for name in NAMES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_SECONDS)
        assert wrong == []

    together(lambda deployer: deployer.up())
    assert _owners() == ["east"] * 3 + ["west"] * 3
    for name in NAMES:
        made = {event.address: event.id for event in heard[name] if isinstance(event, Done)}
        assert set(made) == {f"ec2.elastic_ip/{letter}" for letter in "abc"}
    ids = [{event.id for event in heard[name] if isinstance(event, Done)} for name in NAMES]
    assert not ids[0] & ids[1]

    together(lambda deployer: deployer.down())
    assert _owners() == []
    after = (os.getcwd(), dict(os.environ), logging.root.level, [signal.getsignal(n) for n in signal.valid_signals()])
    assert before == after
    assert capfd.readouterr() == ("", "")


def test_a_listener_that_raises_ends_no_run(aws: None, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise ZeroDivisionError(event.type)

    with _deployer(tmp_path, "east", broken) as deployer:
        assert len(deployer.up().created) == 3
        assert deployer.lease() is not None
        assert deployer.status().holder is None
    told = [one.message for one in caplog.records if "the listener failed" in one.message]
    assert told
    assert len(told) == len(set(told)), "of each type of event once"


@pytest.mark.parametrize("in_flight", [False, True])
def test_what_nobody_foresaw_frees_no_lease_with_calls_in_flight(
    aws: None, tmp_path: Path, in_flight: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends a run as an interrupt does: what is under way is waited for, and nothing further may leave."""

    calls: list[AbstractContextManager[None]] = []
    bound: list[RunContext] = []
    real = Cloud.under

    def under(cloud: Cloud, context: RunContext) -> Cloud:
        bound.append(context)
        return real(cloud, context)

    monkeypatch.setattr(Cloud, "under", under)

    def ends(event: Event) -> None:
        if isinstance(event, Done):
            if in_flight:
                calls.append(deployer.cloud.changing())
                calls[-1].__enter__()  # and does not come back
            sys.exit(70)

    with _deployer(tmp_path, "east", ends) as deployer, pytest.raises(SystemExit):
        deployer.up()
    found = deployer.lease()
    assert found is not None
    assert (found[0].lease is not None) is in_flight
    fence = next(one.fence for one in bound if one.fence is not None)
    with pytest.raises(LostLease, match="the run is ending"):
        fence(0.0)
    made = len(_owners())
    if not in_flight:
        with _deployer(tmp_path, "east", lambda event: None) as again:
            again.up()
        assert made <= len(_owners()) == 3


def test_what_bounds_one_run_bounds_no_other_with_the_same_clients(aws: None, tmp_path: Path) -> None:
    """An environment whose lease is longer must not give the calls of another one more time than its lease has."""
    path = tmp_path / "east.yaml"
    path.write_text("region: us-east-1\nlivekit: {domain: east.example.com}\n")
    given = Clients("us-east-1")
    made = {
        seconds: Deployer(
            load_environment(path, overrides={"state.lease_seconds": str(seconds)}, environ={}), clients=given
        )
        for seconds in (90, 900, 60)
    }
    for seconds, deployer in made.items():
        limits, clients = Limits(seconds), deployer.cloud.clients
        assert clients.call_bound == pytest.approx(limits.call)
        config = clients("ec2").meta.config
        assert config.read_timeout + config.connect_timeout <= limits.attempt
        assert clients.pacing is given.pacing, "the pace is the account's"
        assert clients.credentials().access_key == given.credentials().access_key
    assert given.call_bound == 40.0
    assert given("ec2").meta.config.read_timeout == 10.0


def _with_a_lease_of(seconds: int, folder: Path, clients: Clients) -> Deployer:
    path = folder / "east.yaml"
    path.write_text(
        "region: us-east-1\nlivekit: {domain: east.example.com}\n"
        f"state: {{path: '{folder}/east.json', lease_seconds: {seconds}}}\n"
    )
    return Deployer(load_environment(path, environ={}), resources=[ElasticIp("a")], clients=clients, clock=FakeClock())


def test_a_lease_for_rehearsals_is_refused_on_aws(aws: None, tmp_path: Path) -> None:
    short = _with_a_lease_of(59, tmp_path, Clients("us-east-1"))
    for ask in (short.plan, short.up, short.down, lambda: short.upkeep):
        with pytest.raises(ConfigError, match="on AWS a lease lasts at least 60 s") as refused:
            ask()
        assert refused.value.field == "state.lease_seconds"
        assert "--sandbox" in refused.value.hint
    assert "on AWS a lease lasts" in str([one.seen for one in short.prerequisites()])
    assert _owners() == []
    assert _with_a_lease_of(60, tmp_path, Clients("us-east-1")).plan().changes


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_rehearsal_may_have_a_short_one(host: str) -> None:
    given = Clients("us-east-1", endpoint_url=f"http://{host}:5000", access_key="a", secret_key="b")
    assert given.on_this_machine
    elsewhere = Clients("us-east-1", endpoint_url="http://127.0.0.1.example.com", access_key="a", secret_key="b")
    assert not elsewhere.on_this_machine


def test_what_a_run_is_bound_by_is_its_own_and_never_changes(aws: None) -> None:
    def lost(begun: float) -> None:
        raise LostLease("the lease has run out")

    cloud = Cloud(Clients("us-east-1"), OwnershipTags("livekit", "uat"))
    over = cloud.under(RunContext(fence=lost, command="down"))
    running = cloud.under(RunContext(max_drain=60, command="up"))
    with pytest.raises(LostLease):
        over.ec2.create_vpc(CidrBlock="10.0.0.0/16")
    with pytest.raises(LostLease), over.changing():
        raise AssertionError("it left")
    assert running.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["CidrBlock"] == "10.0.0.0/16"
    assert over.remembering().context is over.context
    assert over.shared("a client", object) is not running.shared("a client", object), "each has the fence of its run"
    assert (running.context.max_drain, over.context.max_drain, cloud.context.max_drain) == (60, None, None)
    assert cloud.context.fence is running.context.fence is None
    with pytest.raises(FrozenInstanceError):
        running.context.max_drain = 0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        running.context = RunContext()  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        running.clients.call_bound = 900.0  # type: ignore[misc]


def test_what_a_cloud_does_not_have_is_no_service(aws: None) -> None:
    cloud = Cloud(Clients("us-east-1"), OwnershipTags("livekit", "uat"))
    with pytest.raises(AttributeError, match="Cloud has no tags"):
        cloud.tags  # type: ignore[attr-defined]  # noqa: B018
    assert cloud.service_quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-0263D0A3")["Quota"]
