"""What is looked at in the cluster: nodes, LiveKit's pods, the controller's webhook, the Ingress."""

from __future__ import annotations

from livekit_deploy.finding import Trouble
from livekit_deploy.health.look import SIGNAL, Look
from livekit_deploy.k8s.client import Obj
from livekit_deploy.k8s.releases import LIVEKIT, WEBHOOK_SERVICE
from livekit_deploy.k8s.workload import has_endpoints, unready

MEDIA = ("livekit-deploy/group", "media")

#: what a pod that is not ready says of itself → why that usually is, and what to do
_PODS = (
    (
        "CreateContainerConfigError",
        "a Secret or ConfigMap that LiveKit reads is gone",
        "make it again: livekit-deploy up",
    ),
    ("ImagePull", "the image's tag does not exist, or the nodes have no way to its registry", "check image_tag"),
    (
        "CrashLoopBackOff",
        "LiveKit ends at its start: a setting it refuses, or a Redis it cannot reach; it says so in its log",
        f"read it: kubectl logs -n {LIVEKIT} deployment/{LIVEKIT} --previous",
    ),
    (
        "nodes are available",
        "one pod fits on a media node, and there are fewer nodes than pods",
        "raise nodes.media.desired, or lower livekit.replicas",
    ),
)
_READINESS = (
    "LiveKit answers 406 while it cannot tell Redis that it is alive",
    f"read its log: kubectl logs -n {LIVEKIT} deployment/{LIVEKIT}",
)


def nodes(look: Look) -> str:
    """Every node is ready, and there is a media node for each pod of LiveKit."""
    for node in look.nodes:
        state = _ready(node)
        if state.get("status") != "True":
            name = node["metadata"]["name"]
            raise Trouble(
                f"{name} is not ready: {state.get('message') or 'its kubelet is silent'}",
                cause="its instance is stopped, out of memory, or cut off from the control plane",
                remedy=f"see: kubectl describe node {name}; terminate the instance, and its group replaces it",
            )
    media = [node for node in look.nodes if node["metadata"].get("labels", {}).get(MEDIA[0]) == MEDIA[1]]
    scaling = look.env.livekit.autoscaling
    wanted = scaling.min if scaling is not None else look.env.livekit.replicas
    if len(media) < wanted:
        raise Trouble(
            f"{len(media)} of {wanted} media nodes are there",
            cause="instances were stopped, or the group was made smaller: one pod of LiveKit needs one node",
            remedy="see what the group was changed to: livekit-deploy plan; up restores it",
        )
    return f"{len(look.nodes)} ready, {len(media)} of them for media"


def _ready(node: Obj) -> Obj:
    conditions: list[Obj] = (node.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == "Ready"), {})


def pods(look: Look) -> str:
    """Every pod of LiveKit's newest revision is ready."""
    where = f"/apis/apps/v1/namespaces/{LIVEKIT}/deployments"
    found = look.api.list(where, f"app.kubernetes.io/instance={LIVEKIT}")
    if not found:
        raise Trouble("there is no Deployment of LiveKit", cause="somebody deleted it", remedy="run: livekit-deploy up")
    for deployment in found:
        if not deployment["spec"].get("replicas", 1):
            name = deployment["metadata"]["name"]
            raise Trouble(
                f"{name} is scaled to 0", cause="somebody scaled it down", remedy="scale it back: livekit-deploy up"
            )
        if why := unready(look.api, deployment):
            cause, remedy = next(((one, two) for said, one, two in _PODS if said in why), _READINESS)
            raise Trouble(why, cause=cause, remedy=remedy)
    return f"{sum((one.get('status') or {}).get('readyReplicas', 0) for one in found)} ready"


def webhook(look: Look) -> str:
    """The load balancer controller's webhook has endpoints: without them no Service or Ingress can be changed."""
    if not has_endpoints(look.api, "kube-system", WEBHOOK_SERVICE):
        raise Trouble(
            f"{WEBHOOK_SERVICE} has no endpoints",
            cause="no pod of the load balancer controller is ready: every change of a Service or an Ingress is refused",
            remedy="see: kubectl get pods -n kube-system -l app.kubernetes.io/name=aws-load-balancer-controller",
        )
    return "has endpoints"


def ingress(look: Look) -> str:
    """The Ingress is there and has the address of its load balancer."""
    stack = str(look.records[SIGNAL].inputs["stack"])
    namespace, name = stack.split("/")
    found = look.api.get(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}")
    if found is None or found["metadata"].get("deletionTimestamp"):
        raise Trouble(
            f"the Ingress {stack} is deleted",
            cause="somebody did; its load balancer goes",
            remedy="run: livekit-deploy up",
        )
    addresses = ((found.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    names = [str(one.get("hostname", "")).lower() for one in addresses]
    wanted = look.outputs(SIGNAL)["dns_name"]
    if wanted not in names:
        raise Trouble(
            f"its address is {', '.join(names)}, not {wanted}" if names else "it has no address yet",
            cause="the load balancer controller made another one, or cannot make one: its role, the subnets' tags",
            remedy="see: kubectl describe ingress -n " + namespace,
        )
    return f"has {names[0]}"
