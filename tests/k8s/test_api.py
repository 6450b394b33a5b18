"""The sandbox's API server answers as a real kube-apiserver does, in all that clients may come to rely on."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from livekit_deploy.errors import Conflict
from livekit_deploy.k8s.client import Obj
from tests.k8s.rig import TOKEN, KubeRig

NAMESPACE = "/api/v1/namespaces/default"
MAPS, PODS = f"{NAMESPACE}/configmaps", f"{NAMESPACE}/pods"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GADGETS = "/apis/example.com/v1/namespaces/default/gadgets"


@dataclass(frozen=True)
class Said:
    """What went over the wire."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def item(self) -> Obj:
        found: Obj = json.loads(self.text)
        return found


def ask(rig: KubeRig, method: str, path: str, body: Any = None, **headers: str) -> Said:
    """One request as any client makes it; header names are written with underscores."""
    outputs = rig.lives.outputs
    sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(outputs["endpoint"] + path, data, sent, method=method)
    context = ssl.create_default_context(cadata=base64.b64decode(outputs["ca"]).decode())
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return Said(answer.status, dict(answer.headers), answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Said(error.code, dict(error.headers), error.read().decode())


def config(name: str, **labels: str) -> Obj:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}


def pod(name: str, grace: int = 30) -> Obj:
    """A pod that runs on a node."""
    spec = {"containers": [{"name": "one", "image": "one"}], "terminationGracePeriodSeconds": grace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**spec, "nodeName": "node-a"}}


def definition(plural: str = "gadgets", kind: str = "Gadget") -> Obj:
    """A custom resource definition."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


# ---- lists


def test_items_of_a_typed_list_do_not_say_what_they_are(rig: KubeRig) -> None:
    ask(rig, "POST", MAPS, config("one"))
    listed = ask(rig, "GET", MAPS).item
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert listed["items"]
    assert all(not {"kind", "apiVersion"} & item.keys() for item in listed["items"])
    assert ask(rig, "GET", f"{MAPS}/one").item["kind"] == "ConfigMap"
    removed = ask(rig, "DELETE", MAPS).item
    assert all(not {"kind", "apiVersion"} & item.keys() for item in removed["items"])


def test_what_a_watch_tells_says_what_it_is(rig: KubeRig) -> None:
    ask(rig, "POST", MAPS, config("one"))
    lines = ask(rig, "GET", f"{MAPS}?watch=1&timeoutSeconds=1").text.splitlines()
    assert {json.loads(line)["object"]["kind"] for line in lines} == {"ConfigMap"}


def test_custom_objects_are_listed_whole(rig: KubeRig) -> None:
    ask(rig, "POST", DEFINITIONS, definition())
    rig.wait(lambda: ask(rig, "GET", GADGETS).status == 200)
    one = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "one"}}
    assert ask(rig, "POST", GADGETS, one).status == 201
    (item,) = ask(rig, "GET", GADGETS).item["items"]
    assert (item["kind"], item["apiVersion"]) == ("Gadget", "example.com/v1")


def test_rows_of_a_table_say_what_they_are(rig: KubeRig) -> None:
    ask(rig, "POST", MAPS, config("one"))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    for include, kind in (("Object", "ConfigMap"), ("Metadata", "PartialObjectMetadata")):
        rows = ask(rig, "GET", f"{MAPS}?includeObject={include}", Accept=accept).item["rows"]
        assert {row["object"]["kind"] for row in rows} == {kind}


# ---- deletion


def test_only_the_very_object_is_deleted(rig: KubeRig) -> None:
    ask(rig, "POST", PODS, pod("one"))
    uid = ask(rig, "GET", f"{PODS}/one").item["metadata"]["uid"]
    said = ask(rig, "DELETE", f"{PODS}/one", {"preconditions": {"uid": "another"}})
    assert (said.status, said.item["reason"], said.item["details"]) == (409, "Conflict", {"name": "one", "kind": "Pod"})
    assert said.item["message"] == (
        'Operation cannot be fulfilled on Pod "one": the UID in the precondition (another) does not match the UID in '
        f"record ({uid}). The object might have been deleted and then recreated"
    )
    with pytest.raises(Conflict, match="UID in the precondition"):
        rig.api.delete(f"{PODS}/one", uid="another")
    assert "deletionTimestamp" not in ask(rig, "GET", f"{PODS}/one").item["metadata"]
    rig.api.delete(f"{PODS}/one", grace_seconds=20, uid=uid)
    rig.wait(lambda: "one" not in rig.objects("pods"))
    rig.api.delete(f"{PODS}/one", uid=uid)
