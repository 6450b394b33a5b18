"""Debian's redis-server as ElastiCache offers it: one endpoint by name, with TLS and AUTH or without."""

from __future__ import annotations

import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livekit_deploy.sandbox.serving.authority import Authority
from tests.real.livekit.network import Host, Network
from tests.real.programs import redis_server

PORT = 6379
TOKEN = "token-of-the-real-tests-0123456789"


class Redis:
    """A server on a host of its own; ``token`` is its AUTH token, "" for none, ``authority`` signs for TLS, if any."""

    def __init__(
        self, network: Network, folder: Path, *, authority: Authority | None, token: str = TOKEN, name: str = "redis"
    ) -> None:
        self.host: Host = network.private()
        self.name = f"master.{name}.use1.cache.amazonaws.com"
        network.names[self.name] = self.host.address
        self.token, self._authority, self._folder = token, authority, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._options = ["--appendonly", "yes", "--save", "", "--dir", str(folder), "--protected-mode", "no"]
        if token:
            self._options += ["--requirepass", token]
        if authority is None:
            self._options += ["--port", str(PORT)]
        else:
            folder.joinpath("server.pem").write_bytes(authority.signed(self.name))
            folder.joinpath("authority.pem").write_bytes(authority.pem)
            files = {"cert-file": "server.pem", "key-file": "server.pem", "ca-cert-file": "authority.pem"}
            for option, file in files.items():
                self._options += [f"--tls-{option}", str(folder / file)]
            self._options += ["--port", "0", "--tls-port", str(PORT), "--tls-auth-clients", "no"]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def address(self) -> str:
        """As LiveKit takes it."""
        return f"{self.name}:{PORT}"

    def start(self) -> None:
        """Start it with the data that it had, and wait until it answers."""
        with self.host.namespace.inside(), self._folder.joinpath("log").open("ab") as log:
            self._process = subprocess.Popen([str(redis_server()), *self._options], stdout=log, stderr=log)
        end = time.monotonic() + 10
        while True:
            try:
                assert self.ask("PING") == "PONG"
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def replace_token(self, token: str) -> None:
        """From now on this is the AUTH token, for new connections (ElastiCache: ModifyReplicationGroup with SET)."""
        self.ask("CONFIG", "SET", "requirepass", token)
        self.token = token

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """It is not there meanwhile, and comes back with its data, as after a failover."""
        self.kill()
        yield
        self.start()

    def ask(self, *words: str) -> object:
        """One command of a client that is let in; `OSError` when it does not answer."""
        with self.host.namespace.inside():
            plain = socket.create_connection((self.host.address, PORT), 5)
        with plain:
            if self._authority is None:
                return self._asked(plain, words)
            context = ssl.create_default_context(cadata=self._authority.pem.decode())
            with context.wrap_socket(plain, server_hostname=self.name) as wrapped:
                return self._asked(wrapped, words)

    def _asked(self, connection: socket.socket, words: tuple[str, ...]) -> object:
        with connection.makefile("rwb") as wire:
            for command in ([("AUTH", self.token)] if self.token else []) + [words]:
                told = [f"*{len(command)}", *(part for word in command for part in (f"${len(word.encode())}", word))]
                wire.write("".join(f"{line}\r\n" for line in told).encode())
                wire.flush()
                answer = _answer(wire)
            return answer


def _answer(wire: object) -> object:
    """One value of Redis' protocol (RESP 2)."""
    line = wire.readline().decode()  # type: ignore[attr-defined]
    kind, text = line[:1], line[1:-2]
    if kind == "-" or not line:
        raise OSError(text or "the connection was closed")
    if kind == "$":
        return None if text == "-1" else wire.read(int(text) + 2)[:-2].decode(errors="replace")  # type: ignore[attr-defined]
    if kind == "*":
        return [_answer(wire) for _ in range(int(text))]
    return int(text) if kind == ":" else text
