"""Starts one process as a container runtime does, from a description on its command line: python container.py JSON.

The process is number 1 of its own mount, process, IPC and UTS namespaces and stays in the network of the caller. Its
root holds what the description names and nothing else of the machine. It is killed when the caller's end of stdin
closes, so nothing outlives the tests. Not reproduced: the runtime's seccomp profile, and cgroups.

Source: OCI runtime specification, "Linux container configuration"; prctl(2), mount(2), pid_namespaces(7).
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

_MOUNTS, _PROCESSES, _IPC, _UTS = 0x00020000, 0x20000000, 0x08000000, 0x04000000
_READ_ONLY, _NO_SUID, _NO_DEV, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 0x1, 0x2, 0x4, 0x20, 0x1000, 0x4000, 0x40000
_DEATH_SIGNAL, _DROP_FROM_BOUND, _NO_NEW_PRIVILEGES = 1, 24, 38
_DEVICES = ("null", "zero", "full", "random", "urandom")
_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments):
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    _call("mount", source.encode(), str(target).encode(), kind.encode(), flags, options.encode() or None)


def _bind(source: str, target: Path, *, writable: bool = False) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if Path(source).is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _mount(source, target, "", _BIND | _RECURSIVE)
    if not writable:
        _mount("", target, "", _BIND | _REMOUNT | _READ_ONLY)


def know(hosts: str) -> None:
    """This process, and no other, takes the file ``hosts`` for /etc/hosts."""
    _call("unshare", _MOUNTS)
    _mount("", Path("/"), "", _RECURSIVE | _PRIVATE)
    _mount(hosts, Path("/etc/hosts"), "", _BIND)


def _root(said: dict[str, Any]) -> Path:
    """The file system that the process sees."""
    root = Path(said["mountpoint"])
    _mount("", Path("/"), "", _RECURSIVE | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NO_SUID, "mode=755")
    for inside, outside in said["binds"].items():
        _bind(outside, root / inside.lstrip("/"))
    for inside, outside in said["writable"].items():
        _bind(outside, root / inside.lstrip("/"), writable=True)
    for name in _DEVICES:
        _bind(f"/dev/{name}", root / "dev" / name, writable=True)
    (root / "dev/shm").mkdir()
    _mount("shm", root / "dev/shm", "tmpfs", _NO_SUID | _NO_DEV, "mode=1777")
    (root / "proc").mkdir()
    _mount("proc", root / "proc", "proc", _NO_SUID | _NO_DEV)
    (root / "tmp").mkdir(mode=0o1777)
    if said["read_only"]:
        _mount("", root, "", _REMOUNT | _READ_ONLY)
    return root


def _become(said: dict[str, Any]) -> None:
    """The user, the groups and the rights that the description gives."""
    if not said["capabilities"]:
        for one in range(64):
            if _libc.prctl(_DROP_FROM_BOUND, one, 0, 0, 0):
                break  # the last one was before it
    os.setgroups(said["groups"])
    os.setresgid(said["group"], said["group"], said["group"])
    os.setresuid(said["user"], said["user"], said["user"])
    if said["no_new_privileges"]:
        _call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def _start(said: dict[str, Any]) -> None:
    root = _root(said)
    os.chroot(root)
    os.chdir(said["directory"])
    _become(said)
    _call("prctl", _DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    devnull = os.open("/dev/null", os.O_RDONLY)
    os.dup2(devnull, 0)
    os.closerange(3, 256)
    os.execve(said["command"][0], said["command"], said["environment"])


def main() -> int:
    """The exit code of the process; 128 and the number of the signal that ended it; 126 when it cannot be started."""
    said = json.loads(sys.argv[1])
    _call("unshare", _MOUNTS | _PROCESSES | _IPC | _UTS)
    child = os.fork()
    if child == 0:
        try:
            _start(said)
        except OSError as error:
            os.write(2, f"container: {error}\n".encode())
        os._exit(126)
    os.write(said["pid_to"], f"{child}\n".encode())
    os.close(said["pid_to"])
    ended = os.pidfd_open(child)
    ready, _, _ = select.select([0, ended], [], [])
    if ended not in ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
