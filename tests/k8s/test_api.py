"""The sandbox's API server answers as a real kube-apiserver does, in all that clients may come to rely on."""

from __future__ import annotations

import base64
import json
import math
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import Conflict
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from livekit_deploy.sandbox.cluster.controllers import definitions
from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.world import World
from tests.k8s.rig import TOKEN, KubeRig, Sky

NAMESPACE = "/api/v1/namespaces/default"
MAPS, PODS = f"{NAMESPACE}/configmaps", f"{NAMESPACE}/pods"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
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


@pytest.mark.parametrize(("path", "status"), [("pods", False), ("services", False), ("configmaps", True)])
def test_what_goes_at_once_is_answered_with_the_object_or_with_a_status(path: str, status: bool, rig: KubeRig) -> None:
    made = {
        "pods": {**pod("one"), "spec": {"containers": [{"name": "one", "image": "one"}]}},
        "services": {"metadata": {"name": "one"}, "spec": {"ports": [{"port": 80}]}},
        "configmaps": config("one"),
    }[path]
    uid = ask(rig, "POST", f"{NAMESPACE}/{path}", made).item["metadata"]["uid"]
    said = ask(rig, "DELETE", f"{NAMESPACE}/{path}/one")
    if not status:
        assert said.item["metadata"]["uid"] == uid
        return
    details = {"name": "one", "kind": path, "uid": uid}
    assert said.item == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def test_a_pod_that_ends_may_be_given_less_time_and_never_more(rig: KubeRig) -> None:
    store, kind = rig.cluster.store, rig.cluster.store.named("pods")
    with store.lock:  # the kubelet does not come in between
        item = store.create(kind, "default", pod("one", grace=100), "test")
        began = datetime.now(UTC)
        for asked, has in ((None, 100), (200, 100), (50, 50), (60, 50), (None, 50), (-1, 1)):
            options = {} if asked is None else {"gracePeriodSeconds": asked}
            item, gone = store.delete(kind, item, options)
            metadata = item["metadata"]
            assert (metadata["deletionGracePeriodSeconds"], gone) == (has, False)
            assert metadata["generation"] == 2, "it was told once"
            left = (datetime.fromisoformat(metadata["deletionTimestamp"]) - began).total_seconds()
            assert has - 2 < left < has + 5
        assert store.delete(kind, item, {"gracePeriodSeconds": 0})[1]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_goes_at_once(phase: str, rig: KubeRig) -> None:
    store, kind = rig.cluster.store, rig.cluster.store.named("pods")
    with store.lock:
        item = store.create(kind, "default", pod("one"), "test")
        store.set_status(kind, item, {"phase": phase})
        assert store.delete(kind, store.get(kind, "default", "one"))[1]


# ---- evictions


def evict(rig: KubeRig, name: str, **options: Any) -> Said:
    metadata = {"name": name, "namespace": "default"}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": options}
    return ask(rig, "POST", f"{PODS}/{name}/eviction", eviction)


@pytest.fixture
def guarded(rig: KubeRig) -> KubeRig:
    """Two pods that run, and a budget that lets one of them go; nobody but the API server is at work."""
    rig.cluster.stop()
    cluster = Cluster(Sky(), SandboxClock())
    cluster._front.start()
    rig.cluster = cluster
    rig.eks.host = Live("main", Status.READY, outputs={"endpoint": cluster.endpoint, "ca": cluster.ca_data})
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    for name in ("one", "two"):
        item = pod(name)
        item["metadata"]["labels"] = {"app": "calls"}
        ask(rig, "POST", PODS, item)
        ask(rig, "PATCH", f"{PODS}/{name}/status", {"status": ready}, Content_Type="application/merge-patch+json")
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "calls"}}}
    ask(rig, "POST", BUDGETS, {"apiVersion": "policy/v1", "metadata": {"name": "calls"}, "spec": spec})
    return rig


def budget(rig: KubeRig, **status: int) -> None:
    whole = {"observedGeneration": 1, "expectedPods": 2, "desiredHealthy": 1, **status}
    headers = {"Content_Type": "application/merge-patch+json"}
    assert ask(rig, "PATCH", f"{BUDGETS}/calls/status", {"status": whole}, **headers).status == 200


