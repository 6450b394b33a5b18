"""A chart repository with the stand-in chart, packed reproducibly so that its digest can be pinned."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

_CHART = "aws-load-balancer-controller"


class Repository:
    """``digest`` is the sha256 of the packed chart, in hex."""

    def __init__(self) -> None:
        folder = Path(str(resources.files("livekit_deploy.sandbox.charts"))) / _CHART
        metadata = yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))
        archive = _packed(folder)
        self.digest = hashlib.sha256(archive).hexdigest()
        name = f"{_CHART}-{metadata['version']}.tgz"
        entry = {**metadata, "urls": [name], "digest": self.digest, "created": "2026-01-01T00:00:00Z"}
        index = {"apiVersion": "v1", "entries": {_CHART: [entry]}, "generated": "2026-01-01T00:00:00Z"}
        self._files = {"index.yaml": yaml.safe_dump(index).encode(), name: archive}

    def serve(self, name: str, start_response: Callable[..., Any]) -> list[bytes]:
        """Answer a WSGI request for one of its files."""
        body = self._files.get(name)
        status = "200 OK" if body is not None else "404 Not Found"
        start_response(status, [("Content-Length", str(len(body or b"")))])
        return [body or b""]


def _packed(folder: Path) -> bytes:
    """The chart as helm packs it, without times and owners."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                member = tarfile.TarInfo(f"{_CHART}/{path.relative_to(folder).as_posix()}")
                member.size = path.stat().st_size
                archive.addfile(member, io.BytesIO(path.read_bytes()))
    return gzip.compress(plain.getvalue(), mtime=0)
