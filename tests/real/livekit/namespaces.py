"""Network namespaces of Linux without names: each is gone as soon as nobody holds it, however the tests end.

Source: network_namespaces(7), setns(2), unshare(2).
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_NETWORK = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _done(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _present() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    """A network of its own: who makes a socket or starts a process `inside` has only its interfaces."""

    def __init__(self) -> None:
        home = _present()
        try:
            _done(_libc.unshare(_NEW_NETWORK))
            self._fd = _present()
            self.ip("link set lo up")
        finally:
            _done(_libc.setns(home, _NEW_NETWORK))
            os.close(home)

    @property
    def path(self) -> str:
        """A name for `ip link set … netns`."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is in the namespace; sockets and processes made meanwhile stay in it."""
        home = _present()
        _done(_libc.setns(self._fd, _NEW_NETWORK))
        try:
            yield
        finally:
            _done(_libc.setns(home, _NEW_NETWORK))
            os.close(home)

    def ip(self, *commands: str) -> None:
        """Commands of ip(8)."""
        self.run(["ip", "-batch", "-"], "\n".join(commands))

    def run(self, command: list[str], given: str = "") -> str:
        """What a program says that runs inside. Raises `CalledProcessError` with its words when it fails."""
        with self.inside():
            done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=20, check=False)
        if done.returncode:
            raise RuntimeError(f"{command} failed:\n{given}\n{done.stderr}")
        return done.stdout

    def close(self) -> None:
        """Nothing of ours holds it any longer."""
        os.close(self._fd)
