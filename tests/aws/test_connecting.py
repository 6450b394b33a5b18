"""A lease that ends while a connection is being made: the call that it is made for never leaves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.errors import LostLease, Unavailable

ANSWER = b"<CreateVpcResponse><vpc><vpcId>vpc-1</vpcId></vpc></CreateVpcResponse>"


class Counting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def server() -> Iterator[Any]:
    """It counts what reaches it."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    made.heard = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


class Lease:
    """Held until something ends it."""

    def __init__(self) -> None:
        self.ended = False
        self.asked = 0

    def check(self, begun: float) -> None:
        self.asked += 1
        if self.ended:
            raise LostLease("the lease has run out")


@pytest.fixture
def lease() -> Lease:
    return Lease()


def _cloud(server: Any, lease: Lease) -> Cloud:
    where = f"http://127.0.0.1:{server.server_address[1]}"
    clients = Clients("us-east-1", endpoint_url=where, access_key="a", secret_key="b")
    return Cloud(clients, OwnershipTags("livekit", "uat")).under(RunContext(fence=lease.check))


def _make(cloud: Cloud, again: bool) -> Any:
    return (cloud.ec2 if again else cloud.once.ec2).create_vpc(CidrBlock="10.0.0.0/16")


@pytest.mark.parametrize("again", [True, False], ids=["with retries", "once"])
def test_a_lease_that_ends_while_a_name_is_looked_up_keeps_the_call_from_leaving(
    server: Any, lease: Lease, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud, real = _cloud(server, lease), socket.getaddrinfo

    def slow(*given: Any, **more: Any) -> Any:
        lease.ended = True  # stopped here for longer than a lease, and somebody else has it
        return real(*given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(LostLease):
        _make(cloud, again)
    assert server.heard == []
    assert cloud.account.mutating == 0


def test_with_a_connection_that_is_there_and_a_lease_that_holds_it_leaves(server: Any, lease: Lease) -> None:
    cloud = _cloud(server, lease)
    _make(cloud, again=True)
    assert (len(server.heard), lease.asked) == (1, 2), "before it is sent, and when it is connected"
    _make(cloud, again=True)
    assert (len(server.heard), lease.asked) == (2, 3), "the same connection"
    lease.ended = True
    with pytest.raises(LostLease):
        _make(cloud, again=True)
    assert len(server.heard) == 2


def test_reads_need_no_lease_and_are_asked_for_none(server: Any, lease: Lease) -> None:
    cloud = _cloud(server, lease)
    lease.ended = True
    with pytest.raises(LostLease):
        _make(cloud, again=True)
    asked = lease.asked
    cloud.ec2.describe_vpcs()
    assert (len(server.heard), lease.asked) == (1, asked)


def test_what_fails_on_the_way_stays_what_it_is(lease: Lease) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        where = f"http://127.0.0.1:{closed.getsockname()[1]}"
        clients = Clients("us-east-1", endpoint_url=where, access_key="a", secret_key="b")
        with pytest.raises(Unavailable, match="cannot be reached"):
            _make(Cloud(clients, OwnershipTags("livekit", "uat")).under(RunContext(fence=lease.check)), again=False)


def test_through_a_proxy_too(server: Any, lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    where = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("HTTP_PROXY", where)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    clients = Clients("us-east-1", endpoint_url="http://ec2.example.com", access_key="a", secret_key="b")
    cloud = Cloud(clients, OwnershipTags("livekit", "uat")).under(RunContext(fence=lease.check))
    _make(cloud, again=False)
    assert lease.asked == 2
