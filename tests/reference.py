"""The configuration reference, from the models, the presets and the resources that each key reaches.

What a change of a key means is not written down anywhere: the stack is built with the key as it was and as it would be,
and the classes of the inputs that differ say it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from livekit_deploy.config import load_environment, merged
from livekit_deploy.config.explain import MEANINGS, Key, every_key
from livekit_deploy.config.presets import PRESETS
from livekit_deploy.engine.inputs import Change
from livekit_deploy.engine.resource import Resource
from livekit_deploy.stack import stack

#: an environment in which every section is in use
_BASE: dict[str, Any] = {
    "preset": "prod",
    "name": "uat",
    "region": "us-east-1",
    "network": {"availability_zones": 2},
    "cluster": {"public_cidrs": ["203.0.113.0/24"], "admins": ["arn:aws:iam::123456789012:role/a"]},
    "livekit": {
        "domain": "livekit.example.com",
        "hosted_zone": "example.com",
        "turn": {"domain": "turn.example.com"},
        "webhook_urls": ["https://example.com"],
    },
}
_ARN = "arn:aws:acm:us-east-1:123456789012:certificate/1"
_SCALING = {"livekit": {"autoscaling": {"min": 1, "max": 3, "cpu": 60}}}
_OFFICIAL = {"redis": {"auth": False}, "livekit": {"webhook_urls": [], "chart": {"version": "1.9.0"}}}
#: for each key another value, and what else must hold for it
_OTHER: dict[str, tuple[Any, Mapping[str, Any]]] = {
    "tags": ({"a": "b"}, {}),
    "protect": (False, {}),
    "network.cidr": ("10.60.0.0/16", {}),
    "network.availability_zones": (3, {}),
    "network.nat": ("none", {}),
    "network.flow_logs": (False, {}),
    "cluster.version": ("1.37", {}),
    "cluster.public_cidrs": (["198.51.100.0/24"], {}),
    "cluster.admins": (["arn:aws:iam::123456789012:role/b"], {}),
    "cluster.logs": (["api"], {}),
    "cluster.log_retention_days": (7, {}),
    "cluster.secrets_key": (False, {}),
    "cluster.deletion_protection": (False, {}),
    "cluster.addons": ({"coredns": {"version": "v1.1.1-eksbuild.1"}}, {}),
    "cluster.addons.NAME.version": ("v1.1.1-eksbuild.1", {}),
    "cluster.addons.NAME.configuration": ({"a": 1}, {}),
    "cluster.addons.NAME.role": ("arn:aws:iam::123456789012:role/b", {}),
    "redis.engine": ("redis", {}),
    "redis.version": ("8.1", {}),
    "redis.node_type": ("cache.m7g.xlarge", {}),
    "redis.replicas": (1, {}),
    "redis.multi_az": (False, {}),
    "redis.tls": (False, {"redis": {"auth": False}}),
    "redis.auth": (False, {}),
    "redis.snapshot_retention_days": (1, {}),
    "redis.snapshot_window": ("05:00-06:00", {}),
    "redis.parameters": ({"timeout": "300"}, {}),
    "load_balancer_controller.repo": ("https://example.com", {}),
    "load_balancer_controller.chart_version": ("3.6.0", {}),
    "load_balancer_controller.digest": ("a" * 64, {}),
    "load_balancer_controller.replicas": (3, {}),
    "livekit.domain": ("live.example.com", {}),
    "livekit.certificate": (_ARN, {}),
    "livekit.hosted_zone": (None, {}),
    "livekit.ssl_policy": ("ELBSecurityPolicy-TLS13-1-3-2021-06", {}),
    "livekit.image_tag": ("v1.13.8", {}),
    "livekit.chart": ({"version": "1.9.0"}, {"redis": {"auth": False}, "livekit": {"webhook_urls": []}}),
    "livekit.chart.repo": ("https://example.com", _OFFICIAL),
    "livekit.chart.version": ("1.9.1", _OFFICIAL),
    "livekit.chart.digest": ("a" * 64, _OFFICIAL),
    "livekit.replicas": (2, {}),
    "livekit.autoscaling": ({"max": 3}, {}),
    "livekit.autoscaling.min": (2, _SCALING),
    "livekit.autoscaling.max": (2, _SCALING),
    "livekit.autoscaling.cpu": (50, _SCALING),
    "livekit.rtc.udp_ports": ([50000, 55000], {}),
    "livekit.rtc.tcp_port": (7882, {}),
    "livekit.turn": (None, {}),
    "livekit.turn.domain": ("relay.example.com", {}),
    "livekit.turn.udp_port": (3479, {}),
    "livekit.turn.tls": (False, {}),
    "livekit.webhook_urls": (["https://example.org"], {}),
    "livekit.settings": ({"room": {"empty_timeout": 1}}, {}),
    "iam.permissions_boundary": ("arn:aws:iam::123456789012:policy/b", {}),
    "iam.path": ("/b/", {}),
    "nodes.system": (None, {}),
}
for _group in ("media", "system"):
    _OTHER |= {
        f"nodes.{_group}.instance_types": (["c5.4xlarge"], {}),
        f"nodes.{_group}.min": (2, {}),
        f"nodes.{_group}.desired": (4, {}),
        f"nodes.{_group}.max": (9, {}),
        f"nodes.{_group}.capacity": ("spot", {}),
        f"nodes.{_group}.ami": ("BOTTLEROCKET_x86_64", {}),
        f"nodes.{_group}.disk_gib": (60, {}),
    }
#: what changes together with a key, because the old value does not fit the new one
_TOGETHER: dict[str, dict[str, Any]] = {"redis.engine": {"redis": {"version": "7.1"}}}
#: keys that say which environment it is, or how it is worked on
_NOT_RESOURCES = {
    "preset": "as the keys that it sets",
    "name": "another environment",
    "project": "another environment",
    "region": "another environment",
    "account_id": "a guard: nothing is changed",
    "guard.max_monthly_cost": "a guard: nothing is changed; it cannot be checked where something has no price",
    "state": "copy the document first: `state restore`",
    "state.bucket": "copy the document first: `state restore`",
    "state.path": "copy the document first: `state restore`",
    "state.kms_key": "from the next write on",
    "state.lease_seconds": "from the next run on",
    "tags": "on what is made from then on, and at once on load balancers and what belongs to them",
}
#: what each class of change means, the gravest first; "apart" stands for what is made or deleted
_WORDS: dict[str, str] = {
    Change.FIXED: "refused: {kinds} cannot be changed",
    Change.IMMUTABLE: "a new one first: {kinds}",
    "apart": "made or deleted: {kinds}",
    Change.MUTABLE: "in place: {kinds}",
    Change.CREATE_ONLY: "applied once: {kinds}",
}


# ---- what a change means


def effect(path: str) -> str:
    """What happens to what runs when this key is changed."""
    if path in _NOT_RESOURCES:
        return _NOT_RESOURCES[path]
    other, needs = _OTHER[path]
    before = merged(_BASE, dict(needs))
    after = merged(before, _nested(path.replace("NAME", "coredns"), other), _TOGETHER.get(path, {}))
    return _said(_resources(before), _resources(after))


def _said(before: Mapping[str, Resource], after: Mapping[str, Resource]) -> str:
    found: dict[str, list[str]] = {change: [] for change in _WORDS}
    for name in before.keys() & after.keys():
        for change in _differing(before[name], after[name]):
            found[change].append(before[name].kind)
    found["apart"] = [name.partition("/")[0] for name in before.keys() ^ after.keys()]
    for gravity, words in _WORDS.items():
        if kinds := found[gravity]:
            return words.format(kinds=", ".join(f"`{kind}`" for kind in sorted(set(kinds))))
    raise AssertionError("this value changes nothing: choose another in tests/reference.py")


def _differing(old: Resource, new: Resource) -> Iterator[Change]:
    if old.address != new.address:
        yield Change.IMMUTABLE
    was, will = (one.desired(lambda ref: f"{ref.source.kind}/{ref.source.name}.{ref.output}") for one in (old, new))
    for name in was:
        if was[name] != will[name]:
            yield old.inputs[name].change


def _nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)


def _resources(values: Mapping[str, Any]) -> dict[str, Resource]:
    """The stack by kind and name: what is the same thing before and after."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "uat.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return {f"{one.kind}/{one.name}": one for one in stack(load_environment(path, environ={}))}


