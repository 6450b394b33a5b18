"""Provides charts as files: ours from the installation, others from their repository, checked against their digest."""

from __future__ import annotations

import hashlib
import http.client
import re
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from livekit_deploy.config.charts import CHARTS
from livekit_deploy.errors import Failed, ToolError
from livekit_deploy.k8s.helm.cache import cached, keep
from livekit_deploy.k8s.helm.download import download, named
from livekit_deploy.k8s.helm.record import LOADER

_SECONDS, _LARGEST, _LARGEST_INDEX = 60.0, 64 << 20, 16 << 20  # an index is a file of some MiB at most
_PINNED = {(one.name, one.version): one.digest for one in CHARTS}
_NO_CHART = "check the chart's repo, version and digest in the environment file: its repository gave something else"


def fetched(repo: str, name: str, version: str, digest: str | None) -> Path:
    """The packed chart, from the cache or its repository; from either only with the right sha256.

    ``digest`` is the one that it must have; without it, the one of its declaration, or else that of the index.
    Raises `Failed` for another or a version that is not there, `ToolError` when the repository cannot be reached.
    """
    pin = pinned(name, version, digest)
    if pin is not None and _kept(pin):
        return _cached(pin)
    url, published = _offered(repo, name, version)
    wanted = pin or published
    archive = _get(url)
    found = hashlib.sha256(archive).hexdigest()
    if found != wanted:
        raise Failed(
            f"the chart {name} {version} from {repo} has the digest {found}, not {wanted or 'the one of its index'}",
            hint="it was changed after it was pinned: check it, then pin its new digest",
        )
    return _keep(_cached(found), archive)


def available(repo: str, name: str, version: str, digest: str | None) -> str:
    """Where a chart can be had: ``in the cache`` or ``offered``. Raises as `fetched` does."""
    pin = pinned(name, version, digest)
    if pin is not None and _kept(pin):
        return "in the cache"
    _offered(repo, name, version)
    return "offered" if pin is not None else "offered, but not pinned: only its index gives its digest"


def pinned(name: str, version: str, digest: str | None) -> str | None:
    """The sha256 that the chart must have, where it is known before its repository is asked."""
    return digest or _PINNED.get((name, version.removeprefix("v")))


def definitions(chart: Path) -> list[dict[str, Any]]:
    """The custom resource definitions of a chart: helm makes them with the first installation, and never again.

    Source: Helm documentation, "Custom Resource Definitions", limitations.
    """
    if chart.is_dir():
        files = {str(path.relative_to(chart)): path for path in sorted(chart.rglob("crds/**/*")) if path.is_file()}
        return definitions_in({name: path.read_bytes() for name, path in files.items()})
    try:
        with tarfile.open(chart) as packed:
            names = [name for name in packed.getnames() if "/crds/" in name]
            found = {name.partition("/")[2]: file.read() for name in names if (file := packed.extractfile(name))}
    except (tarfile.TarError, OSError, EOFError, zlib.error, LookupError, ValueError) as error:
        raise ToolError(f"the chart {chart} cannot be unpacked: {error}", hint=_NO_CHART) from error
    return definitions_in(found)


def definitions_in(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The same of the files of a chart, by their path in it."""
    texts = [text for name, text in sorted(files.items()) if re.fullmatch(r"crds/.+\.(ya?ml|json)", name)]
    try:
        documents = [one for text in texts for one in yaml.load_all(text, Loader=LOADER) if isinstance(one, dict)]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ToolError("a definition in the chart's folder crds is not YAML", hint=_NO_CHART) from error
    return [one for one in documents if one.get("kind") == "CustomResourceDefinition"]


def _offered(repo: str, name: str, version: str) -> tuple[str, str]:
    """URL and digest of a chart, as the index of its repository has them."""
    base = f"{repo.rstrip('/')}/"
    text = _get(f"{base}index.yaml", _LARGEST_INDEX)
    try:
        charts = yaml.load(text, Loader=LOADER)["entries"].get(name, [])
        offered = {str(one["version"]): (str(one["urls"][0]), str(one.get("digest") or "")) for one in charts}
    except (yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ToolError(f"{base}index.yaml is not the index of a chart repository", hint="check repo") from error
    for number, (url, digest) in offered.items():
        if number.removeprefix("v") == version.removeprefix("v"):
            return _named(base, url), digest
    newest = ", ".join(list(offered)[:5])
    raise Failed(f"{repo} has no chart {name} {version}", hint=f"choose one of: {newest}" if newest else "check repo")


def _named(base: str, url: str) -> str:
    try:
        return named(base, url)
    except ValueError as error:
        raise Failed(f"the index of {base} cannot be trusted: {error}", hint="check repo, or choose another") from error


def _get(url: str, most: int = _LARGEST) -> bytes:
    try:
        return download(url, seconds=_SECONDS, most=most)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ToolError(
            f"{url} cannot be fetched: {error}", hint="check the network and the proxy, or name a mirror in repo"
        ) from error


def _cached(digest: str) -> Path:
    return cached("charts", f"{digest}.tgz")


def _kept(digest: str) -> bool:
    """Whether the cache has it, and unchanged."""
    path = _cached(digest)
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest
    except OSError:  # there is none, or none that we may read
        return False


def _keep(path: Path, archive: bytes) -> Path:
    try:
        return keep(path, archive)
    except OSError as error:
        raise ToolError(
            f"the chart cannot be kept in {path.parent}: {error.strerror}",
            hint="name a folder that can be written, and has room, in XDG_CACHE_HOME",
        ) from error
