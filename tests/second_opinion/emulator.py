"""MiniStack, an emulator of AWS that nobody here wrote: in a process of its own, from an environment of its own.

It pins a botocore that the product is too new for, so that `make` installs it beside ours.
"""

from __future__ import annotations

import itertools
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from botocore.config import Config

from tests.aws.rig import sharing
from tests.child import LOCAL, Child, free_ports

_PYTHON = Path(sys.prefix) / "emulator" / "bin" / "python"
_READY_SECONDS = 60.0
_SECRET = "second-opinion"


class Emulator:
    """A running MiniStack; each of its accounts has nothing in common with the others."""

    def __init__(self, folder: Path) -> None:
        if not _PYTHON.exists():
            raise RuntimeError(f"MiniStack is not installed in {_PYTHON.parents[1]}: make .venv/emulator installs it")
        (port,) = free_ports(1)
        self.endpoint_url, self.secret_key = f"http://{LOCAL}:{port}", _SECRET
        self._session, self._clients = sharing("nobody", _SECRET), dict[str, Any]()
        self._accounts, self._log = itertools.count(100_000_000_001), folder / "ministack.log"
        environ = {
            "BIND_HOST": LOCAL,
            "GATEWAY_PORT": str(port),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PATH": "/usr/bin:/bin",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        }
        self._child = Child((_PYTHON, "-P", "-m", "ministack"), environ, self._log)
        self._wait()

    def account(self) -> str:
        """A new account; its number is the access key too."""
        return str(next(self._accounts))

    def new_client(self, service: str, account: str) -> Any:
        """A client of this account, with no retries."""
        once = Config(retries={"total_max_attempts": 1})
        return sharing(account, _SECRET).client(service, endpoint_url=self.endpoint_url, config=once)

    def client(self, service: str, account: str) -> Any:
        """A client of this account, until one of another is asked for: to make them takes longer than to use them."""
        self._session.get_credentials().access_key = account
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self.endpoint_url)
        return self._clients[service]

    def stop(self) -> None:
        """End it, with all that was made in it."""
        self._child.close()
        self._child.wait()

    def _wait(self) -> None:
        end = time.monotonic() + _READY_SECONDS
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            try:
                with opener.open(f"{self.endpoint_url}/_ministack/ready", timeout=5):
                    return
            except OSError as error:
                if not self._child.runs or time.monotonic() > end:
                    self.stop()
                    said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                    raise RuntimeError(f"MiniStack does not start:\n{said}") from error
            time.sleep(0.05)
