"""Logs and events: what our own commands read, and what the unmodified clients of others read of the sandbox."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator

import kubernetes.client
import pytest
import urllib3

from livekit_deploy.errors import ResourceError, UsageError
from livekit_deploy.k8s.access.client import Api
from livekit_deploy.k8s.cluster_events import ClusterEvent, events
from livekit_deploy.k8s.pod_logs import Excerpt, LogLine, PodLogs
from livekit_deploy.sandbox.faults.plan import current, parsed
from tests.k8s.rig import TOKEN, KubeRig, livekit

_LABELS = {"app.kubernetes.io/instance": "livekit", "app.kubernetes.io/name": "livekit-server"}
_PODS = "/api/v1/namespaces/livekit/pods"


def _livekit(rig: KubeRig, replicas: int = 2, **more: object) -> None:
    port = {"containerPort": 7880, "hostPort": 7880}
    keys = {"name": "LIVEKIT_KEYS", "value": "APIkey: a secret of more than thirty-two characters"}
    container = {"name": "livekit-server", "image": "livekit/livekit-server:v1.13.7", "ports": [port], "env": [keys]}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "livekit"}}
    rig.api.apply("/api/v1/namespaces/livekit", namespace)
    livekit(rig, replicas, _LABELS, {"containers": [{**container, **more}]})


def _names(rig: KubeRig, phase: str = "Running") -> list[str]:
    pods = rig.objects("pods", namespace="livekit")
    return sorted(name for name, pod in pods.items() if (pod.get("status") or {}).get("phase") == phase)


@pytest.fixture
def running(rig: KubeRig) -> KubeRig:
    _livekit(rig)
    rig.wait(lambda: len(_names(rig)) == 2)
    return rig


@pytest.fixture
def crashing() -> Iterator[None]:
    where = {"app": "livekit-server"}
    current.add([parsed({"fault": "dead-controller", "where": where, "message": "no configuration"})])
    yield
    current.clear()


def _say(rig: KubeRig, pod: str, text: str) -> None:
    rig.cluster.say(rig.objects("pods", namespace="livekit")[pod], text)


def _logs(rig: KubeRig, told: list[str] | None = None) -> PodLogs:
    return PodLogs(rig.api, "livekit", (told if told is not None else []).append)


def test_lines_of_all_pods_come_in_the_order_of_time(running: KubeRig) -> None:
    one, two = _names(running)
    for pod, text in ((two, "first"), (one, "second"), (two, "third: [x] ü")):
        _say(running, pod, text)
    found = list(_logs(running).lines(None, Excerpt()))
    assert [(line.pod, line.text) for line in found[2:]] == [(two, "first"), (one, "second"), (two, "third: [x] ü")]
    assert all("starting LiveKit server" in line.text for line in found[:2])
    assert [line.at for line in found] == sorted(line.at for line in found)
    assert [line.text for line in _logs(running).lines(two, Excerpt(tail=1))] == ["third: [x] ü"]
    assert list(_logs(running).lines(two, Excerpt(tail=0))) == []
    assert len(list(_logs(running).lines(None, Excerpt(since=3600)))) == 5


def test_a_follower_hears_what_is_said_until_it_is_told_to_end(running: KubeRig) -> None:
    one, two = _names(running)
    over = threading.Event()
    heard = _logs(running).follow(None, Excerpt(tail=0), over.is_set)
    said: list[LogLine] = []
    for pod, text in ((one, "a call"), (two, "another")):
        _say(running, pod, text)
        said.append(next(heard))
    assert [(line.pod, line.text) for line in said] == [(one, "a call"), (two, "another")]
    over.set()
    assert list(heard) == []
    _quiet()


def test_a_follower_that_goes_away_leaves_no_thread(running: KubeRig) -> None:
    heard = _logs(running).follow(None, Excerpt(), lambda: False)
    assert next(heard).text
    assert isinstance(heard, Iterator)
    heard.close()  # type: ignore[attr-defined]
    _quiet()


def _quiet() -> None:
    for thread in threading.enumerate():
        if "_pump" in thread.name:
            thread.join(timeout=10)
            assert not thread.is_alive()


def test_a_follower_ends_with_its_pod(running: KubeRig) -> None:
    one, _ = _names(running)
    heard = _logs(running).follow(one, Excerpt(), lambda: False)
    next(heard)
    running.api.delete(f"{_PODS}/{one}", grace_seconds=0)
    assert list(heard) == []


def test_what_has_no_log_is_said_beside_what_has(running: KubeRig) -> None:
    _livekit(running, replicas=3)  # there are two nodes
    running.wait(lambda: len(_names(running, "Pending")) == 1)
    (waiting,) = _names(running, "Pending")
    told: list[str] = []
    assert {line.pod for line in _logs(running, told).lines(None, Excerpt())} == set(_names(running))
    assert told == [f"{waiting}: pod {waiting} does not have a host assigned"]
    with pytest.raises(ResourceError, match="does not have a host assigned"):
        list(_logs(running).lines(waiting, Excerpt()))
    with pytest.raises(ResourceError, match=r'previous terminated container "livekit-server" in pod "\S+" not found'):
        list(_logs(running).lines(_names(running)[0], Excerpt(previous=True)))
    with pytest.raises(UsageError, match="there is no pod nope"):
        list(_logs(running).lines("nope", Excerpt()))


def test_when_one_pod_breaks_off_nothing_of_the_others_stays_open(
    running: KubeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[urllib3.BaseHTTPResponse] = []
    text = Api.text

    def heard(api: Api, path: str, *, endless: bool) -> urllib3.BaseHTTPResponse:
        answers.append(text(api, path, endless=endless))
        return answers[-1]

    def broken(*_: object) -> Iterator[bytes]:
        raise urllib3.exceptions.ProtocolError("reset")

    monkeypatch.setattr(Api, "text", heard)
    monkeypatch.setattr(urllib3.HTTPResponse, "stream", broken)
    with pytest.raises(ResourceError, match="reset"):
        _logs(running).lines(None, Excerpt())
    assert [answer.closed for answer in answers] == [True, True]


def test_without_a_pod_there_is_nothing_to_read(rig: KubeRig) -> None:
    with pytest.raises(UsageError, match="there is no pod of LiveKit"):
        list(_logs(rig).lines(None, Excerpt()))


def test_a_container_that_waits_for_its_secret_says_so(rig: KubeRig) -> None:
    reference = {"name": "LIVEKIT_KEYS", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "keys"}}}
    _livekit(rig, replicas=1, env=[reference])
    rig.wait(lambda: "Failed" in {one.reason for one in events(rig.api, "livekit")})
    with pytest.raises(ResourceError, match="is waiting to start: CreateContainerConfigError"):
        list(_logs(rig).lines(None, Excerpt()))
    (failed,) = (one for one in events(rig.api, "livekit") if one.type == "Warning")
    assert (failed.reason, failed.message, failed.source) == ("Failed", 'Error: secret "keys" not found', "kubelet")


def test_a_container_that_crashes_has_left_its_last_words(rig: KubeRig, crashing: None) -> None:
    _livekit(rig, replicas=1)
    rig.wait(lambda: "BackOff" in {one.reason for one in events(rig.api, "livekit")})
    for excerpt in (Excerpt(), Excerpt(previous=True)):
        assert [line.text for line in _logs(rig).lines(None, excerpt)] == ["no configuration"]
    reasons = [one.reason for one in events(rig.api, "livekit") if one.about.startswith("pod/")]
    assert reasons == ["Scheduled", "Pulled", "Created", "Started", "BackOff"]


def test_events_tell_the_life_of_a_pod_in_order(running: KubeRig) -> None:
    one, _ = _names(running)
    running.api.delete(f"{_PODS}/{one}")
    running.wait(lambda: one not in running.objects("pods", namespace="livekit") and len(_names(running)) == 2)
    found = events(running.api, "livekit")
    assert [event.reason for event in found if event.about == f"pod/{one}"] == [
        *("Scheduled", "Pulled", "Created", "Started", "Killing"),
    ]
    assert [event.at for event in found] == sorted(event.at for event in found)
    created = [event for event in found if event.reason == "SuccessfulCreate"]
    assert len(created) == 3
    assert all(event.about.startswith("replicaset/livekit-") for event in created)
    _livekit(running, replicas=3)
    running.wait(lambda: "FailedScheduling" in {event.reason for event in events(running.api, "livekit")})
    last = next(event for event in reversed(events(running.api, "livekit")) if event.reason == "FailedScheduling")
    assert last.message.startswith("0/2 nodes are available: 2 node(s) didn't have free ports")
    assert (last.type, last.source, last.count) == ("Warning", "default-scheduler", 1)


def test_an_event_that_goes_on_is_seen_when_it_was_seen_last(rig: KubeRig) -> None:
    base = {"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Unhealthy", "message": "probe failed\n"}
    about = {"kind": "Pod", "name": "livekit-1", "namespace": "default"}
    path = "/api/v1/namespaces/default/events"
    series = {"count": 7, "lastObservedTime": "2026-01-03T00:00:00.000000Z"}
    for name, times in (
        ("series", {"eventTime": "2026-01-01T00:00:00.000000Z", "series": series}),
        ("counted", {"lastTimestamp": "2026-01-02T00:00:00Z", "count": 3}),
    ):
        rig.api.apply(f"{path}/{name}", {**base, "metadata": {"name": name}, "involvedObject": about, **times})
    assert events(rig.api, "default")[:2] == [
        ClusterEvent("2026-01-02T00:00:00Z", "Warning", "Unhealthy", "pod/livekit-1", "probe failed", 3, ""),
        ClusterEvent("2026-01-03T00:00:00Z", "Warning", "Unhealthy", "pod/livekit-1", "probe failed", 7, ""),
    ]


def test_the_python_client_reads_both(running: KubeRig) -> None:
    outputs = running.lives.outputs
    configuration = kubernetes.client.Configuration(host=outputs["endpoint"])
    configuration.ca_cert_data = base64.b64decode(outputs["ca"]).decode()
    configuration.api_key["authorization"] = f"Bearer {TOKEN}"
    core = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))
    one, _ = _names(running)
    _say(running, one, "the end")
    text = core.read_namespaced_pod_log(one, "livekit", tail_lines=1)
    assert text.rstrip() == "the end"
    told = core.list_namespaced_event("livekit", field_selector=f"involvedObject.name={one}").items
    assert {event.reason for event in told} == {"Scheduled", "Pulled", "Created", "Started"}
