"""TURN over TLS on port 443: a network load balancer ends TLS and passes the rest on to the node's TCP port."""

from __future__ import annotations

from tests.real.livekit.signalling import Joined
from tests.real.livekit.site import Site, room_on


def test_media_comes_through_turn_over_tls(site: Site) -> None:
    """LiveKit's client trusts public authorities only, so a helper on its own host speaks TLS for it."""
    redis = site.redis()
    given = site.manifests(redis)
    turn, (pod,) = given.config["turn"], site.fleet(given, 1)
    balancer = site.balancer([pod], turn["tls_port"], certified=site.authority.context(turn["domain"]))
    client = site.network.client()
    wrapped = site.tunnel(client, (balancer.host.seen, 443), turn["domain"])
    room = room_on(pod, pod, redis, site.pairs[0])

    with Joined(pod.host, pod.host.address, pod.ports["http"], site.pairs[0], room, "told") as told:
        server = told.turn[f"turns:{turn['domain']}:443?transport=tcp"]
        through = (f"turn:{client.address}:{wrapped.port}?transport=tcp", server.username, server.credential)
        relayed = site.dial(pod, room, "relayed", client, relay=True, turn=through)
        direct = site.dial(pod, room, "direct")
        for caller in (relayed.joined(), direct.joined()):
            caller.hears()
    assert {kind for kind, *_ in relayed.path} == {"relay"}
