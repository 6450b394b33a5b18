"""Namespaces and Secrets by server-side apply. Both carry our tags, and go with the cluster."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.engine.inputs import Change, Input, Ref, SecretRef
from livekit_deploy.engine.resource import MINUTE, Found, Live, Resource, Status
from livekit_deploy.k8s.access.client import MANAGER, PASSING, Obj, api_for, leaving, serves
from livekit_deploy.k8s.finalizers import LoadBalancerController
from livekit_deploy.k8s.ownership_tags import ADDRESS_ANNOTATION, LINEAGE_LABEL, claim, own, written

_VERSIONS = "livekit-deploy/secret-versions"


class ClusterObject(Resource):
    """An object in the cluster; ``api_version`` and ``object_kind`` are as in manifests."""

    host_kind = "eks.cluster"
    dies_with_host = stored_in_host = True
    propagation = PASSING
    usual = 1.0
    api_version: ClassVar[str] = "v1"
    object_kind: ClassVar[str]

    def where(self) -> str:
        """The path of the object."""
        raise TypeError(f"{self.kind} does not say where it is")

    def body(self, cloud: Cloud) -> Obj:
        """The object as we want it, without the tags."""
        raise TypeError(f"{self.kind} does not say what it is")

    def props(self, item: Obj) -> dict[str, Any]:
        """What of the live object is compared."""
        return {}

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        if not serves(self.host):
            return None
        item = api_for(cloud, self).get(self.where())
        if item is None:
            return None
        metadata = item["metadata"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        own_tags = written(labels.get(LINEAGE_LABEL), annotations.get(ADDRESS_ANNOTATION))
        if id is None:
            claim(cloud, self.address, own_tags, self.where())
        status = Status.DELETING if leaving(item) else Status.READY
        outputs, made = {"name": metadata["name"]}, str(metadata.get("uid", ""))
        return Live(self.where(), status, self.props(item), outputs, made=made, tags=own_tags)

    def own_tags(self, cloud: Cloud, outputs: Mapping[str, Any]) -> dict[str, str]:
        return own(super().own_tags(cloud, outputs))

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        """As all else that we say of it: what of a whole is left out would be taken off."""
        self._apply(cloud)

    def _apply(self, cloud: Cloud) -> None:
        item = self.body(cloud)
        metadata = item.setdefault("metadata", {})
        metadata["labels"] = {**metadata.get("labels", {}), LINEAGE_LABEL: cloud.ownership.lineage}
        metadata["annotations"] = {**metadata.get("annotations", {}), ADDRESS_ANNOTATION: self.address}
        whole = {"apiVersion": self.api_version, "kind": self.object_kind, **item}
        api_for(cloud, self).apply(self.where(), whole)

    def create(self, cloud: Cloud, token: str) -> str:
        self._apply(cloud)
        return self.where()

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        self._apply(cloud)

    def delete(self, cloud: Cloud, live: Live) -> None:
        api_for(cloud, self).delete(self.where(), uid=live.made or None)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        """None: what is in the cluster goes with it, and is read one by one while it is there."""
        yield from ()


class Namespace(ClusterObject):
    """A namespace; its name is the resource's. Other ``labels`` than the declared ones are not judged.

    It goes when all that is in it has gone; what a dead load balancer controller holds in it is let go of.
    Source: Kubernetes API reference, Namespace.
    """

    kind = "k8s.namespace"
    object_kind = "Namespace"
    #: seconds in which a controller that lives has deleted its load balancers (as `Observed.patience`)
    patience: ClassVar[float] = 5 * MINUTE

    labels: Input[Mapping[str, str]] = Input(default={})

    def where(self) -> str:
        return f"/api/v1/namespaces/{self.instance}"

    def body(self, cloud: Cloud) -> Obj:
        return {"metadata": {"name": self.instance, "labels": dict(self.labels)}}

    def props(self, item: Obj) -> dict[str, Any]:
        there = item["metadata"].get("labels") or {}
        return {"labels": {key: there[key] for key in self.labels if key in there}}

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        live = self.read(cloud, id)
        if live is None or live.status is not Status.DELETING:
            return live
        held = [item for _, item in self._held(cloud)]
        abandoned = bool(held) and LoadBalancerController(api_for(cloud, self)).given_up(held)
        return replace(live, status=Status.READY) if abandoned else live

    def delete(self, cloud: Cloud, live: Live) -> None:
        item = api_for(cloud, self).get(self.where())
        if item is not None and leaving(item):
            LoadBalancerController(api_for(cloud, self)).let_go(list(self._held(cloud)))
        else:
            super().delete(cloud, live)

    def _held(self, cloud: Cloud) -> Iterator[tuple[str, Obj]]:
        return LoadBalancerController(api_for(cloud, self)).held_in(self.instance)


class Secret(ClusterObject):
    """A Secret whose values come from Secrets Manager, and are compared by their versions.

    ``values`` maps each key of the Secret to where its value is kept. A value that somebody else wrote is known by its
    field's manager, so that no value is ever read back. Source: Kubernetes API reference, Secret.
    """

    kind = "k8s.secret"
    object_kind = "Secret"

    namespace: Input[str] = Input(
        api="metadata.namespace", change=Change.FIXED, way_out="A Secret stays in its namespace: run down and up."
    )
    values: Input[Mapping[str, SecretRef | Ref[SecretRef]]] = Input()

    def where(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets/{self.instance}"

    def body(self, cloud: Cloud) -> Obj:
        data, versions = {}, []
        for key, ref in sorted(self.values.items()):
            assert isinstance(ref, SecretRef)
            data[key] = base64.b64encode(cloud.secret(ref).encode()).decode()
            versions.append(f"{key}={ref.version}")
        metadata = {"name": self.instance, "annotations": {_VERSIONS: ",".join(versions)}}
        return {"metadata": metadata, "type": "Opaque", "data": data}

    def props(self, item: Obj) -> dict[str, Any]:
        said = (item["metadata"].get("annotations") or {}).get(_VERSIONS, "")
        versions = dict(pair.split("=", 1) for pair in said.split(",") if "=" in pair)
        there = item.get("data") or {}
        wrote = {key: writer for key in there if (writer := _overwritten(item, f"f:{key}"))}
        shown = {key: f"overwritten by {wrote[key]}" if key in wrote else version for key, version in versions.items()}
        return {"values": {key: {"version": version} for key, version in shown.items() if key in there}}

    def differs(self, key: str, want: Any, have: Any) -> bool:
        """Secrets are compared by version."""
        if key == "values" and isinstance(want, Mapping) and isinstance(have, Mapping):
            return {name: one.get("version") for name, one in want.items() if isinstance(one, Mapping)} != {
                name: one.get("version") for name, one in have.items()
            }
        return super().differs(key, want, have)


def _overwritten(item: Obj, field: str) -> str:
    """Who owns a value in the place of us, "" when we still do (Kubernetes, "Field management")."""
    entries = item["metadata"].get("managedFields") or []
    owners = [one["manager"] for one in entries if field in (one.get("fieldsV1") or {}).get("f:data", {})]
    return "" if MANAGER in owners or not owners else str(owners[0])
