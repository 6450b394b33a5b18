"""The stand-in's connection to Redis: an answer, or an error and the time it takes.

Source: go-redis 9, which dials five times for each of four PINGs; ElastiCache user guide, "In-transit encryption" and
"Authenticating with AUTH".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography import x509

from livekit_deploy.sandbox.cluster.containers.process import Process
from livekit_deploy.sandbox.cluster.port import RedisServer

#: seconds until it gives up: a port that refuses, one that nothing comes back from, TLS that is not answered
_REFUSED, _SILENT, _NO_TLS, _AT_ONCE = 1.8, 102.0, 25.0, 0.5
#: whose authority signs ElastiCache's certificates
_AUTHORITY = "Amazon"
_NO_PASSWORD = "NOAUTH Authentication required."


class RedisError(Exception):
    """Why there is no connection, in the server's words, after so many ``seconds``."""

    def __init__(self, said: str, seconds: float) -> None:
        super().__init__(f"unable to connect to redis: {said}")
        self.seconds = seconds


def check_files(process: Process, config: Mapping[str, Any]) -> None:
    """Read the authority that it is given. Raises OSError for one that is not there, before anything is dialled."""
    _authority(process, config.get("tls") or {})


def connect(process: Process, config: Mapping[str, Any]) -> None:
    """Connect as ``redis`` of a configuration says. Raises `RedisError`."""
    tls: Mapping[str, Any] = config.get("tls") or {}
    secure = bool(tls.get("enabled") or config.get("use_tls"))
    authority = _authority(process, tls)
    host, port = _address(str(config["address"]))
    server = named(process.redis, host)
    if server is None:
        raise RedisError(f"dial tcp: lookup {host}: no such host", _REFUSED)
    if process.node_address not in server.admits:
        raise RedisError(f"dial tcp {host}:{port}: i/o timeout", _SILENT)
    if port != server.port:
        raise RedisError(f"dial tcp {host}:{port}: connect: connection refused", _REFUSED)
    if secure and not server.tls:
        raise RedisError("context deadline exceeded", _NO_TLS)
    if not secure and not server.plain:
        raise RedisError("EOF", _AT_ONCE)
    if secure and authority is False and not tls.get("insecure"):
        raise RedisError("tls: failed to verify certificate: x509: certificate signed by unknown authority", _AT_ONCE)
    password = str(config.get("password") or "")
    if server.tokens and password not in server.tokens:
        wrong = "WRONGPASS invalid username-password pair or user is disabled." if password else _NO_PASSWORD
        raise RedisError(wrong, _AT_ONCE)


def _authority(process: Process, tls: Mapping[str, Any]) -> bool | None:
    """Whether the authority that it is given signs ElastiCache's certificates; None for those of the image."""
    path = tls.get("ca_cert_file")
    if not path or not tls.get("enabled"):
        return None
    try:
        text = process.read(str(path))
    except OSError as error:
        raise OSError(f"could not read ca certificate: {error}") from error
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        raise OSError("could not parse ca certificate") from error
    return any(_AUTHORITY in one.subject.rfc4514_string() for one in found)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if ":" in host and not host.startswith("["):
        raise RedisError(f"dial tcp: address {text}: too many colons in address", _REFUSED)
    if not colon:
        raise RedisError(f"dial tcp: address {text}: missing port in address", _REFUSED)
    if not port.isdigit():
        raise RedisError(f"dial tcp: lookup tcp/{port}: unknown port", _REFUSED)
    return host, int(port)


def named(servers: tuple[RedisServer, ...], host: str) -> RedisServer | None:
    """The server of a host name that is there."""
    return next((one for one in servers if one.host == host.lower().rstrip(".")), None)
