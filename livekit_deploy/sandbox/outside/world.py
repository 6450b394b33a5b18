"""The sandbox's accounts as the outside sees them: DNS names, and the servers behind them."""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Sequence
from typing import Any

from moto.acm.models import acm_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.moto_api._internal.models import moto_api_backend
from moto.route53.models import route53_backends

from livekit_deploy.sandbox.aws.route53.names import found as records_of
from livekit_deploy.sandbox.aws.route53.names import nameservers, plain
from livekit_deploy.sandbox.bridge.cloud import Bridge
from livekit_deploy.sandbox.bridge.clusters import Clusters
from livekit_deploy.sandbox.bridge.firewall import admitted
from livekit_deploy.sandbox.bridge.load_balancers import Made
from livekit_deploy.sandbox.cluster.containers.livekit import api
from livekit_deploy.sandbox.cluster.containers.livekit.server import Server, called
from livekit_deploy.sandbox.outside.door import Refused

_OURS = "203.0.113.254"  # of TEST-NET-3: where we seem to be
#: the network for benchmarks (RFC 2544), where every load balancer seems to be: wide enough for one address each
_BALANCERS = ipaddress.ip_network("198.18.0.0/15")
_NOBODY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "ec2.amazonaws.com"}}]}'
)  # trusted by nobody
_MY_ADDRESS = "checkip.amazonaws.com"  # says from where it is asked


