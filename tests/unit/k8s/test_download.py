"""A file that is too large, or that never ends, is given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from livekit_deploy.k8s.helm.download import download


class _Dripping(BaseHTTPRequestHandler):
    """A byte now and then, for as long as somebody listens."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while not self.server.over.wait(0.02):  # type: ignore[attr-defined]
                self.wfile.write(b".")
                self.wfile.flush()
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def dripping() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Dripping)
    server.over = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.over.set()  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_never_ends_is_given_up(dripping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(TimeoutError, match="longer than"):
        download(dripping, seconds=0.2, most=1000)
    with pytest.raises(OSError, match="larger than 0 MiB"):
        download(dripping, seconds=60, most=3)


def test_what_fits_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "chart.tgz"
    path.write_bytes(b"x" * 200_000)
    assert download(path.as_uri(), seconds=5, most=200_000) == path.read_bytes()
    with pytest.raises(OSError, match="larger than"):
        download(path.as_uri(), seconds=5, most=199_999)
