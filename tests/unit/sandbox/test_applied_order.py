"""Server-side apply in the sandbox: lists that are maps keep the order in which they were applied, as in Kubernetes."""

from __future__ import annotations

import json
from typing import Any

from livekit_deploy.sandbox.cluster.api_server.api import Api
from livekit_deploy.sandbox.cluster.store.store import Store


def _applied(api: Api, ports: list[int], manager: str = "us") -> list[int]:
    wanted: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "it"},
        "spec": {"ports": [{"port": port, "name": f"p{port}"} for port in ports]},
    }
    path = f"/api/v1/namespaces/default/services/it?fieldManager={manager}&force=true"
    headers = {"Content-Type": "application/apply-patch+yaml"}
    answer = api.handle("PATCH", path, headers, json.dumps(wanted).encode())
    assert answer.code < 300, answer.body
    return [one["port"] for one in json.loads(answer.body)["spec"]["ports"]]


def _api() -> Api:
    store = Store()
    with store.lock:
        store.create(store.named("namespaces"), None, {"metadata": {"name": "default"}}, "kube-apiserver")
    return Api(store, "1.36")


def test_an_item_that_is_replaced_stays_in_its_place() -> None:
    api = _api()
    assert _applied(api, [80, 81, 90]) == [80, 81, 90]
    assert _applied(api, [80, 82, 90]) == [80, 82, 90]
    assert _applied(api, [90, 80]) == [90, 80]


def test_the_items_of_others_stay_where_they_are() -> None:
    api = _api()
    _applied(api, [70, 80], "them")
    assert _applied(api, [80, 90]) == [70, 80, 90]
    assert _applied(api, [85, 80]) == [70, 85, 80]