class World:
    """Implements `outside.door.Behind` over moto and the clusters."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters

    # ---- what the sandbox is asked to do

    def prepare(
        self, account: str, region: str, zone: str | None, principals: Sequence[str] = (), role: str | None = None
    ) -> None:
        """See to it that the account has this public hosted zone, and those of these users and roles that are its;
        and that there is a ``role`` that may do everything.
        """
        for arn in (one for one in principals if one.split(":")[4] == account):
            _exists(arn, region)
        if role is not None and _exists(role, region):
            _, partition, _, _, of, name = role.split(":")
            everything = f"arn:{partition}:iam::aws:policy/AdministratorAccess"
            iam_backends[of][partition].attach_role_policy(everything, name.rpartition("/")[2])
        backend = route53_backends[account]["aws"]
        if zone and not any(plain(one.name) == zone and not one.private_zone for one in backend.zones.values()):
            backend.create_hosted_zone(f"{zone}.", private_zone=False)

    def reset(self) -> None:
        """Forget every account and end every cluster."""
        self._clusters.stop()
        moto_api_backend.reset()

    def summary(self) -> dict[str, Any]:
        """What runs."""
        return {"clusters": [f"{account}/{region}/{name}" for (account, region, name), _ in self._clusters.running()]}

    # ---- DNS

    def lookup(self, name: str, kind: str) -> list[str] | None:
        """What the public zones say; an alias and a load balancer's own name give its address."""
        if (direct := self._balancer(name)) is not None:
            return [_address(direct[1])] if kind == "A" else []
        if kind == "NS":
            return nameservers(name)
        records = records_of(name)
        if records is None:
            return None
        found: list[str] = []
        for record in records:
            if record.type == "CNAME" != kind:
                found += self.lookup(plain(record.records[0]), kind) or []
            elif record.type == kind:
                found += self._values(record)
        return found

    def _values(self, record: Any) -> list[str]:
        if not record.alias_target:
            return [str(value) for value in record.records]
        there = self._balancer(plain(record.alias_target["DNSName"]).removeprefix("dualstack."))
        return [_address(there[1])] if there is not None else []

    # ---- behind a name

    def _balancer(self, dns_name: str) -> tuple[Bridge, Made, Any] | None:
        """The load balancer of that name that is there, with the cluster that asked for it."""
        for (account, region, _), bridge in self._clusters.running():
            for made in list(bridge.balancers.made.values()):
                there = elbv2_backends[account][region].load_balancers.get(made.arn)
                if there is not None and made.dns_name.lower() == dns_name:
                    return bridge, made, there
        return None

    def _reached(self, host: str) -> tuple[Bridge, Made, Any]:
        """The load balancer that a host name leads to by DNS."""
        for record in records_of(host) or []:
            if record.type == "A" and record.alias_target:
                found = self._balancer(plain(record.alias_target["DNSName"]).removeprefix("dualstack."))
                if found is not None:
                    return found
        direct = self._balancer(host)
        if direct is None:
            raise Refused("502 No such name")
        return direct

    def certificate(self, host: str, port: int) -> str:
        """The name on the certificate of the listener that answers there."""
        if host == _MY_ADDRESS:
            return host
        _, _, balancer = self._reached(host)
        listener = _listener(balancer, port)
        if listener is None:
            raise Refused("502 Connection refused")
        account, region = where = _where(balancer)
        if balancer.security_groups and not admitted(where, balancer.security_groups, port):
            raise Refused("504 Connection timed out")
        for arn in listener.certificates or []:
            bundle = acm_backends[account][region]._certificates.get(arn)
            if bundle is not None and bundle.status == "ISSUED":
                names = [bundle.common_name, *bundle.sans]
                return host if any(_covers(name, host) for name in names) else str(names[0])
        raise Refused("502 TLS is not served")

    def respond(self, host: str, port: int, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """As a load balancer and LiveKit answer: 404 for another host, 503 without a healthy target, else the pod."""
        if host == _MY_ADDRESS:
            return 200, f"{_OURS}\n".encode()
        bridge, made, balancer = self._reached(host)
        if made.request.hosts and host not in made.request.hosts:
            return 404, b"not found"
        listener = _listener(balancer, port)
        targets = self._targets(balancer, listener) if listener is not None else set()
        if not targets:
            return 503, b"Service Temporarily Unavailable"
        assert bridge.cluster is not None
        for pod in bridge.cluster.objects("pods"):
            server = bridge.cluster.running(pod) if (pod.get("status") or {}).get("podIP") in targets else None
            if isinstance(server, Server) and not pod["metadata"].get("deletionTimestamp"):
                status, answer = server.answer(server.listening["http"], path, headers, tuple(bridge.redis_servers()))
                if path.startswith(api.PREFIX):
                    bridge.cluster.say(pod, called(server, path, status))
                return status, answer
        return 502, b"Bad Gateway"

    def _targets(self, balancer: Any, listener: Any) -> set[str]:
        """The addresses that are registered behind a listener."""
        account, region = _where(balancer)
        found: set[str] = set()
        for action in listener.default_actions:
            group = elbv2_backends[account][region].target_groups.get(action.data.get("TargetGroupArn") or "")
            found |= set(group.targets) if group is not None else set()
        return found


def _exists(arn: str, region: str) -> bool:
    """See to it that there is this user or role; whether it was made for that."""
    _, partition, _, _, account, named = arn.split(":")
    iam = iam_backends[account][partition]
    if arn in {one.arn for one in (*iam.roles.values(), *iam.users.values())}:
        return False
    kind, *path, name = named.split("/")
    where = "/".join(["", *path, ""])
    if kind == "role":
        iam.create_role(name, _NOBODY, where, "", "", [], "3600")
    else:
        iam.create_user(region, name, where)
    return True


def _where(balancer: Any) -> tuple[str, str]:
    """Account and region."""
    parts = str(balancer.arn).split(":")
    return parts[4], parts[3]


def _address(made: Made) -> str:
    """One for each, so that a name that leads to the wrong one shows."""
    return str(_BALANCERS[zlib.crc32(made.arn.encode()) % _BALANCERS.num_addresses])


def _listener(balancer: Any, port: int) -> Any | None:
    return next((one for one in balancer.listeners.values() if int(one.port) == port), None)


def _covers(pattern: str, host: str) -> bool:
    return pattern == host or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:])
