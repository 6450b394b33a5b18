"""The stand-in's program: how its start ends, what it listens on, and how it answers."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from livekit_deploy.sandbox.cluster.containers.livekit import api, redis
from livekit_deploy.sandbox.cluster.containers.livekit.schema import ConfigRefused, Version
from livekit_deploy.sandbox.cluster.containers.livekit.settings import settings, short_secrets
from livekit_deploy.sandbox.cluster.containers.process import Process
from livekit_deploy.sandbox.cluster.containers.programs import Ended, Running
from livekit_deploy.sandbox.cluster.port import RedisServer

_NEWEST: Version = (1, 13, 11)
#: since when an error at the start is the exit code 1 (livekit #4888)
_SAID_BY_CODE: Version = (1, 13, 10)
_PORT, _TURN_CERT = 7880, "TURN tls cert required"
_START = 0.5  # seconds until it listens
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+\.?", re.IGNORECASE)


def version_of(tag: str) -> Version:
    """The version that a tag names; one that names none, or only a minor, stands for the newest."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)", tag)
    return tuple(map(int, found.groups())) if found else _NEWEST


def start(process: Process, tag: str) -> Running | Ended:
    """Start it in a container: it runs, or has ended with its last words."""
    version = version_of(tag)
    lines: list[str] = []
    json_lines = True
    try:
        config = settings(process, version)
        json_lines = bool((config.get("logging") or {}).get("json"))
        for key in short_secrets(config):
            lines.append(_said(json_lines, "error", _SHORT_SECRET, apiKey=key))
        _reach_redis(process, config, lines, json_lines)
        _check(config)
        ports = _listened(process, config)
    except (ConfigRefused, OSError, redis.RedisError) as error:
        seconds = error.seconds if isinstance(error, redis.RedisError) else 0.0
        return Ended((*lines, *str(error).splitlines()), int(version >= _SAID_BY_CODE), seconds)
    lines.append(_said(json_lines, "info", "starting LiveKit server", **_started(process, config, version)))
    return Server(tuple(lines), config, ports, process.node_address)


_SHORT_SECRET = "secret is too short, should be at least 32 characters for security"


def _reach_redis(process: Process, config: dict[str, Any], lines: list[str], json_lines: bool) -> None:
    found = config.get("redis") or {}
    if found.get("address"):
        redis.check_files(process, found)
        lines.append(_said(json_lines, "info", "connecting to redis", simple=True, addr=found["address"]))
        redis.connect(process, found)


def _check(config: dict[str, Any]) -> None:
    """What only the server's code checks, in its order."""
    selector = config.get("node_selector") or {}
    if selector.get("kind") == "regionaware" and not config.get("region"):
        raise ConfigRefused("current region cannot be blank")
    webhook = config.get("webhook") or {}
    if webhook.get("urls") and webhook.get("api_key") not in config["keys"]:
        raise ConfigRefused("api_key is required to use webhooks")
    _check_turn(config.get("turn") or {})
    prometheus = config.get("prometheus") or {}
    if bool(prometheus.get("username")) != bool(prometheus.get("password")):
        said = "prometheus username or password is set but not both, set both or nothing for unauthenticated access"
        raise ConfigRefused(said)


def _check_turn(turn: dict[str, Any]) -> None:
    if not turn.get("enabled"):
        return
    if not turn.get("tls_port") and not turn.get("udp_port"):
        raise ConfigRefused("invalid TURN ports")
    if turn.get("tls_port"):
        if not turn.get("domain"):
            raise ConfigRefused("TURN domain required")
        if not _DOMAIN.fullmatch(str(turn["domain"])):
            raise ConfigRefused("TURN domain is not correct")


def _listened(process: Process, config: dict[str, Any]) -> dict[str, int]:
    """What it listens on, by purpose. Raises OSError where a port is taken or a certificate is missing."""
    rtc, turn = config.get("rtc") or {}, config.get("turn") or {}
    found: dict[str, int] = {}

    def listen(purpose: str, port: Any, shown: str, prefix: str = "") -> None:
        if port:
            number = int(port)
            try:
                process.listen(number, shown)
                if number in found.values():
                    raise OSError(f"listen tcp {shown}:{number}: bind: address already in use")
            except OSError as error:
                raise OSError(f"{prefix}{error}") from error
            found[purpose] = number

    listen("rtc", rtc.get("tcp_port", 7881), "")
    if turn.get("enabled") and turn.get("tls_port"):
        if not turn.get("external_tls"):
            _certificate(process, turn)
        listen("turn", turn["tls_port"], "0.0.0.0", "could not listen on TURN TCP port: ")
    listen("http", config.get("port", _PORT), "")
    listen("prometheus", config.get("prometheus_port") or (config.get("prometheus") or {}).get("port"), "")
    return found


