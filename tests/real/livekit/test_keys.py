"""API keys: two at a time, one less, from files; and what the server signs with which."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import jwt
import pytest

from livekit_deploy.aws.kinds.api_keys import Pair, draw
from tests.real.livekit import web
from tests.real.livekit.caller import token
from tests.real.livekit.kubelet import Container
from tests.real.livekit.signalling import Joined
from tests.real.livekit.site import Site, api, until

_JOINS = 24


def validated(pod: Container, pass_: str) -> int:
    """What the server says of a join token: 200, or 401."""
    return web.ask(pod.host, pod.host.address, pod.ports["http"], f"/rtc/validate?access_token={pass_}").status


def issuer(pass_: str) -> str:
    return str(jwt.decode(pass_, options={"verify_signature": False})["iss"])


def test_keys_rotate_with_an_overlap_and_the_old_one_ends_with_its_removal(site: Site) -> None:
    redis, old, new = site.redis(), draw("main", ""), draw("main", "")

    def pod(*pairs: Pair) -> Container:
        site.pairs = list(pairs)
        return site.start(site.manifests(redis))

    before, overlap, after = [one.started() for one in (pod(old), pod(old, new), pod(new))]
    accepted = {
        name: [validated(one, token(pair, "room", "me")) for pair in (old, new)]
        for name, one in {"before": before, "overlap": overlap, "after": after}.items()
    }
    assert accepted == {"before": [200, 401], "overlap": [200, 200], "after": [401, 200]}

    # pods of all three generations carry one call while they are rolled
    people = [
        site.dial(before, "room", "old", pair=old).joined(),
        site.dial(overlap, "room", "both", pair=old).joined(),
        site.dial(after, "room", "new", pair=new).joined(),
    ]
    for caller in people:
        caller.hears()


def test_who_joined_with_the_new_key_may_be_unable_to_come_back_once_the_old_one_is_gone(site: Site) -> None:
    """The server signs what clients come back with by any of its keys: `keys remove` has to wait for pods that have
    the removed one, and for ten minutes more."""
    redis, old, new = site.redis(), draw("main", ""), draw("main", "")
    site.pairs = [old, new]
    overlap = site.start(site.manifests(redis)).started()
    site.pairs = [new]
    after = site.start(site.manifests(redis)).started()

    passes = []
    for number in range(_JOINS):
        host = overlap.host
        with Joined(host, host.address, overlap.ports["http"], new, f"room-{number}", "me") as joined:
            passes.append(joined.refresh_token())
    signed = {issuer(one) for one in passes}
    assert signed == {old.key, new.key}
    for one in passes:
        assert validated(after, one) == (200 if issuer(one) == new.key else 401)


@contextmanager
def listener(site: Site, name: str, port: int) -> Iterator[list[tuple[str, str]]]:
    """Somebody who takes webhooks: the authorization and the body of each."""
    told: list[tuple[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.append((self.headers["Authorization"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *said: object) -> None:
            pass

    host = site.network.client()
    site.network.names[name] = host.address
    with host.namespace.inside():
        server = http.server.ThreadingHTTPServer((host.address, port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("count", [1, 2])
def test_webhooks_are_signed_with_the_first_key(site: Site, count: int) -> None:
    site.pairs = [draw("main", "") for _ in range(count)]
    settings = {"livekit.webhook_urls": ["http://hooks.example.com:8000/livekit"]}
    with listener(site, "hooks.example.com", 8000) as told:
        pod = site.start(site.manifests(site.redis(), "uat", settings)).started()
        api(pod, site.pairs[0], "CreateRoom", {"name": "room"})
        until(lambda: bool(told), "webhook")
    for authorization, _ in told:
        jwt.decode(authorization, site.pairs[0].secret, algorithms=["HS256"], issuer=site.pairs[0].key)