def test_an_eviction_is_a_deletion_that_counts_the_budget_down(guarded: KubeRig) -> None:
    budget(guarded, currentHealthy=2, disruptionsAllowed=1)
    said = evict(guarded, "one", gracePeriodSeconds=77)
    assert (said.status, said.item["status"]) == (201, "Success")
    item = ask(guarded, "GET", f"{PODS}/one").item
    assert item["metadata"]["deletionGracePeriodSeconds"] == 77
    assert "EvictionByEvictionAPI" in [one.get("reason") for one in item["status"]["conditions"]]
    status = ask(guarded, "GET", f"{BUDGETS}/calls").item["status"]
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["one"])
    assert evict(guarded, "one").status == 201, "a pod that ends already is nobody's loss"
    assert evict(guarded, "two").status == 429


def test_an_eviction_is_refused_with_the_budget_that_forbids_it(guarded: KubeRig) -> None:
    said = evict(guarded, "one")
    assert (said.status, said.headers["Retry-After"]) == (429, "10")
    assert "calls is still being processed" in said.item["details"]["causes"][0]["message"]
    budget(guarded, currentHealthy=1, disruptionsAllowed=0)
    said = evict(guarded, "one")
    assert (said.status, said.item["reason"]) == (429, "TooManyRequests")
    assert "Retry-After" not in said.headers
    why = "The disruption budget calls needs 1 healthy pods and has 1 currently"
    assert said.item["details"] == {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    assert "deletionTimestamp" not in ask(guarded, "GET", f"{PODS}/one").item["metadata"]


def test_an_eviction_is_of_one_pod_and_of_that_very_one(guarded: KubeRig) -> None:
    assert evict(guarded, "three").status == 404
    assert evict(guarded, "one", preconditions={"uid": "another"}).status == 409
    assert ask(guarded, "POST", f"{PODS}/one/eviction", {"metadata": {"name": "two"}}).status == 400
    assert ask(guarded, "GET", f"{PODS}/one/eviction").status == 405
    again = {"apiVersion": "policy/v1", "metadata": {"name": "more"}}
    ask(guarded, "POST", BUDGETS, {**again, "spec": {"selector": {"matchLabels": {"app": "calls"}}}})
    said = evict(guarded, "one")
    assert (said.status, "reason" in said.item) == (500, False)


# ---- what is not served


@pytest.mark.parametrize(
    "path",
    [
        "/apis/nobody.example.com",
        "/apis/nobody.example.com/v1",
        "/apis/nobody.example.com/v1/namespaces/default/things/one",
        "/nowhere",
        "/openapi/v9",
    ],
)
def test_a_group_that_nobody_serves_has_no_page(path: str, rig: KubeRig) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        said = ask(rig, method, path, None if method == "GET" else {})
        assert (said.status, said.text) == (404, "404 page not found\n")
        assert said.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["/apis/apps/v9", "/apis/apps/v9/things", "/apis/apps/v1/things", f"{NAMESPACE}/things"]
)
def test_a_group_of_the_servers_own_has_a_status_for_what_it_does_not_serve(path: str, rig: KubeRig) -> None:
    said = ask(rig, "GET", path)
    assert (said.status, said.item["reason"], said.item["details"]) == (404, "NotFound", {})


def test_every_answer_is_marked_as_the_api_servers(rig: KubeRig) -> None:
    for path, headers in ((MAPS, {}), ("/nowhere", {}), (f"{MAPS}/one", {}), (MAPS, {"Authorization": "Bearer bad"})):
        assert ask(rig, "GET", path, **headers).headers["Audit-Id"]


def test_what_is_deprecated_is_warned_of_in_every_answer(rig: KubeRig) -> None:
    wanted = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    paths = ("endpoints", "endpoints/one", "endpoints?watch=1&timeoutSeconds=1")
    for method, path in (*(("GET", one) for one in paths), ("DELETE", "endpoints/one")):
        assert ask(rig, method, f"{NAMESPACE}/{path}").headers["Warning"] == wanted
    assert "ComponentStatus is deprecated" in ask(rig, "GET", "/api/v1/componentstatuses").headers["Warning"]
    assert ask(rig, "POST", "/api/v1/componentstatuses", {}).status == 405
    assert "Warning" not in ask(rig, "GET", MAPS).headers


# ---- definitions


