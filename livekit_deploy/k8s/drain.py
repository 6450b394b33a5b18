"""`CallsDrained`: no node group with LiveKit on it goes before the calls on its nodes have ended.

EKS gives the pods of a node group that is deleted a quarter of an hour, a call may last for hours. So before a group
goes its nodes are closed to new pods, and LiveKit's pods on them are asked to end, one after the other as far as their
PodDisruptionBudget allows. A pod takes no new room from then on and ends with its last one, or when its time is over:
the grace period of its chart, or less where the run says so (``--max-drain``). The cluster counts that time, so that it
goes on when this program is killed. Where no other media node is open nobody can take over, and no budget counts.
Sources: EKS user guide, "Delete a managed node group"; LiveKit, "Deploying to Kubernetes"; Kubernetes, "Pod Lifecycle".
"""

from __future__ import annotations

from collections.abc import Iterator

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.engine.inputs import Change, Input
from livekit_deploy.engine.resource import MINUTE, Found, Live, Observed, Status
from livekit_deploy.errors import Absent
from livekit_deploy.k8s.client import PASSING, Api, Obj, api, serves

_NODES = "/api/v1/nodes"
_GROUP = "eks.amazonaws.com/nodegroup"
_MEDIA = "livekit-deploy/group=media"
_INSTANCE = "app.kubernetes.io/instance"
_HOURS = 60 * MINUTE


class CallsDrained(Observed):
    """Stands on the way of a node group out. ``group_name`` is the group's name in AWS, ``release`` the name of the
    release, and of its namespace, whose pods carry the calls."""

    kind = "barrier.calls_drained"
    propagation = PASSING
    host_kind = "eks.cluster"
    stored_in_host = True
    delete_timeout = 5.5 * _HOURS  # the chart gives a pod five hours
    usual_delete = 60.0
    patience = delete_timeout

    group_name: Input[str] = Input(change=Change.IMMUTABLE)
    release: Input[str] = Input(change=Change.IMMUTABLE)

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        return Live(self.instance, Status.READY) if id is not None else None

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """READY while a step is due, DELETING while pods end or the budget forbids the next, None with no pod left.

        None too where calls are given no time at all: they end with what is taken away behind this.
        """
        if cloud.max_drain == 0 or not serves(self.host):
            return None
        connection = self._api(cloud)
        nodes = self._nodes(connection)
        pods = list(self._pods(connection, nodes))
        if not pods:
            return None
        due = [node for node in nodes if not _closed(node)] + [pod for pod in pods if _to_ask(pod, cloud.max_drain)]
        shown = ", ".join(sorted(pod["metadata"]["name"] for pod in pods)[:3])
        if due and (not all(map(_closed, nodes)) or self._allowed(connection)):
            return Live(self.instance, Status.READY, {"due": len(due)}, detail=f"closing {self.group_name}")
        waits = "calls end on" if not due else "its PodDisruptionBudget lets go of"
        return Live(self.instance, Status.DELETING, {"due": len(due)}, detail=f"waiting until {waits} {shown}")

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Close one node, or ask one pod to end."""
        connection = self._api(cloud)
        nodes = self._nodes(connection)
        if unclosed := [node["metadata"]["name"] for node in nodes if not _closed(node)]:
            closed = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": unclosed[0]}}
            connection.apply(f"{_NODES}/{unclosed[0]}", {**closed, "spec": {"unschedulable": True}})
        elif asked := [pod for pod in self._pods(connection, nodes) if _to_ask(pod, cloud.max_drain)]:
            first = min(asked, key=lambda pod: str(pod["metadata"]["name"]))
            path = f"/api/v1/namespaces/{self.release}/pods/{first['metadata']['name']}"
            connection.delete(path, grace_seconds=min(_grace(first), cloud.max_drain or _grace(first)))

    def _api(self, cloud: Cloud) -> Api:
        if self.host is None:
            raise Absent(f"{self.address}: its cluster is not there", address=self.address)
        return api(cloud, self.host)

    def _nodes(self, connection: Api) -> list[Obj]:
        return connection.list(_NODES, f"{_GROUP}={self.group_name}")

    def _pods(self, connection: Api, nodes: list[Obj]) -> Iterator[Obj]:
        names = {node["metadata"]["name"] for node in nodes}
        for pod in connection.list(f"/api/v1/namespaces/{self.release}/pods", f"{_INSTANCE}={self.release}"):
            if pod["spec"].get("nodeName") in names:
                yield pod

    def _allowed(self, connection: Api) -> bool:
        """Whether every budget of the release admits that one more pod goes, or there is nowhere to go to."""
        if all(map(_closed, connection.list(_NODES, _MEDIA))):
            return True
        path = f"/apis/policy/v1/namespaces/{self.release}/poddisruptionbudgets"
        budgets = connection.list(path, f"{_INSTANCE}={self.release}")
        return all((one.get("status") or {}).get("disruptionsAllowed", 1) > 0 for one in budgets)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        yield from ()


def _closed(node: Obj) -> bool:
    return bool(node["spec"].get("unschedulable"))


def _grace(pod: Obj) -> int:
    """Seconds that it has to end: what it was told when it was asked, or what its chart says."""
    return int(pod["metadata"].get("deletionGracePeriodSeconds") or pod["spec"]["terminationGracePeriodSeconds"])


def _to_ask(pod: Obj, max_drain: int | None) -> bool:
    """Whether it was not asked to end yet, or was given longer than calls may take now."""
    return not pod["metadata"].get("deletionTimestamp") or (max_drain is not None and _grace(pod) > max_drain)
