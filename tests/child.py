"""A server that tests start as a process of its own: it ends with them, however they end."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

LOCAL = "127.0.0.1"
_END_SECONDS = 60.0
#: a server whose standard input ends is killed: it does not outlive whoever started it
_UNTIL_WE_END = 'exec 3<&0; "$@" </dev/null 3<&- & child=$!; (read -r _ <&3; kill -9 $child) & wait $child'


class Child:
    """A running ``command``, with the variables of ``environ`` and no others; what it prints is added to ``log``."""

    def __init__(self, command: Sequence[str | Path], environ: Mapping[str, str], log: Path) -> None:
        name, *rest = map(str, command)
        kept = ["nice", "-n", "5", "sh", "-c", _UNTIL_WE_END, Path(name).name, name, *rest]
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                kept, stdin=subprocess.PIPE, stdout=file, stderr=file, env=dict(environ), start_new_session=True
            )

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def close(self) -> None:
        """Have it end, at once."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def wait(self) -> None:
        """Until it has ended."""
        self._process.wait(_END_SECONDS)


def free_ports(number: int) -> list[int]:
    """So many ports of this machine that nobody listens on."""
    sockets = [socket.create_server((LOCAL, 0)) for _ in range(number)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
