"""A chart repository with the stand-in charts, one folder here for each, packed reproducibly so that their digests can
be pinned."""

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


class Repository:
    """``digests`` has the sha256 of each packed chart, in hex, by its name."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self._files: dict[str, bytes] = {}
        entries = {}
        for file in sorted(Path(str(resources.files("livekit_deploy.sandbox.charts"))).glob("*/Chart.yaml")):
            chart, metadata = file.parent.name, yaml.safe_load(file.read_text(encoding="utf-8"))
            archive, name = _packed(file.parent), f"{chart}-{metadata['version']}.tgz"
            self._files[name], self.digests[chart] = archive, hashlib.sha256(archive).hexdigest()
            entry = {"urls": [name], "digest": self.digests[chart], "created": "2026-01-01T00:00:00Z"}
            entries[chart] = [{**metadata, **entry}]
        index = {"apiVersion": "v1", "entries": entries, "generated": "2026-01-01T00:00:00Z"}
        self._files["index.yaml"] = yaml.safe_dump(index).encode()

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
                member = tarfile.TarInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
                member.size = path.stat().st_size
                archive.addfile(member, io.BytesIO(path.read_bytes()))
    return gzip.compress(plain.getvalue(), mtime=0)
