"""The files of a container's volumes, with their modes, owners and groups.

Source: Kubernetes documentation, "Secrets: file permissions" and "Configure a Security Context: fsGroup".
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from livekit_deploy.sandbox.cluster.containers.process import File
from livekit_deploy.sandbox.cluster.kubelet.environment import held, missing
from livekit_deploy.sandbox.cluster.world import Obj, World, name_of

_MODE = 0o644
Folder = Mapping[str, File]


class MountError(Exception):
    """Why a pod's volumes cannot be set up: FailedMount."""


def volumes(world: World, pod: Obj) -> dict[str, Folder]:
    """The files of every volume by its name. Raises `MountError`; kinds that hold no files of ours are empty."""
    return {volume["name"]: _files(world, pod, volume) for volume in pod["spec"].get("volumes") or []}


def _files(world: World, pod: Obj, volume: Obj) -> Folder:
    group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    projected = volume.get("projected") or {}
    sources = [(projected, one) for one in projected.get("sources") or []] or [(volume, volume)]
    found: dict[str, File] = {}
    for whole, source in sources:
        for kind in ("secret", "configMap"):
            if kind in source and isinstance(source[kind], dict):
                mode = whole.get("defaultMode", source[kind].get("defaultMode", _MODE))
                try:
                    found |= _written(world, name_of(pod)[0], kind, source[kind], mode, group)
                except MountError as error:
                    raise MountError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from error
    return found


def _written(world: World, namespace: str, kind: str, source: Obj, mode: int, group: int | None) -> dict[str, File]:
    name = source.get("secretName") or source["name"]
    data = held(world, namespace, kind, name)
    if data is None:
        if source.get("optional"):
            return {}
        raise MountError(missing(kind, name))
    items = source.get("items") or [{"key": key, "path": key} for key in data]
    files = {}
    for item in items:
        if item["key"] not in data:
            if source.get("optional"):
                continue
            shown = "secret" if kind == "secret" else "config"
            raise MountError(f"references non-existent {shown} key: {item['key']}")
        files[item["path"]] = _file(data[item["key"]], item.get("mode", mode), group)
    return files


def _file(text: str, mode: int, group: int | None) -> File:
    """A group of the pod may read what it is given, whatever the mode says."""
    return File(text, mode) if group is None else File(text, mode | 0o440, group=group)


def mounted(container: Obj, found: Mapping[str, Folder], pod: Obj) -> tuple[dict[str, File], tuple[str, ...]]:
    """The files by their whole path in a container, and the folders that it may write to."""
    empty = {volume["name"] for volume in pod["spec"].get("volumes") or [] if "emptyDir" in volume}
    files: dict[str, File] = {}
    writable = []
    for mount in container.get("volumeMounts") or []:
        place, part = posixpath.join("/", mount["mountPath"]), mount.get("subPath")
        for path, file in found.get(mount["name"], {}).items():
            if part is None:
                files[posixpath.join(place, path)] = file
            elif path == part:
                files[place] = file
        if mount["name"] in empty and not mount.get("readOnly"):
            writable.append(place)
    return files, tuple(writable)
