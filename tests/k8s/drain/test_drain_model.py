"""A drain among whatever happens meanwhile: controllers that are slow, pods that others end, nodes that others close.

The API is a table of objects here, so that each order of things can be tried; `test_drain.py` has the real calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import Conflict
from livekit_deploy.k8s.drain import CallsDrained

_HOST = Live("c", Status.READY, outputs={"endpoint": "https://c", "ca": "", "name": "c"})
_LATER = "2100-01-01T00:00:00Z"
Obj = dict[str, Any]
Objs = list[Obj]


class Table:
    """Nodes, one Deployment and its pods; a deleted pod has a grace, and stays until it `ends`."""

    ahead = timedelta()

    def __init__(self, old: int, new: int, wanted: int) -> None:
        groups = ["old"] * old + ["new"] * new
        self.nodes = {f"node-{number}": self._node(f"node-{number}", group) for number, group in enumerate(groups)}
        self.pods: dict[str, Obj] = {}
        self.wanted, self.made = wanted, 0
        self.asked: list[str] = []

    @staticmethod
    def _node(name: str, group: str) -> Obj:
        labels = {"eks.amazonaws.com/nodegroup": group, "livekit-deploy/group": "media"}
        return {"metadata": {"name": name, "labels": labels}, "spec": {}}

    # ---- what a barrier asks for

    def list(self, path: str, labels: str = "") -> Objs:
        if path.endswith("/nodes"):
            return [*self.nodes.values()]
        if path.endswith("/pods"):
            return [*self.pods.values()]
        if path.endswith("/deployments"):
            label = {"app.kubernetes.io/instance": "livekit"}
            meta = {"name": "livekit", "generation": 1, "namespace": "livekit", "uid": "u"}
            return [{"metadata": meta, "spec": {"replicas": self.wanted, "template": {"metadata": {"labels": label}}}}]
        return []

    def apply(self, path: str, item: Obj) -> None:
        self.nodes[item["metadata"]["name"]]["spec"].update(item["spec"])

    def delete(self, path: str, *, grace_seconds: int, uid: str) -> None:
        pod = self.pods.get(path.rpartition("/")[2])
        if pod is None:
            return
        if pod["metadata"]["uid"] != uid:
            raise Conflict("another one", code="Conflict")
        if pod not in self.leaving:
            assert self.serving >= self.wanted or not self.open, "one at a time"
            assert self.group(pod["spec"]["nodeName"]) == "old"
        self.end_by(pod, grace_seconds)

    # ---- what is true

    @property
    def open(self) -> set[str]:
        return {name for name, node in self.nodes.items() if not node["spec"].get("unschedulable")}

    @property
    def leaving(self) -> Objs:
        return [pod for pod in self.pods.values() if "deletionTimestamp" in pod["metadata"]]

    @property
    def staying(self) -> Objs:
        return [pod for pod in self.pods.values() if pod not in self.leaving]

    @property
    def serving(self) -> int:
        """Those that somebody can be sent to, and those on closed nodes that nobody asked to go."""
        placed = [pod for pod in self.staying if "nodeName" in pod["spec"]]
        return sum(1 for pod in placed if pod["spec"]["nodeName"] not in self.open or is_ready(pod))

    def group(self, node: str) -> str:
        return str(self.nodes[node]["metadata"]["labels"]["eks.amazonaws.com/nodegroup"])

    def on(self, group: str) -> Objs:
        return [
            pod
            for pod in self.pods.values()
            if "nodeName" in pod["spec"] and self.group(pod["spec"]["nodeName"]) == group
        ]

    # ---- what happens

    def end_by(self, pod: Obj, grace: int) -> None:
        pod["metadata"] |= {"deletionTimestamp": _LATER, "deletionGracePeriodSeconds": grace}

    def replace(self) -> None:
        """A step of the controller-manager and the scheduler."""
        if len(self.staying) < self.wanted:
            self.made += 1
            meta = {"name": f"pod-{self.made}", "uid": f"u-{self.made}"}
            spec = {"terminationGracePeriodSeconds": 18075, "containers": [{}]}
            self.pods[meta["name"]] = {"metadata": meta, "spec": spec, "status": {}}
        taken = {pod["spec"].get("nodeName") for pod in self.pods.values()}
        for pod in self.staying:
            free = sorted(self.open - taken)
            if "nodeName" not in pod["spec"] and free:
                pod["spec"]["nodeName"] = free[0]
                taken.add(free[0])


def is_ready(pod: Obj) -> bool:
    return bool(pod["status"].get("conditions") == [{"type": "Ready", "status": "True"}])


def _says(pod: Obj, ready: bool) -> None:
    pod["status"]["conditions"] = [{"type": "Ready", "status": "True" if ready else "False"}]


class Sees:
    """A cloud that knows one cluster."""

    def __init__(self, table: Table, max_drain: int | None) -> None:
        self.table, self.context, self._lock = table, RunContext(max_drain=max_drain), threading.Lock()

    def shared(self, key: str, make: Callable[[], Any]) -> Any:
        return self.table if key.startswith("kubernetes:") else self._lock


class Drain(RuleBasedStateMachine):
    table: Table

    @initialize(
        old=st.integers(1, 3), new=st.integers(0, 3), wanted=st.integers(0, 3), limit=st.sampled_from([None, 60])
    )
    def begins(self, old: int, new: int, wanted: int, limit: int | None) -> None:
        self.table = Table(old, new, min(wanted, old))
        for _ in range(wanted):
            self.table.replace()
        for pod in self.table.pods.values():
            _says(pod, True)
        self.cloud: Any = Sees(self.table, limit)
        self.item = CallsDrained("x", group_name="old", release="livekit")
        self.item.host = _HOST
        self.gone = False

    @precondition(lambda self: not self.gone)
    @rule(late=st.booleans())
    def drains(self, late: bool) -> None:
        live = self.item.read_teardown(self.cloud, "x")
        if live is None:
            self.gone = True
            assert not self.table.on("old")
            assert not self.table.open or self.table.serving >= self.table.wanted
        elif live.status is Status.READY or late:
            self.item.delete(self.cloud, Live("x", Status.DELETING) if late else live)

    @rule()
    def replaces(self) -> None:
        self.table.replace()

    @rule(data=st.data(), ready=st.booleans())
    def is_or_is_not_ready(self, data: st.DataObject, ready: bool) -> None:
        if placed := [pod for pod in self.table.staying if "nodeName" in pod["spec"]]:
            _says(data.draw(st.sampled_from(placed)), ready)

    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        if self.table.leaving:
            name = data.draw(st.sampled_from(self.table.leaving))["metadata"]["name"]
            del self.table.pods[name]

    @rule(data=st.data())
    def somebody_ends_one(self, data: st.DataObject) -> None:
        if self.table.staying:
            self.table.end_by(data.draw(st.sampled_from(self.table.staying)), 18075)

    @rule(wanted=st.integers(0, 3))
    def is_scaled(self, wanted: int) -> None:
        self.table.wanted = wanted

    @rule(data=st.data())
    def somebody_closes_a_node(self, data: st.DataObject) -> None:
        self.table.apply(
            "",
            {
                "metadata": {"name": data.draw(st.sampled_from(sorted(self.table.nodes)))},
                "spec": {"unschedulable": True},
            },
        )

    @invariant()
    def nobody_comes_to_a_group_that_goes(self) -> None:
        assert not (getattr(self, "gone", False) and self.table.on("old"))

    def teardown(self) -> None:
        """Left alone it comes to an end, where there is room for those that are wanted."""
        if not hasattr(self, "table"):
            return
        if self.table.open:
            free = {name for name in self.table.open if self.table.group(name) == "new"}
            self.table.wanted = min(self.table.wanted, len(free))
        for _ in range(60):
            if self.gone:
                return
            self.drains(late=False)
            for pod in self.table.leaving:
                del self.table.pods[pod["metadata"]["name"]]
            while len(self.table.staying) > self.table.wanted:
                idle = min(self.table.staying, key=is_ready)
                del self.table.pods[idle["metadata"]["name"]]
            self.table.replace()
            for pod in self.table.staying:
                if "nodeName" in pod["spec"]:
                    _says(pod, True)
        assert self.gone


TestDrain = Drain.TestCase
