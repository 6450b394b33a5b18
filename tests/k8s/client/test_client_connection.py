"""The client's connections: who it says it is, whom it trusts, and that no change leaves without a lease."""

from __future__ import annotations

import gc
import socket
import ssl
import struct
import threading
from dataclasses import replace
from typing import Any
from urllib.parse import urlparse

import pytest

from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import LostLease, ResourceError
from livekit_deploy.k8s.access import client
from livekit_deploy.k8s.access.client import Api, api, serves
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.api_server import front
from livekit_deploy.sandbox.cluster.cluster import Cluster
from livekit_deploy.sandbox.cluster.port import Identity
from livekit_deploy.sandbox.serving.authority import Authority
from tests.k8s.client.requests import DEFAULT, MAP, NAMESPACES, config_map, proxy
from tests.k8s.rig import TOKEN, KubeRig, Sky

# ---- who it is


def test_a_token_serves_until_it_is_nearly_used_up(rig: KubeRig, sky: Sky, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        assert rig.api.get(DEFAULT)
    assert rig.eks.tokens_made == 1
    assert client._TOKEN_SECONDS < 14 * 60  # EKS ends one after 15 minutes

    monkeypatch.setattr(client, "_TOKEN_SECONDS", 0.0)
    rig.cloud.kept.clear()
    assert rig.api.get(DEFAULT)
    rig.eks.token = "k8s-aws-v1.next"
    sky.tokens = {"k8s-aws-v1.next": Identity("admin", ("system:masters",))}
    assert rig.api.get(DEFAULT)


def test_an_api_that_cannot_be_reached_is_an_error_and_never_absence(rig: KubeRig) -> None:
    with proxy(200, "{}") as gone:
        pass
    with pytest.raises(ResourceError, match=r"cannot be reached: .*refused") as caught:
        Api(gone, "", lambda: TOKEN).list(NAMESPACES)
    assert caught.value.code == "Unreachable"
    assert not caught.value.request_id  # a change may have been made all the same
    assert "cluster.public_cidrs" in caught.value.hint


def test_only_the_ca_of_the_cluster_is_trusted(rig: KubeRig, cluster: Cluster) -> None:
    other = Cluster(Sky(), SandboxClock())
    other.start()
    with pytest.raises(ResourceError, match=r"cannot be reached: .*CERTIFICATE_VERIFY_FAILED") as caught:
        Api(cluster.endpoint, other.ca_data, lambda: TOKEN).get(DEFAULT)
    assert caught.value.code == "Unreachable"
    other.stop()


def test_a_cluster_that_was_stopped_refuses_at_once(cluster: Cluster) -> None:
    where = urlparse(cluster.endpoint)
    cluster.stop()
    with pytest.raises(ConnectionRefusedError), socket.create_connection((where.hostname, where.port)):
        pass


def test_a_reset_before_the_wrapping_leaves_nothing_open() -> None:
    context = Authority("tests").context("localhost")
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
        connection, _ = server.accept()
        with pytest.raises(ConnectionResetError):
            context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    gc.collect()  # a socket that is still open is told of here


def test_who_is_gone_before_the_handshake_leaves_nothing_open(rig: KubeRig, cluster: Cluster) -> None:
    where = urlparse(cluster.endpoint)
    for _ in range(100):
        with socket.create_connection((where.hostname, where.port)) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
    assert rig.api.get(DEFAULT)  # all before it are dealt with
    gc.collect()  # a socket that is still open is told of here


def test_who_is_gone_before_the_answer_leaves_nothing_open(
    rig: KubeRig, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers: list[Any] = []
    inside = front._Handler.setup

    def setup(handler: Any) -> None:
        handlers.append(handler)
        inside(handler)

    monkeypatch.setattr(front._Handler, "setup", setup)
    where, context = urlparse(cluster.endpoint), ssl._create_unverified_context()
    request = f"GET /openapi/v2 HTTP/1.1\r\nAuthorization: Bearer {rig.eks.token}\r\n\r\n".encode()
    for _ in range(20):
        plain = socket.create_connection((where.hostname, where.port))
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
        with context.wrap_socket(plain) as gone:
            gone.sendall(request)
    rig.wait(lambda: len(handlers) == 20 and all(one.rfile.closed for one in handlers))


# ---- verbs


def test_no_change_leaves_without_a_lease(rig: KubeRig) -> None:
    def lost(begun: float) -> None:
        assert rig.cloud.account.mutating == 1
        raise LostLease("the lease has run out")

    rig.api.apply(MAP, config_map(a="1"))
    rig.bound(fence=lost)
    with pytest.raises(LostLease):
        rig.api.apply(MAP, config_map(a="2"))
    with pytest.raises(LostLease):
        rig.api.delete(MAP)
    assert (rig.api.get(MAP) or {})["data"] == {"a": "1"}
    assert rig.cloud.account.mutating == 0


def test_a_lease_that_ends_while_a_connection_is_made_keeps_the_change_from_leaving(
    rig: KubeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, real = threading.Event(), socket.getaddrinfo

    def check(begun: float) -> None:
        if ended.is_set():
            raise LostLease("the lease has run out")

    def slow(*given: Any, **more: Any) -> Any:
        ended.set()
        return real(*given, **more)

    connection = api(rig.cloud.under(RunContext(fence=check)), rig.lives)
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(LostLease):
        connection.apply(MAP, config_map(a="1"))
    assert connection.get(MAP) is None, "what changes nothing needs no lease"


def test_a_change_that_is_sent_again_with_another_token_asks_again(
    rig: KubeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    connection = api(rig.cloud.under(RunContext(fence=asked.append)), rig.lives)
    connection.apply(MAP, config_map(a="1"))
    before, tokens = len(asked), iter(["no-token", connection._token()])
    monkeypatch.setattr(connection, "_token", lambda: next(tokens))
    connection._fresh = None
    connection.apply(MAP, config_map(a="2"))
    assert len(asked) - before == 3, "when it begins, and before each time that it is sent"


def test_a_cluster_without_an_endpoint_or_on_its_way_out_serves_nothing(rig: KubeRig) -> None:
    assert serves(rig.lives)
    assert not serves(None)
    assert not serves(replace(rig.lives, status=Status.DELETING))
    assert not serves(Live("main", Status.PENDING))