# ---- the page


def _value(value: Any) -> str:
    if value is ...:
        return "**needed**"
    if isinstance(value, BaseModel) or (isinstance(value, dict) and value):
        return ""
    if isinstance(value, list | tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if value is None:
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type(part) for part in arguments if part is not NoneType))
    if origin is Literal:
        return " \\| ".join(f"`{part}`" for part in arguments)
    if origin is tuple:
        return f"list of {_type(arguments[0])}" if len(arguments) == 2 and arguments[1] is ... else "two numbers"
    if origin is dict:
        return "mapping"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return {bool: "`true` \\| `false`", int: "number", str: "text"}.get(annotation, "CIDR")


def changes() -> str:
    """livekit_deploy/config/changes.json: for each key what a change of it does to what runs."""
    found = {key.path: effect(key.path) for key in every_key() if not _is_section(key)}
    return json.dumps(found, indent=1) + "\n"


def page() -> str:
    """The whole reference as Markdown."""
    said = ". ".join(f"*{word.capitalize()}*: {means}" for word, means in MEANINGS.items())
    parts = [_HEAD.replace("{meanings}", said)]
    sections: dict[str, dict[str, Key]] = {}
    for key in every_key():
        sections.setdefault(key.path.rpartition(".")[0], {})[key.path] = key
    for section, found in sections.items():
        parts.append(f"## `{section}`\n" if section else "## At the top\n")
        if rows := [_row(key) for key in found.values() if not _is_section(key)]:
            parts += [
                "| Key | Takes | dev | uat | prod | What it is | When it changes |",
                "|---|---|---|---|---|---|---|",
            ]
            parts += [*rows, ""]
    return "\n".join(parts)


