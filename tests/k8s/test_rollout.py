"""A rollout that waits for calls to end is unfinished; one that something else holds up is at fault, whoever drains."""

from __future__ import annotations

from typing import Any

from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.rollout import Rollout, rollout
from tests.k8s.rig import KubeRig, Sky, media_node

_PATH = "/apis/apps/v1/namespaces/livekit/deployments/livekit"
_LABELS = {"app.kubernetes.io/instance": "livekit"}


def apply(
    rig: KubeRig,
    image: str = "livekit:1",
    replicas: int = 2,
    paused: bool = False,
    annotations: dict[str, str] | None = None,
    **pod: Any,
) -> None:
    """A Deployment as our chart makes it: ports of the node, one pod less while it rolls, hours to end."""
    rig.api.apply(
        "/api/v1/namespaces/livekit", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "livekit"}}
    )
    container = {"name": "livekit", "image": image, "ports": [{"containerPort": 7881, "hostPort": 7881}]}
    container |= pod.pop("container", {})
    spec: Obj = {
        "replicas": replicas,
        "paused": paused,
        "selector": {"matchLabels": _LABELS},
        "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "template": {
            "metadata": {"labels": _LABELS, "annotations": annotations or {}},
            "spec": {"terminationGracePeriodSeconds": 18000, "containers": [container], **pod},
        },
    }
    item = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "livekit", "labels": _LABELS},
        "spec": spec,
    }
    rig.api.apply(_PATH, item)


def seen(rig: KubeRig) -> Rollout:
    return rollout(rig.api, rig.api.get(_PATH) or {})


def finished(rig: KubeRig) -> bool:
    now = seen(rig)
    return not now.fault and not now.unfinished and now.ready == now.wanted


def test_pods_that_wait_for_calls_are_unfinished_until_those_end(unhurried: KubeRig) -> None:
    rig = unhurried
    apply(rig)
    rig.wait(lambda: finished(rig))
    apply(rig, "livekit:2")
    rig.wait(lambda: seen(rig).unfinished)
    now = seen(rig)
    assert (now.ready, now.draining, now.fault) == (0, 1, "")
    assert now.unfinished == f"livekit: 0 of 2 pods on the new revision; 1 older pod drains calls until {now.until}"

    for _ in range(2):  # the calls of one after the other end
        rig.wait(lambda: seen(rig).draining == 1)
        (old,) = (name for name, pod in rig.objects("pods").items() if "deletionTimestamp" in pod["metadata"])
        rig.api.delete(f"/api/v1/namespaces/livekit/pods/{old}", grace_seconds=0)
    rig.wait(lambda: finished(rig))
    assert seen(rig) == Rollout("livekit", 2, 2)


def test_a_pod_of_the_same_revision_that_drains_is_waited_for_too(unhurried: KubeRig) -> None:
    """As when its node is closed: its successor needs what it still has."""
    rig = unhurried
    apply(rig)
    rig.wait(lambda: finished(rig))
    rig.api.delete(f"/api/v1/namespaces/livekit/pods/{next(iter(rig.objects('pods')))}")
    rig.wait(lambda: seen(rig).unfinished)
    assert "1 of 2 pods on the new revision" in seen(rig).unfinished


def test_what_no_old_pod_holds_is_a_fault_while_others_drain(unhurried: KubeRig) -> None:
    rig = unhurried
    apply(rig)
    rig.wait(lambda: finished(rig))
    apply(rig, "livekit:2", nodeSelector={"none": "such"})
    rig.wait(lambda: seen(rig).draining == 1 and "didn't match" in seen(rig).fault)
    assert seen(rig).unfinished == ""
    assert seen(rig).fault.startswith("livekit: 0/2 pods ready, 0/2 nodes are available: ")


def test_a_new_pod_that_has_a_node_and_does_not_start_is_a_fault_while_others_drain(
    unhurried: KubeRig, sky: Sky
) -> None:
    rig = unhurried
    sky.specs.append(media_node("c", 2))
    apply(rig)
    rig.wait(lambda: finished(rig))
    variable = {"name": "KEYS", "valueFrom": {"secretKeyRef": {"name": "not-there", "key": "keys"}}}
    apply(rig, "livekit:2", container={"env": [variable]})
    rig.wait(lambda: seen(rig).draining == 1 and "CreateContainerConfigError" in seen(rig).fault)
    assert seen(rig).fault == 'livekit: 0/2 pods ready, CreateContainerConfigError secret "not-there" not found'


def test_what_a_load_balancer_says_of_a_pod_is_said(unhurried: KubeRig) -> None:
    rig, gate = unhurried, "target-health.elbv2.k8s.aws/k8s-livekit"
    apply(rig, replicas=1, readinessGates=[{"conditionType": gate}])
    rig.wait(lambda: any(pod["spec"].get("nodeName") for pod in rig.objects("pods", namespace="livekit").values()))
    (name,) = rig.objects("pods", namespace="livekit")
    said = {"type": gate, "status": "False", "reason": "Target.Timeout", "message": "Request timed out"}
    for conditions, why in (([], "nobody answers"), ([said], "Target.Timeout Request timed out")):
        status = {"status": {"phase": "Running", "conditions": conditions, "containerStatuses": []}}
        rig.patch(f"/api/v1/namespaces/livekit/pods/{name}/status", status)
        assert seen(rig).fault == f"livekit: 0/1 pod ready, {gate}: {why}"


def test_more_new_pods_than_old_ones_that_drain_have_too_few_nodes(unhurried: KubeRig) -> None:
    rig = unhurried
    apply(rig)
    rig.wait(lambda: finished(rig))
    apply(rig, "livekit:2")
    rig.wait(lambda: seen(rig).unfinished)
    apply(rig, "livekit:2", replicas=4)
    rig.wait(lambda: seen(rig).draining == 1 and "nodes are available" in seen(rig).fault)


def test_a_paused_deployment_is_not_taken_for_rolled_out(rig: KubeRig) -> None:
    apply(rig)
    rig.wait(lambda: finished(rig))
    apply(rig, "livekit:2", paused=True)
    rig.wait(lambda: "not seen yet" not in seen(rig).fault)
    assert seen(rig).fault == "livekit is paused: its pods stay as they are"
    apply(rig, "livekit:2")
    rig.wait(lambda: finished(rig))


def test_why_pods_are_refused_is_said_in_the_api_servers_words(unhurried: KubeRig) -> None:
    """Whoever drains: a quota is not theirs to free."""
    rig = unhurried
    apply(rig)
    rig.wait(lambda: finished(rig))
    apply(rig, "livekit:2")
    rig.wait(lambda: seen(rig).draining == 1)
    said = 'pods "livekit-5d" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2'
    item = rig.api.get(_PATH) or {}
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    item["status"]["conditions"].append(refused)
    assert rollout(rig.api, item).fault == f"livekit: 0/2 pods ready, FailedCreate: {said}"
