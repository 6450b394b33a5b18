"""What the API server reaches in its cluster: kubelets on every node, and the controller's webhooks in its pods."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from livekit_deploy.sandbox.cluster.controllers import bindings
from livekit_deploy.sandbox.cluster.controllers.load_balancers import CONTROLLER
from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.store.logs import PodLog
from tests.real.plane.answering import Answer, Server, context, json_answer
from tests.real.plane.egress import Egress
from tests.real.plane.keys import Keys
from tests.real.plane.mirror import Mirror

Obj = dict[str, Any]
_KUBELET = 10250
#: where the controller is asked about new pods
_PODS = "/mutate-v1-pod"
_SERVICE = "aws-load-balancer-webhook-service.kube-system.svc"


class Network:
    """Until `stop`."""

    def __init__(self, mirror: Mirror, keys: Keys) -> None:
        self._mirror, folder = mirror, keys.folder
        keys.issue("kubelet", "kubelet", hosts=(_SERVICE,))
        own = context(f"{folder}/kubelet.crt", f"{folder}/kubelet.key")
        self._kubelets = Server(self._kubelet, own)
        self._webhooks = Server(self._admit, own)
        self._egress = Egress(folder / "egress.sock", self._route)

    def stop(self) -> None:
        for one in (self._egress, self._kubelets, self._webhooks):
            one.stop()

    def _route(self, host: str, port: int) -> int | None:
        if port == _KUBELET:
            return self._kubelets.port
        return self._webhooks.port if any(_listens(pod, host, port) for pod in self._pods()) else None

    # whoever writes holds the mirror's lock until the API server has asked here: nothing here waits for it

    def _pods(self) -> list[Obj]:
        return self._mirror.items(self._mirror.named("pods"))

    # ---- kubelets

    def _kubelet(self, path: str, body: Obj) -> Answer:
        """``/containerLogs/NAMESPACE/POD/CONTAINER``; nothing else is asked of one."""
        parts = urlsplit(path)
        said, *where = parts.path.strip("/").split("/")
        if said != "containerLogs" or len(where) != 3:
            return 404, [b"404 page not found\n"]
        pod = self._mirror.find(self._mirror.named("pods"), where[0], where[1])
        if pod is None:
            return 404, [f'pod "{where[1]}" not found\n'.encode()]
        try:
            log = PodLog(self._mirror.logs, pod, {**dict(parse_qsl(parts.query)), "container": where[2]})
        except ApiError as error:
            return error.code, [error.message.encode()]
        return 200, _following(log) if log.follows else [log.text()]

    # ---- webhooks

    def _admit(self, path: str, review: Obj) -> Answer:
        """New pods get their readiness gates, and nothing is refused: that is a matter of the controller."""
        request = review["request"]
        response: Obj = {"uid": request["uid"], "allowed": True}
        if path.partition("?")[0] == _PODS:
            response |= self._gated(request["namespace"], request["object"])
        return json_answer({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response})

    def _gated(self, namespace: str, pod: Obj) -> Obj:
        """The JSON patch (RFC 6902) that brings them in."""
        gates = bindings.gates(self._mirror, namespace, pod["metadata"].get("labels") or {})
        if not gates:
            return {}
        value = [*(pod["spec"].get("readinessGates") or []), *gates]
        patch = [{"op": "add", "path": "/spec/readinessGates", "value": value}]
        return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}


def _listens(pod: Obj, host: str, port: int) -> bool:
    """Whether it is a running pod of the controller with that address and port."""
    status = pod.get("status") or {}
    return (
        status.get("podIP") == host
        and status.get("phase") == "Running"
        and (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name") == CONTROLLER
        and any(one["containerPort"] == port for box in pod["spec"]["containers"] for one in box.get("ports") or [])
    )


def _following(log: PodLog) -> Iterable[bytes]:
    return (part or b"" for part in log)
