"""Reads the logs of LiveKit's pods in the order of time, or follows them.

Source: Kubernetes API reference, "Get read log of the specified Pod".
"""

from __future__ import annotations

import contextlib
import queue
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import urllib3
import urllib3.exceptions

from livekit_deploy.errors import DeployError, ResourceError, UsageError
from livekit_deploy.k8s.access.client import Api

_DEFAULT_TAIL = 100  # lines of each pod, where nothing else bounds them
_LOOK_SECONDS = 0.5  # so often a follower looks whether it is to end


_Opened = tuple[str, urllib3.BaseHTTPResponse]


@dataclass(frozen=True)
class LogLine:
    """One line of one pod; ``at`` is when it was said, in UTC, RFC 3339."""

    pod: str
    at: str
    text: str


@dataclass(frozen=True)
class Excerpt:
    """Which lines: those of the last ``since`` seconds, the last ``tail`` of each pod (None: 100, or all of the time
    that ``since`` says), those of the container that ran before (``previous``)."""

    since: float | None = None
    tail: int | None = None
    previous: bool = False

    def query(self) -> dict[str, str]:
        """The parameters of the API."""
        tail = _DEFAULT_TAIL if self.tail is None and self.since is None else self.tail
        found = {"timestamps": "true"}
        found |= {"tailLines": str(tail)} if tail is not None else {}
        found |= {"sinceSeconds": str(max(int(self.since), 1))} if self.since is not None else {}
        return found | ({"previous": "true"} if self.previous else {})


class PodLogs:
    """The logs of the pods of one release, which has the name of its namespace.

    ``tell`` is told of a pod that has no log to give, while others have.
    """

    def __init__(self, api: Api, release: str, tell: Callable[[str], None]) -> None:
        self._api, self._tell = api, tell
        self._pods, self._labels = f"/api/v1/namespaces/{release}/pods", f"app.kubernetes.io/instance={release}"

    def lines(self, pod: str | None, excerpt: Excerpt) -> Iterator[LogLine]:
        """What was said so far, by time. Raises `UsageError` when there is no such pod, or none at all."""
        opened = self._opened(self._chosen(pod), excerpt.query(), endless=False)
        with contextlib.ExitStack() as answers:  # the others too, when one breaks off
            for _, answer in opened:
                answers.callback(answer.close)
            return iter(
                sorted((line for name, answer in opened for line in self._read(name, answer)), key=lambda one: one.at)
            )

    def follow(self, pod: str | None, excerpt: Excerpt, over: Callable[[], bool]) -> Iterator[LogLine]:
        """The same, and what is said from now on, until ``over()`` or the pods are gone."""
        opened = self._opened(self._chosen(pod), {**excerpt.query(), "follow": "true"}, endless=True)
        return self._followed(opened, over)

    def _followed(self, opened: Sequence[_Opened], over: Callable[[], bool]) -> Iterator[LogLine]:
        heard: queue.SimpleQueue[LogLine | DeployError | None] = queue.SimpleQueue()
        for name, answer in opened:
            threading.Thread(target=self._pump, args=(name, answer, heard), daemon=True).start()
        left = len(opened)
        try:
            while left and not over():
                try:
                    said = heard.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(said, DeployError):
                    raise said
                if said is None:
                    left -= 1
                else:
                    yield said
        finally:
            for _, answer in opened:
                with contextlib.suppress(RuntimeError):  # it has ended
                    answer.shutdown()  # wakes the thread that reads

    def _chosen(self, pod: str | None) -> list[str]:
        there = sorted(item["metadata"]["name"] for item in self._api.list(self._pods, self._labels))
        if not there:
            raise UsageError("there is no pod of LiveKit", hint="see: livekit-deploy events, and verify")
        if pod is not None and pod not in there:
            raise UsageError(f"there is no pod {pod}", hint=f"there are: {', '.join(there)}")
        return there if pod is None else [pod]

    def _opened(self, pods: Sequence[str], query: dict[str, str], *, endless: bool) -> list[_Opened]:
        """The logs that can be had; raises the first refusal when there is none."""
        found, refused = [], list[ResourceError]()
        for name in pods:
            try:
                path = f"{self._pods}/{name}/log?{urllib.parse.urlencode(query)}"
                found.append((name, self._api.text(path, endless=endless)))
            except ResourceError as error:
                refused.append(_refusal(name, error))
        if refused and not found:
            raise refused[0]
        for one in refused:
            self._tell(one.message)
        return found

    def _pump(
        self,
        name: str,
        answer: urllib3.BaseHTTPResponse,
        heard: queue.SimpleQueue[LogLine | DeployError | None],
    ) -> None:
        try:
            for line in self._read(name, answer):
                heard.put(line)
            heard.put(None)
        except DeployError as error:
            heard.put(error)

    def _read(self, name: str, answer: urllib3.BaseHTTPResponse) -> Iterator[LogLine]:
        rest = b""
        try:
            for part in answer.stream():
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    yield _line(name, line)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self._api.unreachable(str(error)) from error
        if rest:
            yield _line(name, rest)


def _refusal(pod: str, error: ResourceError) -> ResourceError:
    """Of a container that has not run, or not run before, the API's own words say all."""
    if error.code != "BadRequest":
        return error
    return ResourceError(f"{pod}: {error.message.partition(': ')[2]}", hint="see: livekit-deploy events")


def _line(pod: str, said: bytes) -> LogLine:
    at, _, text = said.decode("utf-8", "replace").partition(" ")
    return LogLine(pod, at, text)
