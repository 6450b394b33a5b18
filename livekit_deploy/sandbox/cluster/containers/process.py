"""What a container's process gets: environment, arguments, files, user and network."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from livekit_deploy.sandbox.cluster.port import RedisServer


@dataclass(frozen=True)
class File:
    """A file of a volume."""

    text: str
    mode: int
    owner: int = 0
    group: int = 0


@dataclass(frozen=True)
class Process:
    """Everything that decides how a program in a container starts. Two that are equal start alike."""

    uid: str
    """Of the pod."""
    image: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    files: Mapping[str, File] = field(repr=False)
    writable: tuple[str, ...]
    """The folders that a volume makes writable."""
    read_only: bool
    """Whether the rest of the file system is read-only."""
    user: int
    groups: frozenset[int]
    on_host: bool
    """Whether its ports are those of the node."""
    address: str
    node_address: str
    node: str
    outside: str
    """The public address of its node, "" where it has none."""
    taken: frozenset[int]
    """The TCP ports that other processes listen on where it would."""
    redis: tuple[RedisServer, ...] = ()

    def read(self, path: str) -> str:
        """What a file says; raises OSError as the system says it in Go: ``open /x: permission denied``."""
        place = posixpath.join("/", path)
        file = self.files.get(place)
        if file is None:
            raise OSError(f"open {path}: no such file or directory")
        if not self._may_read(file):
            raise OSError(f"open {path}: permission denied")
        return file.text

    def _may_read(self, file: File) -> bool:
        if self.user in (0, file.owner):
            return bool(self.user == 0 or file.mode & 0o400)
        return bool(file.mode & (0o040 if file.group in self.groups else 0o004))

    def create(self, path: str) -> None:
        """Make a file; raises OSError where the file system does not let it."""
        place = posixpath.join("/", path)
        if any(place.startswith(f"{folder.rstrip('/')}/") for folder in self.writable):
            return
        if self.read_only:
            raise OSError(f"open {path}: read-only file system")
        if self.user != 0 and not place.startswith("/tmp/"):
            raise OSError(f"open {path}: permission denied")

    def listen(self, port: int, shown: str) -> None:
        """Take a TCP port; raises OSError. Ports below 1024 of a node are root's."""
        if port in self.taken:
            raise OSError(f"listen tcp {shown}:{port}: bind: address already in use")
        if port < 1024 and self.on_host and self.user != 0:
            raise OSError(f"listen tcp {shown}:{port}: bind: permission denied")