def _certificate(process: Process, turn: dict[str, Any]) -> None:
    for key in ("cert_file", "key_file"):
        try:
            process.read(str(turn.get(key) or ""))
        except OSError as error:
            raise OSError(f"{_TURN_CERT}: {error}") from error


def _started(process: Process, config: dict[str, Any], version: Version) -> dict[str, Any]:
    rtc = config.get("rtc") or {}
    outside = process.address if not rtc.get("use_external_ip") else process.outside or process.address
    return {
        "portHttp": config.get("port", _PORT),
        "nodeID": f"ND_{process.uid.replace('-', '')[:12]}",
        "nodeIP": str(rtc.get("node_ip") or "") or outside,
        "version": ".".join(map(str, version)),
        "rtc.portTCP": rtc.get("tcp_port", 7881),
        "rtc.portICERange": [rtc.get("port_range_start") or 50000, rtc.get("port_range_end") or 60000],
    }


# ---- while it runs


@dataclass(frozen=True)
class Server:
    """A server that has started."""

    lines: tuple[str, ...]
    config: dict[str, Any] = field(repr=False)
    listening: dict[str, int]
    node_address: str
    seconds: float = _START

    def listens(self, port: int) -> bool:
        return port in self.listening.values()

    def ports(self) -> frozenset[int]:
        return frozenset(self.listening.values())

    @property
    def keys(self) -> dict[str, str]:
        """Its API keys, as it read them when it started."""
        return dict(self.config["keys"])

    def redis(self, servers: tuple[RedisServer, ...]) -> RedisServer | None:
        """The Redis of its configuration, None while it is not there."""
        host = str((self.config.get("redis") or {}).get("address") or "").rpartition(":")[0]
        return redis.named(servers, host)

    def healthy(self, servers: tuple[RedisServer, ...]) -> bool:
        """Whether it tells Redis that it is alive, over a connection that is open already.

        A rule that is taken away does not end that (EC2 user guide, "Security group connection tracking").
        """
        return not (self.config.get("redis") or {}).get("address") or self.redis(servers) is not None

    def answer(
        self, port: int, path: str, headers: Mapping[str, str], redis: tuple[RedisServer, ...]
    ) -> tuple[int, bytes]:
        if port == self.listening.get("prometheus"):
            return self._metrics(headers)
        if port != self.listening["http"]:
            return 404, b"404 page not found\n"
        if path.startswith(api.PREFIX):
            return api.answer(headers, self.keys, self._unreachable(redis))
        if path.partition("?")[0] != "/":
            return 404, b"404 page not found\n"
        if not self.healthy(redis):
            return 406, b"Not Ready\nNode Updated At 0001-01-01 00:00:00 +0000 UTC"
        return 200, b"OK"

    def _unreachable(self, servers: tuple[RedisServer, ...]) -> str:
        """Why a new connection to Redis is not made, "" when it is."""
        address = (self.config.get("redis") or {}).get("address")
        if not address:
            return ""
        found = self.redis(servers)
        if found is None:
            return f"dial tcp: lookup {str(address).rpartition(':')[0]}: no such host"
        return "" if self.node_address in found.admits else f"dial tcp {address}: i/o timeout"

    def _metrics(self, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Whatever Redis does; with a password where the configuration has one."""
        asked = self.config.get("prometheus") or {}
        pair = base64.b64encode(f"{asked.get('username')}:{asked.get('password')}".encode()).decode()
        if asked.get("username") and headers.get("authorization") != f"Basic {pair}":
            return 401, b""
        return 200, b"# HELP livekit_node_rooms\n"


# ---- what it says


def called(server: Server, path: str, status: int) -> str:
    """What it says of a call of its API."""
    service, _, method = path.removeprefix("/twirp/livekit.").partition("/")
    more = {"service": service, "method": method, "duration": "1.2ms", "status": str(status)}
    as_json = bool((server.config.get("logging") or {}).get("json"))
    return _said(as_json, "info", f"API {service}.{method}", logger="livekit.api", **more)


def _said(as_json: bool, level: str, message: str, *, logger: str = "livekit", **more: Any) -> str:
    moment = time.time()
    if as_json:
        return json.dumps({"level": level, "ts": round(moment, 3), "logger": logger, "msg": message, **more})
    clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"
    return "\t".join(filter(None, (clock, level.upper(), logger, message, json.dumps(more) if more else "")))
