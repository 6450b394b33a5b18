"""Starts of livekit-server that end: what it is given, and what it says then.

The stand-in of the sandbox is held to it, and to both real servers where they are there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_SECRET = "a secret of more than thirty-two characters"
_KEYS = {"LIVEKIT_KEYS": f"APIkey: {_SECRET}"}


@dataclass(frozen=True)
class Start:
    """Environment, arguments and files (name: text and mode) of one start; ``{folder}`` is where the files are."""

    says: str
    environment: dict[str, str] = field(default_factory=dict)
    config: str = "rtc: {use_external_ip: false}"
    arguments: tuple[str, ...] = ()
    files: dict[str, tuple[str, int]] = field(default_factory=dict)


def _parsed(says: str, **environment: str) -> Start:
    return Start(f"could not parse {says}", _KEYS | environment)


def _config(says: str, config: str) -> Start:
    return Start(says, _KEYS, config)


def _wrong(says: str, config: str) -> Start:
    return _config(f"could not parse config: yaml: unmarshal errors:\n  {says}", config)


_PORT = '"tcp://10.0.0.1:80" as uint value from environment variable "LIVEKIT_PORT" for flag port: '
_VARIABLE = "value from environment variable"
STARTS: dict[str, Start] = {
    "a service link for its port": _parsed(
        f'{_PORT}strconv.ParseUint: parsing "tcp://10.0.0.1:80": invalid syntax', LIVEKIT_PORT="tcp://10.0.0.1:80"
    ),
    "a variable that is no bool": _parsed(
        f'"maybe" as bool {_VARIABLE} "LIVEKIT_TURN_ENABLED" for flag turn.enabled: parse error',
        LIVEKIT_TURN_ENABLED="maybe",
    ),
    "a variable that is no int": _parsed(
        f'"x" as int {_VARIABLE} "LIVEKIT_TURN_TLS_PORT" for flag turn.tls_port: '
        'strconv.ParseInt: parsing "x": invalid syntax',
        LIVEKIT_TURN_TLS_PORT="x",
    ),
    "a variable that is no float": _parsed(
        f'"x" as float64 {_VARIABLE} "LIVEKIT_NODE_SELECTOR_CPU_LOAD_LIMIT" for flag node_selector.cpu_load_limit: '
        'strconv.ParseFloat: parsing "x": invalid syntax',
        LIVEKIT_NODE_SELECTOR_CPU_LOAD_LIMIT="x",
    ),
    "no keys": Start("one of key-file or keys must be provided"),
    "empty keys": Start("one of key-file or keys must be provided", {"LIVEKIT_KEYS": ""}),
    "a secret of digits alone": Start(
        "one of key-file or keys must be provided", {"LIVEKIT_KEYS": f"APIkey: {'1' * 40}"}
    ),
    "keys in another form": Start(
        'Could not parse keys, it needs to be exactly, "key: secret", including the space', {"LIVEKIT_KEYS": "abc"}
    ),
    "a list of keys": Start(
        'Could not parse keys, it needs to be exactly, "key: secret", including the space', {"LIVEKIT_KEYS": "[a]"}
    ),
    "unknown keys": _wrong(
        "line 1: field nonsense not found in type config.Config\n"
        "  line 3: field foo not found in type config.RTCConfig",
        "nonsense: 1\nrtc:\n  foo: 2\n",
    ),
    "wrong types": _wrong(
        "line 1: cannot unmarshal !!str `abc` into uint32\n  line 2: cannot unmarshal !!int `60` into time.Duration\n"
        "  line 3: cannot unmarshal !!str `sometimes` into bool\n  line 3: cannot unmarshal !!str `5m` into uint32",
        "port: abc\nsignal_relay: {retry_timeout: 60}\nroom: {auto_create: sometimes, empty_timeout: 5m}\n",
    ),
    "a text for a list": _wrong(
        "line 1: cannot unmarshal !!str `stun.ex...` into []string", "rtc: {stun_servers: stun.example.com}\n"
    ),
    "a list for a section": _wrong("line 1: cannot unmarshal !!seq into config.TURNConfig", "turn: []\n"),
    "a text for a section": _wrong(
        "line 1: cannot unmarshal !!str `yes please` into config.RoomConfig", "room: yes please\n"
    ),
    "a negative port": _wrong("line 1: cannot unmarshal !!int `-1` into uint32", "port: -1\n"),
    "a key file for everybody": Start(
        "key file others permissions must be set to 0",
        {"LIVEKIT_KEY_FILE": "{folder}/keys"},
        files={"keys": (f"APIkey: {_SECRET}", 0o644)},
    ),
    "a key file that is not there": Start(
        "stat {folder}/none: no such file or directory", {"LIVEKIT_KEY_FILE": "{folder}/none"}
    ),
    "a configuration file that is not there": Start(
        "open {folder}/none: no such file or directory", _KEYS, "", ("--config", "{folder}/none")
    ),
    "a region that is not said": _config("current region cannot be blank", "node_selector: {kind: regionaware}\n"),
    "webhooks without a key": _config(
        "api_key is required to use webhooks", "webhook: {urls: ['https://x.example.com']}\n"
    ),
    "webhooks with the key of nobody": Start(
        "api_key is required to use webhooks",
        _KEYS | {"LIVEKIT_WEBHOOK_API_KEY": "nobody"},
        "webhook: {urls: ['https://x.example.com']}\n",
    ),
    "TURN without a port": _config("invalid TURN ports", "turn: {enabled: true}\n"),
    "TURN without a name": _config("TURN domain required", "turn: {enabled: true, tls_port: 5349}\n"),
    "TURN with half a name": _config(
        "TURN domain is not correct", "turn: {enabled: true, tls_port: 5349, domain: turn}\n"
    ),
    "TURN without its certificate": _config(
        "TURN tls cert required: open /x/tls.crt: no such file or directory",
        "turn: {enabled: true, tls_port: 5349, domain: turn.example.com, cert_file: /x/tls.crt, key_file: /x/key}\n",
    ),
    "an authority that is not there": _config(
        "could not read ca certificate: open /nope: no such file or directory",
        "redis: {address: 'localhost:1', tls: {enabled: true, ca_cert_file: /nope}}\n",
    ),
    "an address that is a URL": _config(
        "unable to connect to redis: dial tcp: address rediss://localhost:6379: too many colons in address",
        "redis: {address: 'rediss://localhost:6379'}\n",
    ),
    "an address without a port": _config(
        "unable to connect to redis: dial tcp: address localhost: missing port in address",
        "redis: {address: localhost}\n",
    ),
    "half a password for metrics": _config(
        "prometheus username or password is set but not both, set both or nothing for unauthenticated access",
        "prometheus: {port: 6789, username: a}\n",
    ),
    "metrics on a port that it uses itself": _config(
        "listen tcp :7881: bind: address already in use", "prometheus: {port: 7881}\n"
    ),
}
#: known to the newest, and fatal before: what the oldest says of it
SINCE = _wrong("line 1: field rtx_budget not found in type config.RTCConfig", "rtc: {rtx_budget: {}}\n")
