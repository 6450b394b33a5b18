"""The configuration that the server builds from arguments, environment and files, and its errors.

The order is the server's own: flags, the text, the variables over it, keys. Source: livekit-server 1.13,
cmd/server/main.go and pkg/config/config.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from livekit_deploy.sandbox.cluster.containers.livekit import schema
from livekit_deploy.sandbox.cluster.containers.livekit.schema import ConfigRefused, Version
from livekit_deploy.sandbox.cluster.containers.process import Process

#: flag → the variable that sets it, and where it goes in the configuration
_FLAGS: dict[str, tuple[str, str]] = {
    "config": ("", ""),
    "config-body": ("LIVEKIT_CONFIG", ""),
    "key-file": ("", "key_file"),
    "keys": ("LIVEKIT_KEYS", ""),
    "region": ("LIVEKIT_REGION", "region"),
    "node-ip": ("NODE_IP", "rtc.node_ip"),
    "udp-port": ("UDP_PORT", "rtc.udp_port"),
    "redis-host": ("REDIS_HOST", "redis.address"),
    "redis-password": ("REDIS_PASSWORD", "redis.password"),
    "turn-cert": ("LIVEKIT_TURN_CERT", "turn.cert_file"),
    "turn-key": ("LIVEKIT_TURN_KEY", "turn.key_file"),
    "bind": ("", ""),
    "cpuprofile": ("", ""),
    "memprofile": ("", ""),
}
_SWITCHES = ("dev", "disable-strict-config")
_OF_ALL = 0o007
_SHORT = 32


def settings(process: Process, version: Version) -> dict[str, Any]:
    """The whole configuration. Raises `ConfigRefused`, and OSError for files."""
    given = _arguments(process.arguments, version)
    for flag, (variable, _) in _FLAGS.items():
        if flag not in given and (value := process.environment.get(variable)):
            given[flag] = value
    overrides = list(schema.flagged(dict(process.environment), version))
    text = given.get("config-body") or (process.read(given["config"]) if "config" in given else "")
    config = schema.parsed(text, version, strict="disable-strict-config" not in given)
    for path, value in overrides:
        schema.put(config, path, value)
    for flag, value in given.items():
        if path := _FLAGS.get(flag, ("", flag if "." in flag else ""))[1]:
            schema.put(config, path, value)
    if "keys" in given:
        config["keys"] = _keys(given["keys"])
    if "dev" in given:
        config["development"] = True
    config["keys"] = _checked_keys(process, config)
    for flag in ("cpuprofile", "memprofile"):
        if flag in given:
            process.create(given[flag])
    return config


def _arguments(arguments: tuple[str, ...], version: Version) -> dict[str, str]:
    """flag → value. The first word may be the program itself."""
    words = [word for word in arguments if not word.endswith("livekit-server")]
    generated = {path for path, _ in schema.flags(version).values()}
    found: dict[str, str] = {}
    while words:
        word = words.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-"):
            continue
        if name in _SWITCHES:
            found[name] = "true"
        elif name in _FLAGS or name in generated:
            if not equals and not words:
                raise ConfigRefused(f"flag needs an argument: -{name}")
            found[name] = value if equals else words.pop(0)
        else:
            said = f"flag provided but not defined: -{name}"
            raise ConfigRefused(f"Incorrect Usage: {said}\n{said}")
    return found


# ---- keys


def _keys(text: str) -> dict[str, str]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = text
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigRefused('Could not parse keys, it needs to be exactly, "key: secret", including the space')
    # what YAML does not take for text, such as a secret of digits alone, is left out without a word
    return {str(key): value for key, value in found.items() if isinstance(value, str)}


def _checked_keys(process: Process, config: dict[str, Any]) -> dict[str, str]:
    path = str(config.get("key_file") or "")
    if path:
        text = _key_file(process, path)
        found = yaml.safe_load(text) or {}
        keys = {str(key): str(value) for key, value in found.items()}
    else:
        keys = dict(config.get("keys") or {})
    if not keys and config.get("development"):
        keys = {"devkey": "secret"}
    if not keys:
        raise ConfigRefused("one of key-file or keys must be provided")
    return keys


def _key_file(process: Process, path: str) -> str:
    file = process.files.get(path if path.startswith("/") else f"/{path}")
    if file is None:
        raise OSError(f"stat {path}: no such file or directory")
    if file.mode & _OF_ALL:
        raise ConfigRefused("key file others permissions must be set to 0")
    return process.read(path)


def short_secrets(config: dict[str, Any]) -> Iterator[str]:
    """The keys whose secret is too short: the server says so and starts."""
    if not config.get("development"):
        yield from (key for key, secret in config["keys"].items() if len(secret) < _SHORT)
