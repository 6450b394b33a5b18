"""Checks the section ``livekit`` against the others: pods and nodes, ports, names, features of the chart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

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


def _settings(env: Environment) -> Iterator[Problem]:
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


def _scaling(env: Environment) -> Iterator[Problem]:
    scaling = env.livekit.autoscaling
    if scaling and scaling.max < scaling.min:
        yield "livekit.autoscaling.max", f"max {scaling.max} is below min {scaling.min}", "raise max or lower min"


def _media_ports(env: Environment) -> Iterator[Problem]:
    first, last = env.livekit.rtc.udp_ports
    if first >= last:
        yield "livekit.rtc.udp_ports", f"{first}…{last} is not a range", "write [first, last], such as [50000, 60000]"
    if first < _LEAST_PORT:
        yield "livekit.rtc.udp_ports", "LiveKit takes no media ports below 1024", "take [50000, 60000]"


def _tcp_port(env: Environment) -> Iterator[Problem]:
    tcp = env.livekit.rtc.tcp_port
    if tcp in _TAKEN:
        yield "livekit.rtc.tcp_port", f"port {tcp} of a node is taken by {_TAKEN[tcp]}", "take 7881"
    yield from _low(env, "livekit.rtc.tcp_port", "TCP", tcp, _LOW_TCP, 7881)


def _turn_port(env: Environment) -> Iterator[Problem]:
    if (turn := env.livekit.turn) is not None:
        yield from _low(env, "livekit.turn.udp_port", "UDP", turn.udp_port, _LOW_UDP, 3478)


def _turn_range(env: Environment) -> Iterator[Problem]:
    if (turn := env.livekit.turn) is None:
        return
    first, last = env.livekit.rtc.udp_ports
    if first <= turn.udp_port <= last:
        yield "livekit.turn.udp_port", f"{turn.udp_port} lies in the media range {first}…{last}", "take 3478"


def _metrics_port(env: Environment) -> Iterator[Problem]:
    """The probes ask it: without it no pod would ever be ready."""
    metrics = env.livekit.settings.get("prometheus")
    port = metrics.get("port", _METRICS_PORT) if isinstance(metrics, Mapping) else _METRICS_PORT
    field, remedy = "livekit.settings.prometheus.port", f"take {_METRICS_PORT}"
    if not isinstance(port, int) or not _LEAST_PORT <= port <= _LAST_PORT:
        yield field, f"this port is for LiveKit's health checks: {port!r} is not between 1024 and 65535", remedy
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


def _turn_name(env: Environment) -> Iterator[Problem]:
    zone, turn = env.livekit.hosted_zone, env.livekit.turn
    if turn and turn.tls and not turn.domain:
        yield (
            "livekit.turn.domain",
            "TURN over TLS needs a name of its own",
            f"set livekit.turn.domain, such as turn.{zone or 'example.com'}, or livekit.turn.tls to false",
        )


def _turn_elsewhere(env: Environment) -> Iterator[Problem]:
    domain = env.livekit.turn.domain if env.livekit.turn else None
    if domain == env.livekit.domain:
        yield (
            "livekit.turn.domain",
            "TURN needs another name than LiveKit: another load balancer answers there",
            f"such as turn.{env.livekit.hosted_zone or domain.partition('.')[2]}",
        )


def _domain(env: Environment) -> Iterator[Problem]:
    yield from _in_zone(env, "livekit.domain", env.livekit.domain)


def _turn_domain(env: Environment) -> Iterator[Problem]:
    if env.livekit.turn and env.livekit.turn.domain:
        yield from _in_zone(env, "livekit.turn.domain", env.livekit.turn.domain)


def _in_zone(env: Environment, field: str, name: str) -> Iterator[Problem]:
    zone = env.livekit.hosted_zone
    if zone and name != zone and not name.endswith(f".{zone}"):
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


def _official_auth(env: Environment) -> Iterator[Problem]:
    if env.livekit.chart != "bundled" and env.redis.auth:
        yield (
            "redis.auth",
            "the official chart keeps the Redis password in a ConfigMap",
            "set redis.auth to false, or livekit.chart to bundled",
        )


def _official_without(env: Environment, field: str) -> Iterator[Problem]:
    if env.livekit.chart != "bundled" and getattr(env.livekit, field):
        yield f"livekit.{field}", f"{field} is not supported with the official chart", "use chart: bundled"


#: what LiveKit, its chart or AWS would refuse
CHECKS: tuple[Callable[[Environment], Iterator[Problem]], ...] = (
    _pods,
    _scaling,
    _media_ports,
    _tcp_port,
    _turn_port,
    _turn_range,
    _metrics_port,
    _turn_name,
    _turn_elsewhere,
    _domain,
    _turn_domain,
    _certificate,
    _official_auth,
    partial(_official_without, field="autoscaling"),
    partial(_official_without, field="webhook_urls"),
    _settings,
)
