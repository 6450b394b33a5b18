"""A local nameserver that answers from the Route 53 zones of the sandbox's accounts."""

from __future__ import annotations

from collections.abc import Callable

from dnslib import AAAA, CNAME, NS, QTYPE, RCODE, RR, A
from dnslib.server import BaseResolver as _BaseResolver
from dnslib.server import DNSRecord, DNSServer

Resolve = Callable[[str, str], list[str] | None]
_SECONDS = 5
_DATA = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "NS": NS}


class _Resolver(_BaseResolver):  # type: ignore[misc]
    def __init__(self, lookup: Resolve) -> None:
        self._lookup = lookup

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:
        reply = request.reply()
        name, kind = str(request.q.qname).rstrip(".").lower(), QTYPE[request.q.qtype]
        found = self._lookup(name, kind)
        if found is None:
            reply.header.rcode = RCODE.NXDOMAIN
            return reply
        for value in found if kind in _DATA else ():
            data = _DATA[kind](value)
            reply.add_answer(RR(request.q.qname, QTYPE.reverse[kind], rdata=data, ttl=_SECONDS))
        return reply


class Nameserver:
    """``lookup(name, type)`` gives the values: an empty list for no such record, None for no such name."""

    def __init__(self, lookup: Resolve) -> None:
        resolver = _Resolver(lookup)
        self._server = DNSServer(resolver, address="127.0.0.1", port=0, logger=_silent())

    @property
    def address(self) -> str:
        """``host:port``."""
        host, port = self._server.server.server_address[:2]
        return f"{host}:{port}"

    def start(self) -> None:
        self._server.start_thread()


def _silent() -> object:
    from dnslib.server import DNSLogger

    return DNSLogger(logf=lambda text: None)
