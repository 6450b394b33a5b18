"""The lease between real processes and over real HTTP: refused, lost and late answers, and stops at bad moments."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.state_bucket.bucket import ensure_bucket
from livekit_deploy.base.clock import utc_now
from livekit_deploy.errors import LockedError
from livekit_deploy.state.document import Holder, Phase, Record, State
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.session import Session
from livekit_deploy.state.store import S3Store
from tests.sandbox.interrupting import SHORT_LEASE, UP, Events, all_gone, begins, counted
from tests.sandbox.refusing import Proxy
from tests.sandbox.workspace import ACCOUNT, REGION, Workspace

THING = Record(Phase.CREATING, "a.thing", {"size": 1}, token="0" * 32)
KEY = "livekit-deploy/livekit/leased.json"
MARK = "NO_PROXY"  # of all that a run hands on, helm gets this too


class Way:
    """The state of one environment in the sandbox's S3, over a proxy with scripted faults."""

    def __init__(self, here: Workspace) -> None:
        self.faults: list[tuple[str, str]] = []
        self.proxy = Proxy(here.sandbox.endpoint_url, self._fault)
        self.straight = self._store(here, here.sandbox.endpoint_url)
        self.store = self._store(here, self.proxy.url)

    def _fault(self, method: str, path: str) -> str | None:
        if KEY in path and self.faults and self.faults[0][0] == method:
            return self.faults.pop(0)[1]
        return None

    @staticmethod
    def _store(here: Workspace, endpoint: str) -> S3Store:
        keys = (here.sandbox.access_key, here.sandbox.secret_key)
        clients = Clients(REGION, endpoint_url=endpoint, access_key=keys[0], secret_key=keys[1])
        cloud = Cloud(clients, OwnershipTags("livekit", "leased"))
        bucket = f"leased-{ACCOUNT}"
        return S3Store(cloud.s3, bucket, KEY, owner=ACCOUNT, prepare=lambda: ensure_bucket(cloud, bucket))


@pytest.fixture
def way(here: Workspace) -> Iterator[Way]:
    made = Way(here)
    with made.proxy.running():
        yield made


def acquire(store: S3Store, name: str) -> Session:
    holder = Holder(name, name, "laptop", 42, "up", utc_now(), 90.0)
    return Session.acquire(store, holder, lambda: State.new("livekit", "leased"), lock_timeout=0)


@pytest.mark.parametrize("times", [1, 3])
def test_what_s3_and_networks_do_is_no_false_alarm_and_no_stuck_lock(way: Way, times: int) -> None:
    acquire(way.store, "first").release()
    session = acquire(way.store, "ada")
    names = []
    for fault in ("409", "412", "500", "503", "reset", "lost", "500 after", "slow"):
        way.faults = [("PUT", fault)] * (1 if fault == "slow" else times)
        names.append(f"a.thing/{fault.replace(' ', '-')}")
        session.intend(names[-1], THING)
        assert way.faults == []
        with pytest.raises(LockedError, match="ada@laptop"):
            acquire(way.straight, "bob")
    way.faults = [("PUT", "lost")]
    session.release()
    found = lease_of(way.straight)
    assert found is not None
    assert sorted(found[0].records) == sorted(names)
    assert found[0].lease is None
    way.faults = [("GET", "503"), ("GET", "reset"), ("PUT", "lost")]
    acquire(way.store, "bob").release()


# ---- whole runs


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["eks.cluster/main", "helm.release/livekit"])
def test_a_run_that_is_stopped_past_its_lease_is_followed_by_another_and_changes_nothing_more(
    slow: Workspace, moment: str
) -> None:
    slow.edit("dev", **SHORT_LEASE)
    marks = {MARK: f"stopped-{os.getpid()}-{time.monotonic_ns()}"}
    first = slow.start(*UP, "--json", **marks)
    Events(first).until(begins(moment))
    os.kill(first.pid, signal.SIGSTOP)
    try:
        second = slow.run(*UP)
        assert "LiveKit answers" in second.out
        everything, calls = counted(slow), len(slow.calls())
    finally:
        os.kill(first.pid, signal.SIGCONT)
    done = slow.end(first)
    assert done.code in (5, 8), done.said
    assert slow.changes(calls) == []
    assert counted(slow) == everything
    all_gone(marks[MARK])
    assert slow.document("dev")["lease"] is None
    assert "No changes" in slow.run("plan", "--env", "dev", "--sandbox", "--detailed-exitcode").out


@pytest.mark.slow
def test_a_stop_within_the_lease_harms_nobody(slow: Workspace) -> None:
    slow.edit("dev", state={"lease_seconds": 900})  # longer than any machine needs for what happens meanwhile
    run = slow.start(*UP, "--json")
    Events(run).until(begins("eks.cluster/main"))
    os.kill(run.pid, signal.SIGSTOP)
    assert "has been changing this environment since" in slow.run(*UP, "--lock-timeout", "0", code=5).err
    os.kill(run.pid, signal.SIGCONT)
    assert slow.end(run).code == 0


@pytest.mark.slow
def test_unlock_shows_the_holder_and_the_holder_stops(slow: Workspace) -> None:
    slow.edit("dev", state={"lease_seconds": 900})
    run = slow.start(*UP, "--json")
    Events(run).until(begins("eks.cluster/main"))
    os.kill(run.pid, signal.SIGSTOP)  # it must not be done before the others have started
    asked = slow.run("state", "unlock", "--env", "dev", "--sandbox", code=3)
    assert f"process {run.pid}, up" in asked.err
    assert slow.document("dev")["lease"]["pid"] == run.pid
    slow.run("state", "unlock", "--env", "dev", "--sandbox", "--yes")
    os.kill(run.pid, signal.SIGCONT)
    done = slow.end(run)
    assert done.code in (5, 8), done.said
    assert "LiveKit answers" in slow.run(*UP).out
