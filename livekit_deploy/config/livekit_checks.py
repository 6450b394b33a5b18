"""Checks of the section ``livekit`` against the rest: pods and nodes, ports, names, what its charts can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from livekit_deploy.config.livekit_settings import refused
from livekit_deploy.config.models import Environment

Problem = tuple[str, str, str]  # field, what is wrong, what to do

_LEAST_PORT, _LAST_PORT = 1024, 65535
_METRICS_PORT = 6789
#: TCP ports that other processes of a node, or LiveKit itself, listen on
_TAKEN = {
    22: "SSH",
    5349: "TURN/TLS",
    _METRICS_PORT: "LiveKit's metrics",
    7880: "LiveKit's signalling",
    10248: "the kubelet",
    10250: "the kubelet",
    10256: "kube-proxy",
}
#: ports below 1024 that livekit-server accepts (config-sample.yaml); ours runs without the rights to open any
_LOW_TCP, _LOW_UDP = (80, 443), (53, 80, 443)
_CERTIFICATE_NAME = 64  # ACM, RequestCertificate: the first name of a certificate


def problems(env: Environment) -> Iterator[Problem]:
    """What LiveKit, its chart or AWS would refuse."""
    yield from _pods(env)
    yield from _ports(env)
    yield from _metrics_port(env)
    yield from _domains(env)
    yield from _certificate(env)
    yield from _official_chart(env)
    for key, wrong, remedy in refused(env.livekit.settings):
        yield f"livekit.settings.{key}", wrong, remedy


def _pods(env: Environment) -> Iterator[Problem]:
    scaling, nodes = env.livekit.autoscaling, env.nodes.media.desired
    pods = scaling.max if scaling else env.livekit.replicas
    key = "livekit.autoscaling.max" if scaling else "livekit.replicas"
    if pods > nodes:
        yield (
            key,
            f"{pods} pods do not fit on {nodes} media node{'s' if nodes != 1 else ''}: one pod a node",
            f"raise nodes.media.desired to {pods}, or lower {key}",
        )
    if scaling and scaling.max < scaling.min:
        yield key, f"max {scaling.max} is below min {scaling.min}", "raise max or lower min"


def _ports(env: Environment) -> Iterator[Problem]:
    (first, last), tcp, turn = env.livekit.rtc.udp_ports, env.livekit.rtc.tcp_port, env.livekit.turn
    if first >= last:
        yield "livekit.rtc.udp_ports", f"{first}…{last} is no range", "write [first, last], such as [50000, 60000]"
    if first < _LEAST_PORT:
        yield "livekit.rtc.udp_ports", "LiveKit takes no media ports below 1024", "take [50000, 60000]"
    yield from _low(env, "livekit.rtc.tcp_port", "TCP", tcp, _LOW_TCP, 7881)
    if tcp in _TAKEN:
        yield "livekit.rtc.tcp_port", f"port {tcp} of a node is taken by {_TAKEN[tcp]}", "take 7881"
    if turn is None:
        return
    yield from _low(env, "livekit.turn.udp_port", "UDP", turn.udp_port, _LOW_UDP, 3478)
    if first <= turn.udp_port <= last:
        yield "livekit.turn.udp_port", f"{turn.udp_port} lies in the media range {first}…{last}", "take 3478"


def _metrics_port(env: Environment) -> Iterator[Problem]:
    """The probes ask it: without it no pod would ever be ready."""
    metrics = env.livekit.settings.get("prometheus")
    port = metrics.get("port", _METRICS_PORT) if isinstance(metrics, Mapping) else _METRICS_PORT
    field, remedy = "livekit.settings.prometheus.port", f"take {_METRICS_PORT}"
    if not isinstance(port, int) or not _LEAST_PORT <= port <= _LAST_PORT:
        yield field, f"LiveKit is asked on this port whether it is well: {port!r} is none from 1024 to 65535", remedy
    elif port == env.livekit.rtc.tcp_port:
        yield field, f"port {port} is livekit.rtc.tcp_port", remedy
    elif port in _TAKEN and port != _METRICS_PORT:
        yield field, f"port {port} of a node is taken by {_TAKEN[port]}", remedy


def _low(
    env: Environment, field: str, protocol: str, port: int, allowed: tuple[int, ...], usual: int
) -> Iterator[Problem]:
    if port >= _LEAST_PORT:
        return
    if port not in allowed:
        yield field, f"LiveKit does not listen on {protocol} {port}", f"take {usual}"
    elif env.livekit.chart == "bundled":
        yield field, f"LiveKit runs without the rights for {protocol} {port}, a port below 1024", f"take {usual}"


def _domains(env: Environment) -> Iterator[Problem]:
    zone, turn = env.livekit.hosted_zone, env.livekit.turn
    domain = turn.domain if turn else None
    if turn and turn.tls and not domain:
        yield (
            "livekit.turn.domain",
            "TURN over TLS needs a name of its own",
            f"set livekit.turn.domain, such as turn.{zone or 'example.com'}, or livekit.turn.tls to false",
        )
    if domain == env.livekit.domain:
        yield (
            "livekit.turn.domain",
            "TURN needs another name than LiveKit: another load balancer answers there",
            f"such as turn.{zone or domain.partition('.')[2]}",
        )
    for field, name in (("livekit.domain", env.livekit.domain), ("livekit.turn.domain", domain)):
        if zone and name and name != zone and not name.endswith(f".{zone}"):
            yield field, f"{name} is not in the hosted zone {zone}", f"take a name that ends in .{zone}"


def _certificate(env: Environment) -> Iterator[Problem]:
    found, at = env.livekit.certificate, "livekit.certificate"
    if found == "auto":
        if (length := len(env.livekit.domain)) > _CERTIFICATE_NAME:
            wrong = f"a certificate of ACM takes a name of {_CERTIFICATE_NAME} characters, this one has {length}"
            yield "livekit.domain", wrong, "take a shorter name, or bring a certificate"
        return
    region, account = found.split(":")[3:5]
    if region != env.region:
        yield at, f"this certificate is in {region}: the load balancer takes one of {env.region}", "request one there"
    if env.account_id and account != env.account_id:
        yield at, f"this certificate is of account {account}, not {env.account_id}", "name one of this account"


def _official_chart(env: Environment) -> Iterator[Problem]:
    if env.livekit.chart == "bundled":
        return
    if env.redis.auth:
        yield (
            "redis.auth",
            "the official chart keeps the Redis password in a ConfigMap",
            "set redis.auth to false, or livekit.chart to bundled",
        )
    for field, value in (("autoscaling", env.livekit.autoscaling), ("webhook_urls", env.livekit.webhook_urls)):
        if value:
            yield f"livekit.{field}", f"{field} is not supported with the official chart", "use chart: bundled"