def _is_section(key: Key) -> bool:
    return key.has_keys and key.path not in _OTHER


def _row(key: Key) -> str:
    defaults = " | ".join(_value(key.default(preset)) for preset in PRESETS)
    name = key.path.rpartition(".")[2]
    return f"| `{name}` | {_type(key.field.annotation)} | {defaults} | {key.field.description} | {effect(key.path)} |"


_HEAD = """\
# The environment file

Generated by `make schema` from the models in `livekit_deploy/config`; a test holds it to them.

`livekit-deploy config init --env NAME --preset P` writes a file to start from, `config validate` checks one,
`config show` prints what it comes to, and `config schema` prints the JSON Schema for editors.

- Every key that is not marked **needed** has a default; the three columns are those of the presets. – means none.
- The file wins over its preset, a variable `LIVEKIT_DEPLOY__A__B` over the file, and `--set a.b=c` over all. Mappings
  are merged key by key, lists are replaced.
- None is written `null`. A key, a variable or a `--set` without a value is refused: it may be a script's variable that
  is not set. What a variable or `--set` gives to a key that takes text is text, whatever it looks like.
- Numbers are written in digits, without a zero in front; `010`, `1_0`, `12:30` and dates mean different things to
  different programs and are refused. A switch is `true` or `false` (or YAML's `yes`, `no`, `on`, `off`).
- An unknown key is refused with its place and the nearest known one, and so is everything that would fail later.
- Secrets are generated into Secrets Manager. None is typed into the file or an override: what looks like one is
  refused.
- An own VPC, a zone to be made, an own KMS key and an own Redis are not supported yet.

The last column says what a change means for what runs, at its gravest. {meanings}.
`livekit-deploy config explain KEY` says it of one key.
"""
