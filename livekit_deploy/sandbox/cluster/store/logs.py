"""Container logs through the API: with tail, since, timestamps and follow.

Source: Kubernetes API reference, "Get read log of the specified Pod", and the kubelet's answers for containers that
have not run yet.
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from livekit_deploy.sandbox.cluster.objects.errors import ApiError

Obj = dict[str, Any]
_TICK_SECONDS = 1.0
_WAITS = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}
_YES = ("true", "1", "True")


class Logs:
    """The lines of every pod, by its uid, until it is gone."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._lines: dict[str, list[tuple[str, str]]] = {}
        self._before: dict[str, list[tuple[str, str]]] = {}

    def begin(self, uid: str) -> None:
        """Its container is started, perhaps again: what it said before is kept apart."""
        with self.changed:
            if lines := self._lines.pop(uid, None):
                self._before[uid] = lines

    def before(self, uid: str) -> list[tuple[str, str]]:
        """What the container said in its run before this one."""
        with self.changed:
            return list(self._before.get(uid, []))

    def say(self, uid: str, text: str) -> None:
        """One more line, said now."""
        moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
        with self.changed:
            self._lines.setdefault(uid, []).append((moment, text))
            self.changed.notify_all()

    def drop(self, uid: str) -> None:
        """The pod is gone: those who follow it have heard all."""
        with self.changed:
            self._lines.pop(uid, None)
            self._before.pop(uid, None)
            self.changed.notify_all()

    def lines(self, uid: str) -> list[tuple[str, str]] | None:
        """(time, line) of all that was said; None when the pod is gone, or said nothing yet."""
        with self.changed:
            return list(self._lines[uid]) if uid in self._lines else None


class PodLog:
    """One request for the log of a pod; raises `ApiError` when there is none to give."""

    def __init__(self, logs: Logs, pod: Obj, query: Mapping[str, str]) -> None:
        _check(pod, query)
        self._logs, self._uid, self._query = logs, str(pod["metadata"]["uid"]), query
        self.follows = query.get("follow") in _YES
        former = query.get("previous") in _YES and "running" in _state(pod, query)
        self._before = logs.before(self._uid) if former else logs.lines(self._uid) or []
        self._stamped = query.get("timestamps") in _YES

    def text(self) -> bytes:
        """All that is asked for and said so far."""
        return b"".join(map(self._shown, self._asked(self._before)))

    def __iter__(self) -> Iterator[bytes | None]:
        """The same and what follows, until the pod is gone; None now and then, so that a client that left is seen."""
        yield from map(self._shown, self._asked(self._before))
        said = len(self._before)
        while (lines := self._logs.lines(self._uid)) is not None:
            yield from map(self._shown, lines[said:])
            said = len(lines)
            with self._logs.changed:
                if len(self._logs.lines(self._uid) or []) == said:
                    self._logs.changed.wait(_TICK_SECONDS)
            yield None

    def _asked(self, lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
        since, tail = self._since(), self._query.get("tailLines")
        found = [one for one in lines if one[0] >= since]
        return found[max(len(found) - int(tail), 0) :] if tail else found

    def _since(self) -> str:
        if seconds := self._query.get("sinceSeconds"):
            moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=int(seconds))
            return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
        return self._query.get("sinceTime", "").removesuffix("Z")

    def _shown(self, line: tuple[str, str]) -> bytes:
        return f"{line[0]} {line[1]}\n".encode() if self._stamped else f"{line[1]}\n".encode()


def _check(pod: Obj, query: Mapping[str, str]) -> None:
    name, containers = pod["metadata"]["name"], [one["name"] for one in pod["spec"]["containers"]]
    wanted = query.get("container") or ""
    if wanted and wanted not in containers:
        raise ApiError(400, f"container {wanted} is not valid for pod {name}")
    if not wanted and len(containers) > 1:
        raise ApiError(400, f"a container name must be specified for pod {name}, choose one of: {containers}")
    if not pod["spec"].get("nodeName"):
        raise ApiError(400, f"pod {name} does not have a host assigned")
    status = _status(pod, query)
    shown = f'container "{wanted or containers[0]}" in pod "{name}"'
    ended = (status.get("lastState") or {}).get("terminated")
    if query.get("previous") in _YES:
        if not ended:
            raise ApiError(400, f"previous terminated {shown} not found")
        return
    waiting = (status.get("state") or {}).get("waiting")
    if (waiting or not status) and not ended:
        reason = (waiting or {}).get("reason", "ContainerCreating")
        raise ApiError(400, f"{shown} is waiting to start: {_WAITS.get(reason, reason)}")


def _status(pod: Obj, query: Mapping[str, str]) -> Obj:
    """What is told of the container that is asked for."""
    name = query.get("container") or pod["spec"]["containers"][0]["name"]
    told = (pod.get("status") or {}).get("containerStatuses") or []
    return next((one for one in told if one["name"] == name), {})


def _state(pod: Obj, query: Mapping[str, str]) -> Obj:
    return _status(pod, query).get("state") or {}
