"""A key is removed once no call can hold a token that pods with earlier keys have signed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.kinds.secrets import API_KEYS, Secret
from livekit_deploy.base.clock import Clock
from livekit_deploy.engine.waits import Waits
from livekit_deploy.errors import OutOfTime, UsageError
from livekit_deploy.events import Event, Notice
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.operations.api_keys import Keyring
from livekit_deploy.operations.pod_secrets import holders, other_holders
from livekit_deploy.provisioners.addresses import RELEASE
from livekit_deploy.state.document import Phase, Record, State
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.session import Session
from tests.aws.rig import account
from tests.k8s.rig import KubeRig, Sky, media_node
from tests.k8s.test_rollout import apply, seen

ADDRESS = "secretsmanager.secret/api-keys"
_SPEED = 150.0  # the ten minutes take four seconds


class Ring:
    """The keys of an environment whose LiveKit is a Deployment in the rig's cluster."""

    def __init__(self, rig: KubeRig) -> None:
        self.rig, self.said = rig, list[Event]()
        rig.up([Secret("api-keys", form=API_KEYS)])
        session = rig._session()
        record = session.record(ADDRESS)
        assert record is not None
        session.write({RELEASE: Record(phase=Phase.READY, kind="helm.release", inputs={}, id="livekit/livekit")})
        session.release()

    def keys(self, limit: float = 3600.0) -> Keyring:
        waits = Waits(Clock(_SPEED), threading.Event(), threading.Event())
        rig = self.rig
        return Keyring(rig.cloud, self._state, self._session, lambda: rig.api, self.said.append, waits, limit)

    def _state(self) -> State | None:
        found = lease_of(self.rig._store)
        return found[0] if found else None

    @contextmanager
    def _session(self, command: str) -> Iterator[tuple[Session, Cloud]]:
        session = self.rig._session()
        try:
            yield session, self.rig.cloud.under(RunContext(fence=session.check))
        finally:
            session.release()

    def roll(self) -> None:
        """The pods are given what there is."""
        apply(self.rig, annotations={"secret-version/api-keys": self.keys().present().version})

    def notices(self) -> list[str]:
        return [event.message for event in self.said if isinstance(event, Notice)]

    def held(self) -> list[str]:
        return [one.key for one in self.keys().present().keys]


@pytest.fixture
def ring(unhurried: KubeRig) -> Iterator[Ring]:
    with account():
        made = Ring(unhurried)
        made.roll()
        unhurried.wait(lambda: seen(unhurried).ready == 2)
        yield made


def _beside(run: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def _end_old_pods(rig: KubeRig) -> None:
    """The calls on each pod that drains have ended."""
    while seen(rig).ready < 2 or seen(rig).draining:
        for name, pod in rig.objects("pods", namespace="livekit").items():
            if "deletionTimestamp" in pod["metadata"]:
                rig.api.delete(f"/api/v1/namespaces/livekit/pods/{name}", grace_seconds=0)
        rig.wait(lambda: seen(rig).draining or seen(rig).ready == 2)


def test_it_waits_for_pods_that_drain_with_earlier_keys_and_ten_minutes_more(ring: Ring) -> None:
    old = ring.keys().rotate("main").old
    ring.roll()
    ring.rig.wait(lambda: seen(ring.rig).draining == 1)
    waiting = _beside(lambda: ring.keys().remove(old))
    ring.rig.wait(lambda: ring.notices())
    assert old in ring.held()
    until = seen(ring.rig).until
    said = f"2 pods have earlier keys, 1 drain calls until {until}: {old} is removed ten minutes after they have ended"
    assert ring.notices()[0].startswith(said)

    _end_old_pods(ring.rig)
    waiting.join(60)
    assert not waiting.is_alive()
    assert old not in ring.held()
    assert "in ten minutes" in ring.notices()[-1]


def test_within_its_time_limit_and_now_is_now(ring: Ring) -> None:
    old = ring.keys().rotate("main").old
    ring.roll()
    ring.rig.wait(lambda: seen(ring.rig).draining == 1)
    with pytest.raises(OutOfTime, match="the time limit of 30 s is over, and nothing was changed: 2 pods have earlier"):
        ring.keys(limit=30.0).remove(old)
    assert old in ring.held()
    ring.keys().remove(old, now=True)
    assert old not in ring.held()


def test_pods_that_nobody_replaces_are_not_waited_for(ring: Ring) -> None:
    old = ring.keys().rotate("main").old
    with pytest.raises(UsageError, match="2 of 2 pods do not have the present keys") as caught:
        ring.keys().remove(old)
    assert "livekit-deploy up" in caught.value.hint
    assert old in ring.held()


def test_a_command_that_was_not_there_knows_when_the_last_of_them_ended(unhurried: KubeRig, sky: Sky) -> None:
    """Also where the new pods were there long before, on nodes of their own."""
    rig = unhurried
    sky.specs += [media_node("c", 2), media_node("d", 3)]
    apply(rig, annotations={"secret-version/api-keys": "one"})
    rig.wait(lambda: seen(rig).ready == 2)
    apply(rig, annotations={"secret-version/api-keys": "two"})
    rig.wait(lambda: seen(rig).ready == 2 and seen(rig).draining == 2)
    assert (holders(rig.api, "api-keys", "two").draining, holders(rig.api, "api-keys", "two").present) == (2, 2)
    for pod in rig.objects("pods", namespace="livekit").values():  # they were made an hour ago
        pod["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    for one in rig.objects("replicasets", "apps", "livekit").values():
        _aged(one)
    assert (holders(rig.api, "api-keys", "two").gone or 0) > 600
    _end_old_pods(rig)
    rig.wait(lambda: not holders(rig.api, "api-keys", "two").others)
    rig.wait(lambda: (holders(rig.api, "api-keys", "two").gone or 0) < 60)


def _aged(item: Obj) -> None:
    for entry in item["metadata"]["managedFields"]:
        entry["time"] = "2026-01-01T00:00:00Z"


def test_who_has_an_earlier_version_is_told_for_any_secret(unhurried: KubeRig) -> None:
    rig = unhurried
    ask = other_holders(lambda: rig.api)
    assert (ask("redis", "two"), other_holders(None)("redis", "two")) == ("", "")
    apply(rig, annotations={"secret-version/redis": "one"})
    rig.wait(lambda: seen(rig).ready == 2)
    assert (ask("redis", "one"), ask("api-keys", "any")) == ("", ""), "pods that do not say have none"
    assert ask("redis", "two") == "2 pods have an earlier one"
    apply(rig, annotations={"secret-version/redis": "two"})
    rig.wait(lambda: seen(rig).draining == 1)
    assert ask("redis", "two") == f"2 pods have an earlier one, and drain calls until {seen(rig).until}"
