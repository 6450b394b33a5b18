"""The real server with what the product renders, for every preset and for variants of what people set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.real.livekit.signalling import Joined
from tests.real.livekit.site import Site, api, firewalled

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "dev": ("dev", {}),
    "uat": ("uat", {}),
    "prod": ("prod", {}),
    "no turn": ("uat", {"livekit.turn": None}),
    "turn without tls": ("uat", {"livekit.turn.tls": False, "livekit.turn.udp_port": 3479}),
    "plain redis": ("uat", {"redis.tls": False, "redis.auth": False}),
    "redis without auth": ("prod", {"redis.auth": False}),
    "webhooks": ("uat", {"livekit.webhook_urls": ["http://hooks.example.com:8000/livekit"]}),
    "one replica": ("prod", {"livekit.replicas": 1}),
    "other ports": ("uat", {"livekit.rtc.udp_ports": [40000, 40100], "livekit.rtc.tcp_port": 8443}),
    "autoscaling": ("uat", {"livekit.autoscaling": {"min": 1, "max": 2, "cpu": 70}}),
    "rooms": (
        "uat",
        {
            "livekit.settings": {
                "room": {"empty_timeout": 60, "max_participants": 20, "enabled_codecs": [{"mime": "audio/opus"}]},
                "limit": {"num_tracks": 100, "bytes_per_sec": 1e9},
                "audio": {"active_level": 40, "update_interval": 400},
            }
        },
    ),
    "relays": ("uat", {"livekit.settings": {"turn": {"relay_range_start": 30000, "relay_range_end": 30100}}}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_people_call_each_other_through_both_nodes_over_every_path(site: Site, variant: str) -> None:
    """The room lives on one of the nodes; whoever came through the other is routed to it."""
    preset, settings = VARIANTS[variant]
    redis = site.redis(tls=settings.get("redis.tls", True), auth=settings.get("redis.auth", True))
    given = site.manifests(redis, preset, settings)
    config = given.config
    ports, turn = config["rtc"], config.get("turn")
    one, other = site.fleet(given)

    api(one, site.pairs[0], "CreateRoom", {"name": "room"})
    no_tcp, no_udp = f"tcp dport {ports['tcp_port']}", "meta l4proto udp"
    dialled = {
        "udp": site.dial(one, "room", "udp", firewalled(site.network.client(), no_tcp)),
        "tcp": site.dial(other, "room", "tcp", firewalled(site.network.client(), no_udp)),
    }
    if turn is not None:
        dialled["relay"] = site.dial(other, "room", "relay", relay=True)
    callers = {name: caller.joined() for name, caller in dialled.items()}
    for caller in callers.values():
        caller.hears()

    where = redis.ask("HGET", "room_node_map", "room")
    (public,) = (pod.host.public for pod in (one, other) if pod.node_id == where)
    for kind, protocol, address, port in callers["udp"].path:
        assert (kind, protocol, address) == ("host", "udp", public)
        assert ports["port_range_start"] <= port <= ports["port_range_end"]
    for _, protocol, address, port in callers["tcp"].path:
        assert (protocol, address, port) == ("tcp", public, ports["tcp_port"])
    if turn is not None:
        assert {(kind, address) for kind, _, address, _ in callers["relay"].path} == {("relay", public)}
        with Joined(one.host, one.host.address, one.ports["http"], site.pairs[0], "room", "told") as told:
            assert set(told.turn) == set(advertised(turn, public))


def advertised(turn: dict[str, Any], public: str) -> list[str]:
    """Where clients are to be told that TURN is."""
    found = [f"turn:{public}:{turn['udp_port']}?transport=udp"]
    if "tls_port" in turn:
        found.append(f"turns:{turn['domain']}:443?transport=tcp")
    return found
