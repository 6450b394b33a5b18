"""`CallsDrained`: keeps a node group until the calls on its nodes have ended.

EKS gives the pods of a node group that is deleted five minutes, a call may last for hours. So before a group
goes its nodes are closed to new pods, and LiveKit's pods on them are asked to end, the next one when the replacement of
the one before is Ready. A pod takes no new room from its SIGTERM on and ends with its last one, or when its time is
over: that of its chart, or less where the run says so (``--max-drain``). The cluster counts that time, so that it goes
on when this program is killed. The group goes when its pods are gone, or their time is over, and others serve in their
place. Where no other media node is open nobody can: then all are asked at once, and only their end is waited for. A
group of which no node has joined the cluster yet is another matter: nothing is closed and nobody asked before one has.
A group that stays after all, because the configuration went back before its drain was over, is opened again: those of
its nodes that we closed, and no other.
Sources: EKS user guide, "Delete a managed node group"; LiveKit, "Deploying to Kubernetes"; Kubernetes, "Pod Lifecycle".
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.engine.inputs import Change, Input, Inputs
from livekit_deploy.engine.resource import MINUTE, Found, Live, Observed, Status
from livekit_deploy.errors import Conflict, TimedOut
from livekit_deploy.k8s.access.client import PASSING, Api, Obj, api_for, serves
from livekit_deploy.k8s.livekit_pods import NODES, Fleet, closed_by_us, full_grace, look

_HOURS = 60 * MINUTE
#: whether something keeps replacements from being Ready that does not end with the calls
_FAULT = "fault"
_NOBODY_JOINED = "no other media node has joined the cluster yet"


class CallsDrained(Observed):
    """Stands on the way of a node group out. ``group_name`` is the group's name in AWS, ``release`` the name of the
    release, and of its namespace, whose pods carry the calls."""

    kind = "barrier.calls_drained"
    host_kind = "eks.cluster"
    stored_in_host = True
    #: five hours from its SIGTERM are what the chart gives a pod, and a hundred of them may have to be replaced in turn
    delete_timeout = 5 * _HOURS + 75 + 100 * 3 * MINUTE
    usual_delete = 60.0
    #: after which a replacement that something keeps from being Ready is not waited for any more
    patience = 20 * MINUTE
    propagation = PASSING

    group_name: Input[str] = Input(change=Change.IMMUTABLE)
    release: Input[str] = Input(change=Change.IMMUTABLE)
    #: names of nodes of the group that an earlier drain closed to new pods
    closed: Inputs[str] = Inputs(default=())

    def create(self, cloud: Cloud, token: str) -> str:
        """No call: its id is the name of the group, by which `read` knows the group's nodes."""
        return self.group_name

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        if id is None or not serves(self.host):
            return Live(id, Status.READY) if id is not None else None
        return Live(id, Status.READY, {"closed": closed_by_us(api_for(cloud, self), id)})

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """Open a node that is closed although its group stays."""
        for name in live.props["closed"][:1]:
            # what an apply of ours leaves out is given back: the node is as others have it
            api_for(cloud, self).apply(f"{NODES}/{name}", _node(name))

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """READY while a step is due, DELETING while pods end or their replacements come, None when the group may go.

        None too where calls are given no time at all: they end with what is taken away behind this.
        """
        if cloud.context.max_drain == 0 or not serves(self.host):
            return None
        there, connection = id or self.instance, api_for(cloud, self)
        fleet = self._fleet(cloud, connection)
        if cloud.context.command == "up" and fleet.alone:
            return Live(there, Status.DELETING, {_FAULT: True}, detail=_NOBODY_JOINED)
        if fleet.unclosed or fleet.next_to_end(cloud.context.max_drain):
            steps = len(fleet.unclosed) + len(fleet.unasked) + len(fleet.given_longer(cloud.context.max_drain))
            return Live(there, Status.READY, {"steps": steps}, detail=f"closing {self.group_name}")
        if not fleet.own and not fleet.missing:
            return None
        if not fleet.missing:
            shown = ", ".join(sorted(pod["metadata"]["name"] for pod in fleet.own)[:3])
            return Live(there, Status.DELETING, detail=f"waiting until calls end on {shown}")
        why, fault = fleet.why_missing(connection)
        detail = f"waiting until other pods serve in their place{f': {why}' if why else ''}"
        return Live(there, Status.DELETING, {_FAULT: fault}, detail=detail)

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Close one node, or ask one pod to end. Raises `TimedOut` when patience with its replacement is over."""
        connection = api_for(cloud, self)
        # groups that go at the same time look in turn: each sees whom the other has just asked
        with cloud.shared("drain", threading.Lock):
            fleet = self._fleet(cloud, connection)
            if cloud.context.command == "up" and fleet.alone:
                if live.props.get(_FAULT):
                    raise self._out_of_patience(_NOBODY_JOINED)
            elif fleet.unclosed:
                name = fleet.unclosed[0]
                connection.apply(f"{NODES}/{name}", {**_node(name), "spec": {"unschedulable": True}})
            elif pod := fleet.next_to_end(cloud.context.max_drain):
                self._ask(connection, pod, full_grace(pod, cloud.context.max_drain))
            elif live.props.get(_FAULT) and fleet.missing:
                raise self._out_of_patience(fleet.why_missing(connection)[0])

    def _fleet(self, cloud: Cloud, connection: Api) -> Fleet:
        """Seen from its group; from all media nodes where all goes: a run that failed leaves groups without barrier."""
        return look(connection, self.release, None if cloud.context.command == "down" else self.group_name)

    def _ask(self, connection: Api, pod: Obj, seconds: int) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{self.release}/pods/{metadata['name']}"
        with contextlib.suppress(Conflict):  # it is gone, and another has its name
            connection.delete(path, grace_seconds=seconds, uid=metadata["uid"])

    def _out_of_patience(self, why: str) -> TimedOut:
        return TimedOut(
            f"{self.group_name} is kept: no other pod serves in place of its pods after "
            f"{self.patience / MINUTE:.0f} minutes: {why}",
            address=self.address,
            verb="delete",
            hint="correct what the new pods wait for, and run the same command again: it continues from here",
        )

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        yield from ()


def _node(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
