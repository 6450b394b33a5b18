"""Counts LiveKit's pods for a node group that is to be deleted: which are on it, and whether others serve instead.

No pod is paired with the one that replaces it. What counts is a number: the Deployment wants so many, those on closed
nodes that were not asked to end serve still, and on open nodes those that are Ready. What is missing to that are
replacements on their way. A pod is asked to end only while none is, so that at most one is away at any time, whatever a
disruption budget, which a controller may be slow to write, says meanwhile.
Sources: Kubernetes, "Deployments", "Pod Lifecycle" (termination) and "Container Lifecycle Hooks".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from livekit_deploy.k8s.access.client import MANAGER, Api, Obj, grace_of, leaving
from livekit_deploy.k8s.rollout import is_ready, rollout

NODES = "/api/v1/nodes"
_MEDIA = "livekit-deploy/group=media"
_GROUP, _INSTANCE = "eks.amazonaws.com/nodegroup", "app.kubernetes.io/instance"
_ENDED = ("Succeeded", "Failed")
#: how much later than at the end of its time the kubelet has ended a pod, where there is one that answers
_LATE = timedelta(seconds=60)


@dataclass(frozen=True)
class Fleet:
    """What one look shows. ``nodes`` are the group's; ``own`` are the pods on them that may still carry calls.

    ``missing`` is how many replacements are not Ready yet, where any can come: where every media node is closed none
    can, and none is missed. ``alone`` is whether somebody is wanted and the cluster has no media node but these.
    """

    nodes: list[Obj]
    own: list[Obj]
    missing: int
    alone: bool
    deployments: list[Obj]

    @property
    def unclosed(self) -> list[str]:
        """The names of its nodes that still take new pods."""
        return [node["metadata"]["name"] for node in self.nodes if not _closed(node)]

    @property
    def unasked(self) -> list[Obj]:
        """Its pods that were not asked to end."""
        return [pod for pod in self.own if not leaving(pod)]

    def given_longer(self, limit: int | None) -> list[Obj]:
        """Its pods that were asked to end and have more time than they may have by now."""
        return [pod for pod in self.own if leaving(pod) and grace_of(pod) > full_grace(pod, limit)]

    def next_to_end(self, limit: int | None) -> Obj | None:
        """The pod to be asked to end now, or to be given less time than it has; ``limit`` is as `full_grace` takes it.

        None where all were asked, and while a replacement is missing.
        """
        # one that is not Ready serves nobody new: it goes before the others
        asked = sorted([] if self.missing else self.unasked, key=lambda pod: (is_ready(pod), pod["metadata"]["name"]))
        return next(iter(self.given_longer(limit) + asked), None)

    def why_missing(self, api: Api) -> tuple[str, bool]:
        """What the replacements wait for, and whether that is a fault and not older pods that drain calls."""
        states = [rollout(api, one) for one in self.deployments]
        faults = [one.fault for one in states if one.fault]
        return "; ".join(faults or filter(None, (one.drains for one in states))), bool(faults)


def closed_by_us(api: Api, group: str) -> tuple[str, ...]:
    """The names of a group's nodes that a drain of ours closed; those that somebody else closed are not among them."""
    nodes = api.list(NODES, f"{_GROUP}={group}")
    return tuple(node["metadata"]["name"] for node in nodes if _closed(node) and _is_our_closing(node))


def _is_our_closing(node: Obj) -> bool:
    ours = [one for one in node["metadata"].get("managedFields") or [] if one.get("manager") == MANAGER]
    return any("f:unschedulable" in ((one.get("fieldsV1") or {}).get("f:spec") or {}) for one in ours)


def look(api: Api, release: str, group: str | None) -> Fleet:
    """The fleet of a ``release``, and of its namespace, as it is now; None for all groups of media nodes as one."""
    media = api.list(NODES, _MEDIA)
    nodes = [node for node in media if group in (None, node["metadata"]["labels"].get(_GROUP))]
    pods = [pod for pod in api.list(f"/api/v1/namespaces/{release}/pods", f"{_INSTANCE}={release}") if _runs(pod)]
    every = api.list(f"/apis/apps/v1/namespaces/{release}/deployments")
    deployments = [one for one in every if one["spec"]["template"]["metadata"]["labels"].get(_INSTANCE) == release]
    moment, here = datetime.now(UTC) + api.ahead, _names(nodes)
    own = [pod for pod in pods if pod["spec"]["nodeName"] in here and not _overdue(pod, moment)]
    alone = len(nodes) == len(media) and _wanted(deployments) > 0
    return Fleet(nodes, own, _missing(media, pods, deployments), alone, deployments)


def _missing(media: list[Obj], pods: list[Obj], deployments: list[Obj]) -> int:
    closed = _names(filter(_closed, media))
    open_ = _names(media) - closed
    if not open_:
        return 0
    staying = [pod for pod in pods if not leaving(pod)]
    serving = [
        pod for pod in staying if (node := pod["spec"]["nodeName"]) in closed or (node in open_ and is_ready(pod))
    ]
    return max(_wanted(deployments) - len(serving), 0)


def _wanted(deployments: list[Obj]) -> int:
    return sum(int(one["spec"].get("replicas", 1)) for one in deployments)


def full_grace(pod: Obj, limit: int | None) -> int:
    """Seconds from being asked until a pod is ended: ``limit`` from its SIGTERM on, at most what its chart gives.

    Before the SIGTERM comes what its ``preStop`` sleeps, so that its load balancers are done with it.
    """
    most = int(pod["spec"]["terminationGracePeriodSeconds"])
    return most if limit is None else min(most, limit + _sleeps(pod))


def _sleeps(pod: Obj) -> int:
    hooks = ((one.get("lifecycle") or {}).get("preStop") or {} for one in pod["spec"]["containers"])
    return max(int((hook.get("sleep") or {}).get("seconds", 0)) for hook in hooks)


def _names(nodes: Iterable[Obj]) -> set[str]:
    return {node["metadata"]["name"] for node in nodes}


def _runs(pod: Obj) -> bool:
    """Whether it has a node, and has not ended there for good (one that was evicted stays behind as Failed)."""
    return bool(pod["spec"].get("nodeName")) and (pod.get("status") or {}).get("phase") not in _ENDED


def _closed(node: Obj) -> bool:
    return bool(node["spec"].get("unschedulable"))


def _overdue(pod: Obj, moment: datetime) -> bool:
    """Whether its time has passed, and nobody is there to end it: the kubelet of its node is gone."""
    return leaving(pod) and datetime.fromisoformat(pod["metadata"]["deletionTimestamp"]) + _LATE < moment
