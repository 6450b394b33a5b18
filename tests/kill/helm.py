"""Stands in for the helm binary: the same release record and the same objects, written in this process.

Its writes are requests to the cluster like any other, so that a process that ends at one of them leaves what a helm
leaves that is ended half way. Charts are rendered by the real helm, once for each set of values.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import gzip
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from livekit_deploy.k8s.access.client import Api
from livekit_deploy.k8s.helm import install
from livekit_deploy.k8s.helm.charts import definitions
from livekit_deploy.k8s.helm.process import HelmBinary
from livekit_deploy.k8s.helm.record import LOADER
from tests.kill import world

Obj = dict[str, Any]
_real = HelmBinary.run
#: what was rendered in a copy of a process is there for all others
_kept = tempfile.TemporaryDirectory()
#: that of a certificate, of a network, of a version of a secret, of the state
_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{17,32}")


@contextlib.contextmanager
def stand_in() -> Iterator[None]:
    """Instead of the helm binary, until it is left."""
    version = functools.cache(install.version)
    with mock.patch.object(HelmBinary, "run", _run), mock.patch.object(install, "version", version):
        yield


def _rendered(arguments: tuple[str, ...], values: bytes) -> bytes:
    """What the real helm renders. An id is text to a chart, so that all worlds share what differs by its ids only."""
    found = dict.fromkeys(_ID.findall(values))
    names = {id: b"%s%02x" % (b"z" * (len(id) - 2), number) for number, id in enumerate(found)}
    text = _ID.sub(lambda match: names[match[0]], values)
    kept = Path(_kept.name) / hashlib.sha256(b"%r %s" % (arguments, text)).hexdigest()
    if not kept.exists():
        kept.write_bytes(_real(HelmBinary(), arguments, text, 60.0))
    said = kept.read_bytes()
    for id, name in names.items():
        said = said.replace(name, id)
    return said


def _run(binary: HelmBinary, arguments: Sequence[str], input: bytes | None, seconds: float) -> bytes:
    verb = arguments[0]
    if verb == "template":
        return _rendered(tuple(arguments), input or b"")
    given = {
        one.partition("=")[0]: value for one, value in zip(arguments, [*arguments[1:], ""], strict=True) if "--" in one
    }
    release = Release(_connected(Path(given["--kubeconfig"])), given["--namespace"], arguments[1])
    if verb == "upgrade":
        release.upgrade(Path(arguments[2]), yaml.load(input or b"{}", Loader=LOADER))
    elif verb == "uninstall":
        release.uninstall()
    elif verb == "rollback":
        release.rollback()
    else:
        raise ValueError(f"the stand-in does not know helm {verb}")
    return b"{}"


def _connected(kubeconfig: Path) -> Api:
    config = yaml.load(kubeconfig.read_text(encoding="utf-8"), Loader=LOADER)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    token = Path(user["tokenFile"])
    return Api(cluster["server"], cluster["certificate-authority-data"], lambda: token.read_text(encoding="utf-8"))


class Release:
    """One release as helm keeps it: a Secret for each revision, and the objects of the newest manifest."""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self._api, self._namespace, self._name = api, namespace, name
        self._secrets = f"/api/v1/namespaces/{namespace}/secrets"

    def upgrade(self, chart: Path, values: Obj) -> None:
        """Install, or upgrade what is deployed."""
        last = self._newest()
        if last is not None and last["info"]["status"].startswith("pending"):
            raise ValueError("another operation (install/upgrade/rollback) is in progress")
        text = _rendered(
            ("template", self._name, str(chart), "--namespace", self._namespace, "--values", "-"),
            yaml.safe_dump(values).encode(),
        ).decode()
        if last is None:
            self._define(chart)
        metadata = _metadata(chart)
        new = {"chart": {"metadata": metadata}, "config": values, "manifest": text}
        self._put(last, new, "pending-upgrade" if last else "pending-install")

    def _define(self, chart: Path) -> None:
        """The chart's definitions that are not there, as helm makes them with a first installation only.

        Helm goes on when they are served.
        """
        for item in definitions(chart):
            path, spec = self._path(item), item["spec"]
            if self._api.get(path) is None:
                self._api.apply(path, item)
            served = [f"/apis/{spec['group']}/{one['name']}" for one in spec["versions"]]
            for _ in served:
                world.time_passes()
            assert all(self._api.get(group) is not None for group in served)

    def rollback(self) -> None:
        """Back to the newest revision that was deployed."""
        revisions = self._revisions()
        good = next(one for one in reversed(revisions) if one["info"]["status"] in ("deployed", "superseded"))
        kept = {key: good[key] for key in ("chart", "config", "manifest")}
        self._put(revisions[-1], kept, "pending-rollback")

    def uninstall(self) -> None:
        last = self._newest()
        if last is None:
            return
        self._record(last, "uninstalling")
        for path in self._paths(last["manifest"]):
            self._api.delete(path)
        for revision in self._revisions():
            self._api.delete(f"{self._secrets}/{self._secret(revision['version'])}")

    # ---- revisions

    def _put(self, last: Obj | None, new: Obj, status: str) -> None:
        revision = {**new, "version": last["version"] + 1 if last else 1}
        self._record(revision, status)
        wanted = {}
        for item in _objects(new["manifest"]):
            wanted[self._path(item)] = item
        for path, item in wanted.items():
            self._api.apply(path, self._owned(item))
        for path in self._paths(last["manifest"]) if last else ():
            if path not in wanted:
                self._api.delete(path)
        for old in self._revisions():
            if old["info"]["status"] == "deployed":
                self._record(old, "superseded")
        self._record(revision, "deployed")

    def _record(self, revision: Obj, status: str) -> None:
        moment = datetime.now(UTC).isoformat()
        info = {"first_deployed": moment, "last_deployed": moment, "description": "", "status": status}
        whole = {**revision, "name": self._name, "namespace": self._namespace, "info": info}
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(whole).encode()))).decode()
        labels = {"owner": "helm", "name": self._name, "status": status, "version": str(revision["version"])}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "helm.sh/release.v1",
            "metadata": {"name": self._secret(revision["version"]), "labels": labels},
            "data": {"release": packed},
        }
        self._api.apply(f"{self._secrets}/{self._secret(revision['version'])}", secret)

    def _secret(self, version: int) -> str:
        return f"sh.helm.release.v1.{self._name}.v{version}"

    def _revisions(self) -> list[Obj]:
        found = self._api.list(self._secrets, f"owner=helm,name={self._name}")
        texts = [gzip.decompress(base64.b64decode(base64.b64decode(one["data"]["release"]))) for one in found]
        return sorted((json.loads(text) for text in texts), key=lambda one: int(one["version"]))

    def _newest(self) -> Obj | None:
        return next(reversed(self._revisions()), None)

    # ---- objects

    def _owned(self, item: Obj) -> Obj:
        """The object with helm's own tags."""
        metadata = item["metadata"]
        labels = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
        release = {"meta.helm.sh/release-name": self._name, "meta.helm.sh/release-namespace": self._namespace}
        annotations = {**(metadata.get("annotations") or {}), **release}
        return {**item, "metadata": {**metadata, "labels": labels, "annotations": annotations}}

    def _paths(self, manifest: str) -> list[str]:
        return [self._path(item) for item in _objects(manifest)]

    def _path(self, item: Obj) -> str:
        namespace = item["metadata"].get("namespace") or self._namespace
        path = self._api.path(item["apiVersion"], item["kind"], namespace, item["metadata"]["name"])
        assert path is not None, item["kind"]
        return path


@functools.cache
def _objects(manifest: str) -> tuple[Obj, ...]:
    """Those of a manifest, and those of its Lists one by one."""
    documents = [one for one in yaml.load_all(manifest, Loader=LOADER) if one]
    return tuple(item for one in documents for item in (one["items"] if one["kind"] == "List" else (one,)))


def _metadata(chart: Path) -> Obj:
    """Of a folder or of a packed chart."""
    import tarfile

    if chart.is_dir():
        return dict(yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8")))
    with tarfile.open(chart) as packed:
        member = next(
            one for one in packed.getmembers() if one.name.count("/") == 1 and one.name.endswith("/Chart.yaml")
        )
        file = packed.extractfile(member)
        assert file is not None
        return dict(yaml.safe_load(file.read()))
