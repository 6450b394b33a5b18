"""The sandbox's API server deletes and evicts as a real kube-apiserver does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import Conflict
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from tests.k8s.api.wire import NAMESPACE, PODS, Said, ask, config
from tests.k8s.rig import KubeRig, Sky

BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


def pod(name: str, grace: int = 30) -> Obj:
    """A pod that runs on a node."""
    spec = {"containers": [{"name": "one", "image": "one"}], "terminationGracePeriodSeconds": grace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**spec, "nodeName": "node-a"}}


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
