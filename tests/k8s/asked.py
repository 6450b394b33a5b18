"""What is asked of the sandbox's API server and of a real one, and what of their answers must be the same.

The requests run in their order, as one life of a few objects in a namespace of their own, at a server without any
controllers. `tests/k8s/answers.json` holds what a kube-apiserver 1.36 answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWERS = Path(__file__).with_name("answers.json")
_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
_JSON_PATCH, _STRATEGIC = "application/json-patch+json", "application/strategic-merge-patch+json"
_ROOT = "/api/v1/namespaces"
_MAPS, _PODS = f"{_ROOT}/asked/configmaps", f"{_ROOT}/asked/pods"
_BUDGETS = "/apis/policy/v1/namespaces/asked/poddisruptionbudgets"
_SLICES = "/apis/discovery.k8s.io/v1/namespaces/asked/endpointslices"
#: of an object: what each server gives by itself
_OWN = ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "managedFields")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")
_VERSION = re.compile(r"in record \(\d+\)")
#: how a parser says what it does not understand is its own matter
_PARSED = re.compile("(unable to parse requirement:|continue key is not valid:).*")
_HEADERS = ("Content-Type", "Retry-After", "Warning")

Obj = dict[str, Any]
#: (HTTP status, headers, body) of a request: method, path, body, its type
Ask = Callable[[str, str, Any, str], tuple[int, Mapping[str, str], str]]


@dataclass(frozen=True)
class Request:
    """One request; ``body`` None sends none."""

    method: str
    path: str
    body: Any = None
    type: str = "application/json"

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + ("" if self.body is None else f" {self.type} {json.dumps(self.body)}")


def _map(name: str, **more: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"ours": "yes"}}, **more}


def _pod(name: str, *, node: str | None = "nowhere", **metadata: Any) -> Obj:
    spec = {"containers": [{"name": "one", "image": "one"}], "terminationGracePeriodSeconds": 100}
    bound = {"nodeName": node} if node else {}
    labels = {"labels": {"app": "calls"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **labels, **metadata},
        "spec": {**spec, **bound},
    }


def _eviction(name: str, **options: Any) -> Request:
    metadata = {"name": name, "namespace": "asked"}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": options}
    return Request("POST", f"{_PODS}/{name}/eviction", body)


def _budget(name: str) -> Request:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "calls"}}}
    return Request("POST", _BUDGETS, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                                      "metadata": {"name": name}, "spec": spec})  # fmt: skip


def _counted(**status: int) -> Request:
    whole = {"observedGeneration": 1, "expectedPods": 2, "desiredHealthy": 1, **status}
    return Request("PATCH", f"{_BUDGETS}/one/status", {"status": whole}, _MERGE)


def requests() -> Iterator[Request]:
    """Everything that is asked, in its order."""
    yield Request("POST", _ROOT, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "asked"}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    yield Request("POST", f"{_ROOT}/asked/serviceaccounts", account)
    yield from _unserved()
    yield from _changes()
    yield from _lists()
    yield from _deletions()
    yield from _evictions()
    yield from _ends()


def _unserved() -> Iterator[Request]:
    for path in (
        "/apis/nobody.example.com", "/apis/nobody.example.com/v1", "/apis/nobody.example.com/v1/things",
        "/apis/apps/v9", "/apis/apps/v9/deployments", "/apis/apps/v1/things", "/api/v9", "/api/v1/things",
        f"{_ROOT}/asked/things/one", f"{_PODS}/one/things", "/nowhere", "/openapi/v3/nowhere", f"{_MAPS}/one",
        f"{_PODS}/one/eviction", f"{_ROOT}/nowhere/configmaps", f"{_ROOT}/asked/endpoints/one",
    ):  # fmt: skip
        yield Request("GET", path)
    yield Request("DELETE", "/apis/nobody.example.com/v1/things/one")
    yield Request("PATCH", "/apis/nobody.example.com/v1/things/one", {}, _APPLY)
    yield Request("POST", "/apis/apps/v1/things", {})


def _changes() -> Iterator[Request]:
    one, applied = f"{_MAPS}/one", f"{_MAPS}/applied?fieldManager=me"
    yield Request("POST", _MAPS, _map("one", data={"a": "1"}))
    yield Request("POST", _MAPS, _map("one"))
    yield Request("POST", _MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})
    yield Request("POST", f"{_ROOT}/nowhere/configmaps", _map("one"))
    yield Request("POST", f"{_MAPS}?fieldValidation=Strict", _map("strict", nope=1))
    yield Request("PATCH", applied, _map("applied", data={"a": "1"}), _APPLY)
    yield Request("PATCH", applied, _map("applied", data={"a": "1"}), _APPLY)
    yield Request("PATCH", f"{_MAPS}/applied?fieldManager=another", _map("applied", data={"a": "2"}), _APPLY)
    yield Request("PATCH", f"{_MAPS}/applied", _map("applied"), _APPLY)
    yield Request("PATCH", applied, _map("another"), _APPLY)
    yield Request("PATCH", applied, {"metadata": {"name": "applied"}}, _APPLY)
    yield Request("PATCH", f"{applied}&fieldValidation=Strict", _map("applied", nope=1), _APPLY)
    yield Request("PATCH", f"{_ROOT}/nowhere/configmaps/one?fieldManager=me", _map("one"), _APPLY)
    yield Request("PATCH", f"{_MAPS}/nowhere", {"data": {}}, _MERGE)
    yield Request("PATCH", one, {"metadata": {"resourceVersion": "1"}}, _MERGE)
    yield Request("PATCH", one, {"data": {"b": "2"}}, _STRATEGIC)
    yield Request("PATCH", one, [{"op": "remove", "path": "/data/nowhere"}], _JSON_PATCH)
    yield Request("PUT", f"{_MAPS}/nowhere", _map("nowhere"))
    yield Request("PUT", one, _map("another"))
    yield Request("PUT", one, {**_map("one"), "metadata": {"name": "one", "resourceVersion": "1"}})


def _lists() -> Iterator[Request]:
    for name in ("p1", "p2", "p3"):
        yield Request("POST", _MAPS, _map(name))
    yield Request("GET", f"{_MAPS}?labelSelector=ours%3Dyes")
    yield Request("GET", f"{_MAPS}?labelSelector=ours%3Dno")
    yield Request("GET", f"{_MAPS}?labelSelector=ours%3Dyes&limit=2")
    yield Request("GET", f"{_MAPS}?limit=2&continue=bad")
    yield Request("GET", f"{_MAPS}?fieldSelector=metadata.name%3Dp1")
    yield Request("GET", f"{_MAPS}?fieldSelector=data.a%3D1")
    yield Request("GET", f"{_MAPS}?labelSelector=a%3D%3D%3Db")
    yield Request("GET", _SLICES)


def _deletions() -> Iterator[Request]:
    one = f"{_PODS}/one"
    yield Request("DELETE", f"{_MAPS}/nowhere")
    yield Request("DELETE", f"{_MAPS}/one", {"preconditions": {"uid": "another"}})
    yield Request("DELETE", f"{_MAPS}/one", {"preconditions": {"resourceVersion": "1"}})
    yield Request("DELETE", f"{_MAPS}/one?dryRun=All")
    yield Request("DELETE", f"{_MAPS}/one")
    yield Request("DELETE", f"{_MAPS}?labelSelector=ours%3Dyes")
    yield Request("POST", _PODS, _pod("one"))
    for grace in (100, 200, None, 50, 60):
        yield Request("DELETE", one, {} if grace is None else {"gracePeriodSeconds": grace})
    yield Request("DELETE", one, {"gracePeriodSeconds": 0})
    yield Request("GET", one)
    yield Request("POST", _PODS, _pod("waiting", node=None))
    yield Request("DELETE", f"{_PODS}/waiting")
    yield Request("POST", _PODS, _pod("held", finalizers=["example.com/held"]))
    yield Request("DELETE", f"{_PODS}/held", {"gracePeriodSeconds": 0})
    yield Request("PATCH", f"{_PODS}/held", {"metadata": {"finalizers": None}}, _MERGE)
    yield Request("GET", f"{_PODS}/held")


def _evictions() -> Iterator[Request]:
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    for name in ("e1", "e2"):
        yield Request("POST", _PODS, _pod(name))
        yield Request("PATCH", f"{_PODS}/{name}/status", {"status": ready}, _MERGE)
    yield _eviction("nowhere")
    yield Request("POST", f"{_PODS}/e1/eviction", {"metadata": {"name": "e2"}})
    yield _eviction("e1", preconditions={"uid": "another"})
    yield _budget("one")
    yield _eviction("e1")
    yield _counted(currentHealthy=1, disruptionsAllowed=0)
    yield _eviction("e1")
    yield _counted(currentHealthy=2, disruptionsAllowed=1)
    yield _eviction("e1", gracePeriodSeconds=77)
    yield Request("GET", f"{_BUDGETS}/one")
    yield _eviction("e1")
    yield _eviction("e2")
    yield _budget("two")
    yield _eviction("e2")


def _ends() -> Iterator[Request]:
    yield Request("DELETE", f"{_ROOT}/default")
    yield Request("DELETE", f"{_ROOT}/asked")
    yield Request("POST", _MAPS, _map("late"))
    yield Request("PATCH", f"{_MAPS}/late?fieldManager=me", _map("late"), _APPLY)


def answers(ask: Ask) -> dict[str, Any]:
    """What a server answers to each request, without what is its own."""
    found: dict[str, Any] = {}
    for number, one in enumerate(requests()):
        status, headers, text = ask(one.method, one.path, one.body, one.type)
        kept = {name: headers[name] for name in _HEADERS if headers.get(name)}
        found[f"{number:03} {one}"] = {"status": status, **kept, "body": _body(text)}
    return found


def _body(text: str) -> Any:
    try:
        return _essence(json.loads(text))
    except ValueError:
        return text


def _essence(value: Any) -> Any:
    if isinstance(value, list):
        return [_essence(one) for one in value]
    if isinstance(value, str):
        return _PARSED.sub(r"\1 …", _VERSION.sub("in record (…)", _UID.sub("UID", value)))
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "Status":
        return {key: _essence(one) for key, one in value.items()}
    return {key: _shape(key, one) for key, one in value.items()}


def _shape(key: str, value: Any) -> Any:
    """Of an object its metadata, and what a controller has said of it; what fills in specs is another matter."""
    if key == "metadata" and isinstance(value, dict):
        kept = {name: one for name, one in value.items() if name not in _OWN and name != "continue"}
        return kept | {name: "…" for name in value if name in (*_OWN, "continue") and name != "managedFields"}
    if key == "items":
        return [_essence(one) for one in value] if value is not None else None
    if key == "status" and isinstance(value, dict):
        return {name: one for name, one in value.items() if name in ("disruptionsAllowed", "currentHealthy", "phase")}
    return value if key in ("kind", "apiVersion", "data", "status") else "…"
