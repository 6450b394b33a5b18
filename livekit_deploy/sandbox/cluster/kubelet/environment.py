"""The environment of a container: service links, its own variables, and those from Secrets and ConfigMaps.

Source: Kubernetes documentation, "Service: environment variables" and "Define dependent environment variables".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from livekit_deploy.sandbox.cluster.world import Obj, World, labels_of, name_of

_KUBERNETES = {
    "metadata": {"name": "kubernetes"},
    "spec": {"clusterIP": "172.20.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP"}]},
}
_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")


class ConfigError(Exception):
    """Why a container cannot be made, in the kubelet's words: CreateContainerConfigError."""


def environment(world: World, pod: Obj, container: Obj, addresses: Mapping[str, str]) -> dict[str, str]:
    """Everything that the container sees; ``addresses`` are ``status.podIP`` and ``status.hostIP``.

    Raises `ConfigError` for what it refers to and is not there.
    """
    links = service_links(world, pod)
    own: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        own |= _whole(world, name_of(pod)[0], source)
    for variable in container.get("env") or []:
        if text := variable.get("value"):
            own[variable["name"]] = _expanded(str(text), links | own)
        else:
            found = _from(world, pod, variable.get("valueFrom") or {}, addresses)
            if found is not None:
                own[variable["name"]] = found
    return links | own


def expanded(texts: list[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """Arguments with their ``$(NAME)`` replaced."""
    return tuple(_expanded(text, known) for text in texts)


def _expanded(text: str, known: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] == "$":
            return "$"
        return known.get(found[2], found[0])

    return _REFERENCE.sub(value, text)


# ---- service links


def service_links(world: World, pod: Obj) -> dict[str, str]:
    """The variables for the Services that there are: its namespace's unless it wants none, and Kubernetes' own."""
    found: dict[str, str] = {}
    if pod["spec"].get("enableServiceLinks", True) is not False:
        for service in world.items("services"):
            if name_of(service)[0] == name_of(pod)[0] and service["spec"].get("clusterIP") not in (None, "", "None"):
                found |= dict(_link(service))
    return found | dict(_link(_KUBERNETES))


def _named(text: str) -> str:
    return text.replace("-", "_").upper()


def _link(service: Obj) -> Iterator[tuple[str, str]]:
    name, address = _named(service["metadata"]["name"]), service["spec"]["clusterIP"]
    ports: list[Obj] = service["spec"].get("ports") or []
    yield f"{name}_SERVICE_HOST", address
    for number, port in enumerate(ports):
        protocol, value = port.get("protocol", "TCP"), str(port["port"])
        url, link = f"{protocol.lower()}://{address}:{value}", f"{name}_PORT_{value}_{protocol}"
        if number == 0:
            yield f"{name}_SERVICE_PORT", value
            yield f"{name}_PORT", url
        if port.get("name"):
            yield f"{name}_SERVICE_PORT_{_named(port['name'])}", value
        yield from (
            (link, url),
            (f"{link}_PROTO", protocol.lower()),
            (f"{link}_PORT", value),
            (f"{link}_ADDR", address),
        )


# ---- from other objects

_KINDS = {"secret": ("secrets", "Secret"), "configMap": ("configmaps", "ConfigMap")}


def held(world: World, namespace: str, source: str, name: str) -> dict[str, str] | None:
    """What a ``secret`` or ``configMap`` holds, decoded; None when there is none of that name."""
    item = world.store.find(world.store.named(_KINDS[source][0]), namespace, name)
    if item is None:
        return None
    data = item.get("data") or {}
    if source == "configMap":
        return dict(data)
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def missing(source: str, name: str) -> str:
    """``secret "keys" not found``, as the API server says it."""
    return f'{_KINDS[source][0][:-1]} "{name}" not found'


def _whole(world: World, namespace: str, source: Obj) -> dict[str, str]:
    kind = "secret" if source.get("secretRef") else "configMap"
    reference = source[f"{kind}Ref"]
    found = held(world, namespace, kind, reference["name"])
    if found is None:
        if reference.get("optional"):
            return {}
        raise ConfigError(missing(kind, reference["name"]))
    return {source.get("prefix", "") + key: value for key, value in found.items()}


def _from(world: World, pod: Obj, source: Obj, addresses: Mapping[str, str]) -> str | None:
    for kind, (_, shown) in _KINDS.items():
        if reference := source.get(f"{kind}KeyRef"):
            return _key(world, name_of(pod)[0], kind, shown, reference)
    if reference := source.get("fieldRef"):
        return _field(pod, reference["fieldPath"], addresses)
    if "resourceFieldRef" in source:
        return "0"
    return ""


def _key(world: World, namespace: str, kind: str, shown: str, reference: Obj) -> str | None:
    found = held(world, namespace, kind, reference["name"])
    if found is not None and reference["key"] in found:
        return found[reference["key"]]
    if reference.get("optional"):
        return None
    if found is None:
        raise ConfigError(missing(kind, reference["name"]))
    raise ConfigError(f"couldn't find key {reference['key']} in {shown} {namespace}/{reference['name']}")


def _field(pod: Obj, path: str, addresses: Mapping[str, str]) -> str:
    if path in addresses:
        return addresses[path]
    for part, entries in (("labels", labels_of(pod)), ("annotations", pod["metadata"].get("annotations") or {})):
        if path.startswith(f"metadata.{part}['"):
            return str(entries.get(path[len(f"metadata.{part}['") : -2], ""))
    value: Any = pod
    for step in path.split("."):
        value = value.get(step, "") if isinstance(value, dict) else ""
    return str(value)