def test_a_definition_is_served_only_a_moment_after_it_is_established(rig: KubeRig) -> None:
    store = rig.cluster.store
    with store.lock:  # no controller comes in between
        made = store.create(store.named("customresourcedefinitions", "apiextensions.k8s.io"), None, definition(), "t")
        assert made["status"] == {
            "conditions": None,
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": ["v1"],
        }
        world = World(store, SandboxClock(1.0))
        world.begin(())
        definitions.run(world)
        now = store.get(store.named("customresourcedefinitions", "apiextensions.k8s.io"), None, "gadgets.example.com")
        assert ("Established", "True") in [(one["type"], one["status"]) for one in now["status"]["conditions"]]
        definitions.run(world)
        with pytest.raises(ApiError, match="404 page not found"):
            store.kind("example.com", "v1", "gadgets")
        world.clock = SandboxClock(math.inf)
        definitions.run(world)
        assert store.kind("example.com", "v1", "gadgets").kind == "Gadget"


def test_a_definition_goes_with_all_that_it_defines(rig: KubeRig) -> None:
    ask(rig, "POST", DEFINITIONS, definition())
    rig.wait(lambda: ask(rig, "GET", GADGETS).status == 200)
    held = {"apiVersion": "example.com/v1", "metadata": {"name": "one", "finalizers": ["example.com/held"]}}
    assert ask(rig, "POST", GADGETS, held).status == 201
    said = ask(rig, "DELETE", f"{DEFINITIONS}/gadgets.example.com").item
    assert said["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    rig.wait(lambda: "deletionTimestamp" in ask(rig, "GET", f"{GADGETS}/one").item["metadata"])
    assert rig.objects("customresourcedefinitions", "apiextensions.k8s.io")
    rig.api.let_go(f"{GADGETS}/one")
    rig.wait(lambda: not rig.objects("customresourcedefinitions", "apiextensions.k8s.io"))
    assert ask(rig, "GET", GADGETS).text == "404 page not found\n"


def test_nothing_is_made_of_a_definition_that_ends(rig: KubeRig) -> None:
    ask(rig, "POST", DEFINITIONS, definition())
    rig.wait(lambda: ask(rig, "GET", GADGETS).status == 200)
    one = {"apiVersion": "example.com/v1", "metadata": {"name": "one", "finalizers": ["example.com/held"]}}
    ask(rig, "POST", GADGETS, one)
    ask(rig, "DELETE", f"{DEFINITIONS}/gadgets.example.com")
    said = ask(rig, "POST", GADGETS, {**one, "metadata": {"name": "two"}})
    assert (said.status, said.item["reason"]) == (403, "Forbidden")
    assert "create not allowed while custom resource definition is terminating" in said.item["message"]


# ---- what is sent wrongly


def test_apply_takes_no_field_that_it_does_not_know(rig: KubeRig) -> None:
    for validation in ("Strict", "Warn", "Ignore"):
        query = f"?fieldManager=me&fieldValidation={validation}"
        body = {**config("one"), "nope": 1}
        said = ask(rig, "PATCH", f"{MAPS}/one{query}", body, Content_Type="application/apply-patch+yaml")
        where = "failed to create typed patch object (/one; /v1, Kind=ConfigMap)"
        assert (said.status, said.item["message"]) == (500, f"{where}: .nope: field not declared in schema")
        assert not {"reason", "details"} & said.item.keys()


def test_an_object_has_the_name_and_the_kind_that_its_path_says(rig: KubeRig) -> None:
    ask(rig, "POST", MAPS, config("one"))
    applied = {"Content_Type": "application/apply-patch+yaml"}
    for method, body, headers in (
        ("PUT", config("two"), {}),
        ("PATCH", config("two"), applied),
        ("PATCH", {"metadata": {"name": "one"}}, applied),
    ):
        said = ask(rig, method, f"{MAPS}/one?fieldManager=me", body, **headers)
        assert (said.status, said.item["reason"], "details" in said.item) == (400, "BadRequest", False)


def test_applying_makes_first_and_changes_then(rig: KubeRig) -> None:
    applied = {"Content_Type": "application/apply-patch+yaml"}
    codes = [ask(rig, "PATCH", f"{MAPS}/one?fieldManager=me", config("one"), **applied).status for _ in range(2)]
    assert codes == [201, 200]
