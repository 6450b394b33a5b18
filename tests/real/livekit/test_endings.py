"""How a server ends: asked to, killed, or hanging; and what the calls on it and through it have of that."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from tests.real.livekit import web
from tests.real.livekit.balancer import Balancer
from tests.real.livekit.caller import Caller
from tests.real.livekit.kubelet import Container
from tests.real.livekit.manifests import Manifests
from tests.real.livekit.redis import Redis
from tests.real.livekit.site import Site, api, room_on, until

#: what nobody who listens takes for an interruption (seconds)
_GAP = 3.0
_PRE_STOP = 3
#: for what comes within seconds on a machine that is not busy
_PATIENCE = 90.0


class Fleet:
    """Two nodes with a call each of which has people on either, and a balancer for who comes and comes back."""

    def __init__(self, site: Site, given: Manifests, redis: Redis) -> None:
        self.site, self.redis, self.pair = site, redis, site.pairs[0]
        self.one, self.other = site.fleet(given)
        self.balancer = site.balancer([self.one, self.other])

    def only(self, pod: Container) -> Balancer:
        """The balancer, from now on to this node alone."""
        self.balancer.targets[:] = [(pod.host.address, pod.ports["http"])]
        return self.balancer

    def call_on(self, pod: Container, joins: Callable[[str], list[Caller]]) -> tuple[str, list[Caller]]:
        """A room on ``pod``, and the people whom ``joins`` lets in, once they hear one another. A server that is late
        to say that it is alive loses its rooms: then another one is made."""
        for _ in range(3):
            room = room_on(pod, pod, self.redis, self.pair)
            people = hearing(joins(room))
            if self.redis.ask("HGET", "room_node_map", room) == pod.node_id:
                return room, people
            for caller in people:
                caller.close()
        raise RuntimeError(f"no room stayed on {pod.node_id}")

    def call(self, room: str, *names: str) -> list[Caller]:
        """These people, once they hear one another."""
        return hearing([self.join(room, name) for name in names])

    def join(self, room: str, name: str, through: Container | None = None) -> Caller:
        """Who comes through the balancer, from now on to this node alone where it is given."""
        return self.site.call(self.only(through) if through else self.balancer, room, name)


def hearing(callers: list[Caller]) -> list[Caller]:
    """Wait until all hear one another."""
    for caller in callers:
        caller.hears()
    return callers


@pytest.fixture
def fleet(site: Site) -> Fleet:
    redis = site.redis()
    given = site.manifests(redis)
    # a short-cut: how long the chart waits is looked at on its own
    given.container["lifecycle"]["preStop"]["sleep"]["seconds"] = _PRE_STOP
    return Fleet(site, given, redis)


def test_a_server_that_is_told_to_end_goes_on_with_its_rooms_and_takes_no_new_ones(fleet: Fleet) -> None:
    room, people = fleet.call_on(fleet.one, lambda room: fleet.call(room, "first", "second"))

    fleet.one.delete()
    fleet.only(fleet.other)
    assert fleet.one.wait(_PRE_STOP + 6) is None  # it looks every 5 s whether anybody is left
    assert "waiting for participants to exit" in fleet.one.log
    for number in range(12):
        api(fleet.other, fleet.pair, "CreateRoom", {"name": f"new-{number}"})
        assert fleet.redis.ask("HGET", "room_node_map", f"new-{number}") == fleet.other.node_id
    (late,) = fleet.call(room, "late")
    for caller in (*people, late):
        assert caller.flows()["sound"]["gap"] < _GAP
        assert not caller.seen("disconnected")

    for caller in (*people, late):
        caller.ask("leave")
    assert fleet.one.wait(_PATIENCE) == 0


def test_who_is_connected_through_a_server_that_ends_resumes_and_loses_no_media(fleet: Fleet) -> None:

    def through_either(room: str) -> list[Caller]:
        return [fleet.join(room, name, through) for name, through in (("stays", fleet.other), ("moves", fleet.one))]

    _, (stays, moves) = fleet.call_on(fleet.other, through_either)

    fleet.only(fleet.other)
    began = time.monotonic()
    fleet.one.delete()
    cut = moves.await_event("reconnecting", _PATIENCE)
    assert cut - began > _PRE_STOP  # nothing happens to it while the pod only waits
    moves.await_event("reconnected", _PATIENCE)
    time.sleep(2)

    assert not moves.seen("disconnected")
    assert not stays.seen("participant_disconnected")
    assert stays.ask("others") == {"others": ["moves"]}
    assert stays.flows()["sound"]["gap"] < _GAP  # its data the client holds back for as long as it resumes
    for flow in moves.flows().values():
        assert flow["gap"] < _GAP
    assert fleet.one.wait(_PATIENCE) == 0


def test_after_the_death_of_a_node_its_call_goes_on_elsewhere(fleet: Fleet) -> None:

    def through_either(room: str) -> list[Caller]:
        return [fleet.join(room, name, through) for name, through in (("first", fleet.one), ("second", fleet.other))]

    room, people = fleet.call_on(fleet.one, through_either)
    fleet.one.signal(signal.SIGKILL)
    for caller in people:  # the second sees it only when its media stay away, after a quarter of a minute
        caller.await_event("reconnected", _PATIENCE)
    for caller in people:
        caller.flows()
    hearing(people)
    assert fleet.redis.ask("HGET", "room_node_map", room) == fleet.other.node_id
    dead = fleet.redis.ask("HEXISTS", "nodes", fleet.one.node_id)
    assert dead == 1  # nobody takes it out; the next server that starts does


def test_a_server_that_hangs_fails_its_liveness_probe_and_a_connection_would_not_tell(fleet: Fleet) -> None:
    probe, address = fleet.one.probe("livenessProbe"), fleet.one.host.address
    fleet.one.signal(signal.SIGSTOP)
    until(lambda: probe.failure() is not None, "silence")  # its threads stop one after the other
    for _ in range(2):
        failure = probe.failure()
        assert failure is not None
        assert "timed out" in failure
    web.connect(fleet.one.host, address, fleet.one.ports["http"]).close()
    fleet.one.signal(signal.SIGCONT)
    until(lambda: probe.failure() is None, "answer")
