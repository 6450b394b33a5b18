"""The sandbox's API server answers as a real kube-apiserver does, in all that clients may come to rely on."""

from __future__ import annotations

import json
import math

import pytest

from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.controllers import definitions
from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.world import World
from tests.k8s.api.wire import MAPS, NAMESPACE, ask, config
from tests.k8s.rig import KubeRig

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GADGETS = "/apis/example.com/v1/namespaces/default/gadgets"


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
