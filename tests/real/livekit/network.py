"""A VPC, its Internet gateway and the world behind it, from namespaces: nothing in it can reach the machine or beyond.

A host of the VPC has a private address on its interface and, where it is public, another one that the gateway turns
into it, in both directions and for hosts of the VPC as well. Source: Amazon VPC user guide, "Internet gateways".
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dnslib import QTYPE, RCODE, RR, A, DNSRecord

from tests.real.livekit.namespaces import Namespace

VPC, WORLD, PUBLIC = (ipaddress.ip_network(one) for one in ("10.20.0.0/16", "198.51.100.0/24", "203.0.113.0/24"))
#: the servers that livekit-server asks for its public address (mediatransportutil, rtcconfig/config.go)
STUN = {"global.stun.twilio.com": 3478, "stun.l.google.com": 19302, "stun1.l.google.com": 19302}
#: what the gateway lets through, and whose address it puts in place of whose
_RULES = """table ip nat {
    set open { type ipv4_addr . inet_proto . inet_service; flags interval; }
    map inward { type ipv4_addr : ipv4_addr; }
    map outward { type ipv4_addr : ipv4_addr; }
    chain before { type nat hook prerouting priority dstnat; dnat to ip daddr map @inward; }
    chain between {
        type filter hook forward priority filter;
        ct state established,related accept
        iifname world oifname vpc ct status ! dnat drop
        ct status dnat ip daddr . meta l4proto . th dport @open accept
        ct status dnat drop
    }
    chain after { type nat hook postrouting priority srcnat; snat to ip saddr map @outward; }
}"""
#: the gateway routes; a frame that stays in the VPC is none of its business
_ROUTES = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/vpc/send_redirects": "0",
    "bridge/bridge-nf-call-iptables": "0",
}
#: where pods ask for names (EKS: the tenth address of the range of Services)
CLUSTER_DNS = "172.20.0.10"
_COOKIE = 0x2112A442
Sender = tuple[str, int]
Ports = tuple[str, int, int]  # protocol, first, last


@dataclass(frozen=True)
class Host:
    """A machine: ``address`` is on its interface, ``public`` is how the world reaches it, "" when it cannot."""

    namespace: Namespace
    address: str
    public: str = ""

    @property
    def seen(self) -> str:
        """The address under which the world knows it."""
        return self.public or self.address


@dataclass
class Network:
    """``names`` is what the cluster's DNS knows, and clients know of it what `host_file` says."""

    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._gateway = Namespace()
        self._hosts: list[Host] = []
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._gateway.ip(
            *(
                line
                for name, network in (("vpc", VPC), ("world", WORLD))
                for line in (
                    f"link add {name} type bridge",
                    f"link set {name} up",
                    f"addr add {network[1]}/{network.prefixlen} dev {name}",
                )
            )
        )
        with self._gateway.inside():
            for key, value in _ROUTES.items():
                path = Path("/proc/sys/net") / key
                if path.exists():
                    path.write_text(value, encoding="ascii")
        self._gateway.run(["nft", "-f", "-"], _RULES)
        self._gateway.ip(f"addr add {CLUSTER_DNS}/32 dev vpc")
        self._serve(self._gateway, CLUSTER_DNS, 53, self._resolve)
        self._stun()

    def node(self) -> Host:
        """A host of the VPC with a public address, under which nobody reaches it before it is opened."""
        return self._host("vpc", VPC, public=True)

    def open(self, host: Host, ports: Iterable[Ports]) -> None:
        """Let everybody reach these ports of a public host, as a security group does that admits 0.0.0.0/0."""
        for protocol, first, last in ports:
            several = f"{first}-{last}" if first < last else f"{first}"
            self._gateway.run(["nft", f"add element ip nat open {{ {host.address} . {protocol} . {several} }}"])

    def private(self) -> Host:
        """A host of the VPC that the world cannot reach."""
        return self._host("vpc", VPC)

    def client(self) -> Host:
        """A host of the world."""
        return self._host("world", WORLD)

    def host_file(self) -> str:
        """What /etc/hosts of a client says."""
        said = {"localhost": "127.0.0.1", **self.names}
        return "".join(f"{address}\t{name}\n" for name, address in said.items())

    def close(self) -> None:
        """Take everything down. Processes in it must have ended."""
        self._closed.set()
        for thread in self._threads:
            thread.join()
        for host in self._hosts:
            host.namespace.close()
        self._gateway.close()

    def _host(
        self, bridge: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network, *, public: bool = False
    ) -> Host:
        number = len(self._hosts) + 10
        host = Host(Namespace(), str(network[number]), str(PUBLIC[number]) if public else "")
        self._hosts.append(host)
        self._gateway.ip(
            f"link add h{number} type veth peer name eth0 netns {host.namespace.path}",
            f"link set h{number} master {bridge} up",
        )
        host.namespace.ip(
            f"addr add {host.address}/{network.prefixlen} dev eth0",
            "link set eth0 up",
            f"route add default via {network[1]}",
        )
        if public:
            for name, one, other in (("inward", host.public, host.address), ("outward", host.address, host.public)):
                self._gateway.run(["nft", f"add element ip nat {name} {{ {one} : {other} }}"])
        return host

    def _stun(self) -> None:
        """Servers that tell who asks how they see it."""
        host = self.client()
        self.names |= dict.fromkeys(STUN, host.address)
        for port in set(STUN.values()):
            self._serve(host.namespace, host.address, port, _seen)

    def _serve(self, namespace: Namespace, address: str, port: int, answer: Callable[[bytes, Sender], bytes]) -> None:
        with namespace.inside():
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.bind((address, port))
        thread = threading.Thread(target=self._answer, args=(server, answer), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _answer(self, server: socket.socket, answer: Callable[[bytes, Sender], bytes]) -> None:
        server.settimeout(0.1)
        with server:
            while not self._closed.is_set():
                with suppress(TimeoutError):
                    asked, sender = server.recvfrom(2048)
                    server.sendto(answer(asked, sender), sender)

    def _resolve(self, asked: bytes, sender: Sender) -> bytes:
        """An answer of DNS; there are addresses of version 4 only."""
        query = DNSRecord.parse(asked)
        name, answer = str(query.q.qname).removesuffix("."), query.reply()
        if name not in self.names:
            answer.header.rcode = RCODE.NXDOMAIN
        elif query.q.qtype == QTYPE.A:
            answer.add_answer(RR(name, QTYPE.A, rdata=A(self.names[name]), ttl=5))
        return bytes(answer.pack())


def _seen(asked: bytes, sender: Sender) -> bytes:
    """STUN's answer to a binding request (RFC 8489)."""
    address, port = sender
    mapped = struct.unpack("!I", socket.inet_aton(address))[0] ^ _COOKIE
    attribute = struct.pack("!HHBBHI", 0x0020, 8, 0, 1, port ^ (_COOKIE >> 16), mapped)
    return struct.pack("!HHI", 0x0101, len(attribute), _COOKIE) + asked[8:20] + attribute
