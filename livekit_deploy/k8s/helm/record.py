"""Reads helm's own record of a release from the Secret that helm keeps: what was installed, and how it ended."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import yaml

from livekit_deploy.errors import OddAnswer
from livekit_deploy.k8s.access.client import Api, Obj
from livekit_deploy.k8s.helm.command import as_yaml
from livekit_deploy.k8s.ownership_tags import written

#: libyaml's where it is there: manifests are read again and again, and an index has thousands of charts
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: what unpacking and reading raise where the bytes are not helm's
_UNREADABLE = (
    ValueError,
    OSError,
    EOFError,
    zlib.error,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    yaml.YAMLError,
)


@dataclass(frozen=True)
class ReleaseRecord:
    """The newest revision of a release. ``values`` are the given ones; ``tags`` say whose it is, {} for none."""

    revision: int
    status: str
    chart: str
    version: str
    values: Obj
    tags: Obj
    manifest: list[Obj]
    #: the files of the chart that are no templates, by their path in it
    files: Mapping[str, bytes]
    #: when helm wrote it, by our own clock: the cluster dates it, since other machines' clocks may be wrong
    written: datetime

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags under the names that they have in AWS."""
        return written(self.tags.get("lineage"), self.tags.get("address"))


def read_release(api: Api, namespace: str, name: str) -> ReleaseRecord | None:
    """The newest record; None when helm knows no such release (Helm documentation, "Storage backends")."""
    secrets = api.list(f"/api/v1/namespaces/{namespace}/secrets", f"owner=helm,name={name}")
    if not secrets:
        return None
    return _parsed(api, max(secrets, key=_revision))


def _revision(secret: Obj) -> int:
    with _helms(secret):
        number = int(secret["metadata"]["labels"]["version"])
    return number


def read_earlier(api: Api, namespace: str, name: str, revision: int) -> list[ReleaseRecord]:
    """The revisions before this one back to the last that helm deployed whole, which is the first here; only the one
    before where none is known to be whole, and [] where helm keeps none."""
    secrets = api.list(f"/api/v1/namespaces/{namespace}/secrets", f"owner=helm,name={name}")
    found = [one for one in sorted(secrets, key=_revision) if _revision(one) < revision]
    states = [one["metadata"]["labels"].get("status") for one in found]
    # the end of an upgrade and of a rollback: the revision before is superseded, and then the new one is deployed
    state = next((one for one in ("deployed", "superseded") if one in states), None)
    last = -1 if state is None else len(states) - 1 - states[::-1].index(state)
    return [_parsed(api, one) for one in found[last:]]


def revise(api: Api, namespace: str, name: str, revision: int, change: Callable[[list[Obj]], list[Obj]]) -> None:
    """Change the objects of a revision's manifest: what helm brings back when it rolls back to it, or takes for there
    when it rolls back from it."""
    path = f"/api/v1/namespaces/{namespace}/secrets/sh.helm.release.v1.{name}.v{revision}"
    secret = api.get(path)
    if secret is None:
        return
    release = _unpacked(secret)
    with _helms(secret):
        found = list(_objects(release.get("manifest") or ""))
    items = change(found)
    release["manifest"] = "".join(f"---\n{as_yaml(item)}" for item in items)
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    metadata = {key: secret["metadata"][key] for key in ("name", "uid", "labels")}
    api.apply(path, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"release": packed}})


def _unpacked(secret: Obj) -> Obj:
    """What helm packed. Raises `OddAnswer` where somebody else wrote into the Secret."""
    with _helms(secret):
        found: Obj = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
        release = {**found}
    return release


@contextmanager
def _helms(secret: Obj) -> Iterator[None]:
    """Raise `OddAnswer` for what cannot be read as helm's record of a release."""
    try:
        yield
    except _UNREADABLE as error:
        name = secret["metadata"]["name"]
        raise OddAnswer(
            f"the Secret {name} is not a record of a release as helm writes it: {type(error).__name__}",
            hint=f"look at it: kubectl get secret --all-namespaces --field-selector metadata.name={name}; if an "
            "earlier revision is intact, delete this one and run: livekit-deploy up",
        ) from error


def _parsed(api: Api, secret: Obj) -> ReleaseRecord:
    release = _unpacked(secret)
    with _helms(secret):
        record = _record(api, secret, release)
    return record


def _record(api: Api, secret: Obj, release: Obj) -> ReleaseRecord:
    values = dict(release.get("config") or {})
    shared = dict(values.pop("global", None) or {})
    own_tags = shared.pop("livekitDeploy", None) or {}
    metadata = release["chart"]["metadata"]
    return ReleaseRecord(
        revision=release["version"],
        status=release["info"]["status"],
        chart=metadata["name"],
        version=metadata["version"],
        values={**values, **({"global": shared} if shared else {})},
        tags=own_tags,
        manifest=list(_objects(release.get("manifest") or "")),
        files={one["name"]: base64.b64decode(one["data"]) for one in release["chart"].get("files") or ()},
        written=datetime.fromisoformat(secret["metadata"]["creationTimestamp"]) - api.ahead,
    )


def _objects(manifest: str) -> Iterator[Obj]:
    """The objects of a manifest, those of its Lists one by one."""
    for document in filter(None, yaml.load_all(manifest, Loader=LOADER)):
        yield from document["items"] if document["kind"] == "List" else (document,)
