"""Checks nodes, LiveKit's pods, the controller's webhook and the Ingress."""

from __future__ import annotations

from livekit_deploy.checks.finding import Trouble, Unfinished
from livekit_deploy.checks.verify import causes
from livekit_deploy.checks.verify.context import VerifyContext
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.k8s.access.client import Obj, leaving
from livekit_deploy.k8s.rollout import Rollout, rollout
from livekit_deploy.k8s.workload import has_endpoints
from livekit_deploy.provisioners.addresses import LIVEKIT, SIGNAL

MEDIA = ("livekit-deploy/group", "media")


def nodes(look: VerifyContext) -> str:
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


def pods(look: VerifyContext) -> str:
    """Every pod of LiveKit's newest revision is ready, or waits for an older one to end its calls."""
    where = f"/apis/apps/v1/namespaces/{LIVEKIT}/deployments"
    found = look.api.list(where, f"app.kubernetes.io/instance={LIVEKIT}")
    if not found:
        raise Trouble(
            "the Deployment of LiveKit does not exist", cause="somebody deleted it", remedy="run: livekit-deploy up"
        )
    for deployment in found:
        if not deployment["spec"].get("replicas", 1):
            name = deployment["metadata"]["name"]
            raise Trouble(
                f"{name} is scaled to 0", cause="somebody scaled it down", remedy="scale it back: livekit-deploy up"
            )
    rollouts = [rollout(look.api, deployment) for deployment in found]
    for one in rollouts:
        if one.fault:
            raise _at_fault(look, one)
    if unfinished := [one.unfinished for one in rollouts if one.unfinished]:
        raise Unfinished(
            "; ".join(unfinished),
            cause="each new pod needs the ports of an older one: the new revision is complete only when the "
            "older pod has ended",
            remedy="look again later: livekit-deploy verify --watch --timeout 6h",
        )
    return ", ".join([f"{sum(one.ready for one in rollouts)} ready", *(one.drains for one in rollouts if one.drains)])


def _at_fault(look: VerifyContext, one: Rollout) -> Trouble:
    """With what the pods themselves say, where that tells more than Kubernetes does."""
    cause, seen = causes.of_pod(one.fault), one.fault
    if cause.words in causes.SPOKEN and (said := causes.cause_in_logs(look.api)):
        cause, line = said
        seen = f"{seen}; its log says: {line[:200]}"
    return Trouble(seen, cause=cause.why, remedy=cause.remedy)


def webhook(look: VerifyContext) -> str:
    """The load balancer controller's webhook has endpoints: without them no Service or Ingress can be changed."""
    if not has_endpoints(look.api, CONTROLLER.namespace, str(CONTROLLER.endpoints)):
        raise Trouble(
            f"{CONTROLLER.endpoints} has no endpoints",
            cause="no pod of the load balancer controller is ready: every change of a Service or an Ingress is refused",
            remedy=f"see: kubectl get pods -n {CONTROLLER.namespace} -l {CONTROLLER.pods}",
        )
    return "has endpoints"


def ingress(look: VerifyContext) -> str:
    """The Ingress is there and has the address of its load balancer."""
    stack = str(look.records[SIGNAL].inputs["stack"])
    namespace, name = stack.split("/")
    found = look.api.get(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}")
    if found is None or leaving(found):
        raise Trouble(
            f"the Ingress {stack} was deleted",
            cause="somebody deleted it, and its load balancer with it",
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
