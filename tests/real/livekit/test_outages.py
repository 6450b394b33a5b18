"""Redis is away for a while: what that does to running calls, and what the chart's probes make of it."""

from __future__ import annotations

import time
from threading import Thread
from typing import Any

import pytest

from tests.real.livekit import web
from tests.real.livekit.kubelet import Container
from tests.real.livekit.redis_failures import AFTER_START
from tests.real.livekit.site import Site, api, room_on, until

#: livekit-server's own (config.go, SignalRelayConfig): after so long without Redis it gives up the signalling
SERVER_DEFAULT = "7.5s"


class Call:
    """Two people in a room, one of whom is connected to another node than the room's."""

    def __init__(self, site: Site, name: str, settings: dict[str, Any]) -> None:
        self.redis = site.redis(name=name)
        given = site.manifests(self.redis, "uat", settings)
        self.pods = site.fleet(given)
        room = room_on(self.pods[0], self.pods[1], self.redis, site.pairs[0])
        self.callers = [site.dial(pod, room, f"{name}-{number}") for number, pod in enumerate(self.pods)]
        for caller in self.callers:
            caller.joined().hears()


def probes(pod: Container) -> dict[str, str | None]:
    return {name: pod.failing(name) for name in ("livenessProbe", "readinessProbe")}


def test_a_short_outage_ends_calls_by_the_servers_default_and_none_by_ours(site: Site) -> None:
    default = Call(site, "default", {"livekit.settings": {"signal_relay": {"retry_timeout": SERVER_DEFAULT}}})
    ours = Call(site, "ours", {})

    def short() -> None:
        with default.redis.away():
            time.sleep(10)

    meanwhile = Thread(target=short)
    meanwhile.start()
    began = time.monotonic()
    with ours.redis.away():
        time.sleep(6)
        for pod in ours.pods:
            assert web.ask(pod.host, pod.host.address, 7880).status == 406
        while time.monotonic() < began + 25:
            for pod in ours.pods:
                assert probes(pod) == {"livenessProbe": None, "readinessProbe": None}
            time.sleep(1)
    meanwhile.join()
    time.sleep(5)

    assert any(caller.seen("reconnecting") for caller in default.callers)
    for caller in ours.callers:
        assert not caller.seen("reconnecting")
        for flow in caller.flows().values():
            assert flow["gap"] < 5


def test_a_token_that_is_changed_under_running_servers_shows_when_a_connection_breaks(newest: Site) -> None:
    """And then for good: the process tries for ever, and its probes pass."""
    redis = newest.redis()
    pod = newest.start(newest.manifests(redis)).started()
    redis.replace_token("another-token-0123456789")
    time.sleep(5)
    assert web.ask(pod.host, pod.host.address, 7880).status == 200

    redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    redis.ask("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")
    until(lambda: web.ask(pod.host, pod.host.address, 7880).status == 406, "406")
    with pytest.raises(RuntimeError, match=AFTER_START):
        api(pod, newest.pairs[0], "ListRooms", {})
    until(lambda: AFTER_START in pod.log, AFTER_START)
    assert probes(pod) == {"livenessProbe": None, "readinessProbe": None}
    assert pod.exit_code is None
