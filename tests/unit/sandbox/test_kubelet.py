"""The sandbox's kubelet second by second: what a pod is given, when its probes count, and how long it takes to end."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.controllers.deployments import run as deployments
from livekit_deploy.sandbox.cluster.kubelet.environment import environment, service_links
from livekit_deploy.sandbox.cluster.kubelet.kubelet import Kubelet
from livekit_deploy.sandbox.cluster.kubelet.volumes import mounted, volumes
from livekit_deploy.sandbox.cluster.port import RedisServer
from livekit_deploy.sandbox.cluster.store.store import Store
from livekit_deploy.sandbox.cluster.world import World

Obj = dict[str, Any]
KEYS = "APIkey: a secret of more than thirty-two characters"
REDIS = RedisServer("redis.example.com", admits=frozenset({"10.20.0.10"}))
LIVEKIT: Obj = {
    "name": "livekit-server",
    "image": "livekit/livekit-server:v1.13.11",
    "env": [{"name": "LIVEKIT_KEYS", "value": KEYS}],
    "ports": [{"name": "http", "containerPort": 7880}],
}


class Node:
    """One node, its kubelet, and a clock that goes on when it is told to."""

    def __init__(self, store: Store) -> None:
        self.time = 0.0
        self.world = World(store, SandboxClock(1.0, lambda: self.time))
        self.kubelet = Kubelet()
        self.redis = [REDIS]
        self.make("namespaces", {"metadata": {"name": "apps"}}, None)
        node = self.make("nodes", {"metadata": {"name": "node-a"}, "spec": {}}, None)
        addresses = [{"type": "InternalIP", "address": "10.20.0.10"}]
        self.world.status(self.world.store.named("nodes"), node, {"addresses": addresses})

    def make(self, plural: str, item: Obj, namespace: str | None = "apps", group: str = "") -> Obj:
        return self.world.store.create(self.world.store.named(plural, group), namespace, item, "tests")

    def pod(self, container: Obj, name: str = "web", **spec: Any) -> Obj:
        """A pod that is bound to the node."""
        whole = {"nodeName": "node-a", "containers": [container], **spec}
        self.make("pods", {"metadata": {"name": name}, "spec": whole})
        self.round()
        return self.seen(name)

    def seen(self, name: str = "web") -> Obj:
        found = self.world.store.find(self.world.store.named("pods"), "apps", name)
        assert found is not None
        return found

    def container(self, name: str = "web") -> Obj:
        found: Obj = self.seen(name)["status"]["containerStatuses"][0]
        return found

    def ready(self, name: str = "web") -> bool:
        return any(
            one["type"] == "Ready" and one["status"] == "True" for one in self.seen(name)["status"]["conditions"]
        )

    def round(self) -> None:
        self.world.begin([], self.redis)
        deployments(self.world)
        self.kubelet.run(self.world)

    def pass_by(self, seconds: float) -> None:
        """So much time passes, half a second at a time."""
        for _ in range(int(seconds * 2)):
            self.round()
            self.time += 0.5
        self.round()

    def until(self, met: Callable[[], bool], longest: float = 1000.0) -> float:
        """Seconds until something is so."""
        began = self.time
        while not met():
            assert self.time - began < longest, "it never came"
            self.time += 0.5
            self.round()
        return self.time - began

    def told(self, reason: str) -> list[str]:
        return [one["message"] for one in self.world.items("events") if one["reason"] == reason]


@pytest.fixture
def node() -> Iterator[Node]:
    store = Store()
    with store.lock:  # which is held while controllers run
        yield Node(store)


# ---- what a container is given


def test_every_service_of_the_namespace_is_in_the_environment_unless_the_pod_wants_none(node: Node) -> None:
    ports = [{"name": "http", "port": 80}, {"name": "metrics", "port": 6789, "protocol": "UDP"}]
    node.make("services", {"metadata": {"name": "live-kit"}, "spec": {"clusterIP": "172.20.9.9", "ports": ports}})
    node.make("services", {"metadata": {"name": "bare"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})
    found = service_links(node.world, node.pod(LIVEKIT))
    own = {key: value for key, value in found.items() if not key.startswith("KUBERNETES_")}
    assert own == {
        "LIVE_KIT_SERVICE_HOST": "172.20.9.9",
        "LIVE_KIT_SERVICE_PORT": "80",
        "LIVE_KIT_SERVICE_PORT_HTTP": "80",
        "LIVE_KIT_SERVICE_PORT_METRICS": "6789",
        "LIVE_KIT_PORT": "tcp://172.20.9.9:80",
        "LIVE_KIT_PORT_80_TCP": "tcp://172.20.9.9:80",
        "LIVE_KIT_PORT_80_TCP_PROTO": "tcp",
        "LIVE_KIT_PORT_80_TCP_PORT": "80",
        "LIVE_KIT_PORT_80_TCP_ADDR": "172.20.9.9",
        "LIVE_KIT_PORT_6789_UDP": "udp://172.20.9.9:6789",
        "LIVE_KIT_PORT_6789_UDP_PROTO": "udp",
        "LIVE_KIT_PORT_6789_UDP_PORT": "6789",
        "LIVE_KIT_PORT_6789_UDP_ADDR": "172.20.9.9",
    }
    alone = service_links(node.world, node.pod(LIVEKIT, "alone", enableServiceLinks=False))
    assert alone["KUBERNETES_SERVICE_PORT_HTTPS"] == "443"
    assert all(key.startswith("KUBERNETES_") for key in alone)


def test_an_environment_is_put_together_from_all_its_sources(node: Node) -> None:
    node.make("secrets", {"metadata": {"name": "s"}, "data": {"a": base64.b64encode(b"hidden").decode()}})
    node.make("configmaps", {"metadata": {"name": "c"}, "data": {"x": "plain", "A": "over"}})
    container = {
        **LIVEKIT,
        "envFrom": [
            {"prefix": "C_", "configMapRef": {"name": "c"}},
            {"secretRef": {"name": "none", "optional": True}},
        ],
        "env": [
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a"}}},
            {"name": "B", "value": "$(A) $(C_x) $(UNKNOWN) $$(A)"},
            {"name": "N", "valueFrom": {"secretKeyRef": {"name": "s", "key": "z", "optional": True}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "EMPTY"},
        ],
    }
    pod = node.pod(container, enableServiceLinks=False)
    found = environment(node.world, pod, container, {"status.podIP": "10.0.0.1"})
    own = {key: value for key, value in found.items() if not key.startswith("KUBERNETES_")}
    assert own == {
        **{"C_x": "plain", "C_A": "over", "A": "hidden", "B": "hidden plain $(UNKNOWN) $(A)"},
        **{"IP": "10.0.0.1", "POD": "web", "EMPTY": ""},
    }


@pytest.mark.parametrize(
    ("mode", "item", "group", "found"),
    [
        (None, None, None, (0o644, 0)),
        (0o600, None, None, (0o600, 0)),
        (0o400, None, 2000, (0o440, 2000)),
        (0o600, 0o640, None, (0o640, 0)),
    ],
)
def test_files_have_the_mode_and_the_group_of_their_volume(
    node: Node, mode: int | None, item: int | None, group: int | None, found: tuple[int, int]
) -> None:
    node.make("secrets", {"metadata": {"name": "s"}, "data": {"k": base64.b64encode(b"hidden").decode()}})
    source: Obj = {"secretName": "s", "items": [{"key": "k", "path": "deep/keys"} | ({"mode": item} if item else {})]}
    source |= {"defaultMode": mode} if mode else {}
    mounts = [
        {"name": "v", "mountPath": "/etc/keys"},
        {"name": "v", "mountPath": "keys.yaml", "subPath": "deep/keys"},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    container = {**LIVEKIT, "volumeMounts": mounts}
    there = [{"name": "v", "secret": source}, {"name": "tmp", "emptyDir": {}}]
    pod = node.pod(container, volumes=there, securityContext={"fsGroup": group} if group else {})
    files, writable = mounted(container, volumes(node.world, pod), pod)
    assert {path: (file.mode, file.group) for path, file in files.items()} == {
        "/etc/keys/deep/keys": found,
        "/keys.yaml": found,
    }
    assert writable == ("/tmp",)


# ---- probes


def probe(period: int, failures: int = 3, **more: Any) -> Obj:
    return {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": period, "failureThreshold": failures, **more}


def with_redis(container: Obj, address: str = "redis.example.com:6379") -> Obj:
    env = [*container["env"], {"name": "LIVEKIT_CONFIG", "value": f"redis: {{address: '{address}'}}"}]
    return {**container, "env": env}


def test_a_pod_gets_unready_when_its_probe_has_failed_often_enough_and_ready_again_at_once(node: Node) -> None:
    node.pod(with_redis({**LIVEKIT, "readinessProbe": probe(5)}))
    assert 8 <= node.until(node.ready) <= 8 + 5
    node.redis = []
    assert 10 <= node.until(lambda: not node.ready()) <= 15
    assert node.told("Unhealthy")[-1] == "Readiness probe failed: HTTP probe failed with statuscode: 406"
    assert node.container()["restartCount"] == 0
    node.redis = [REDIS]
    assert node.until(node.ready) <= 5


def test_a_container_that_is_not_alive_is_ended_within_the_probes_grace_and_started_anew(node: Node) -> None:
    node.pod(
        with_redis({**LIVEKIT, "livenessProbe": probe(10, 6, terminationGracePeriodSeconds=10)}),
        terminationGracePeriodSeconds=18000,
    )
    node.until(node.ready)
    node.redis = []
    assert 50 <= node.until(lambda: bool(node.container()["lastState"])) <= 75
    assert node.told("Killing") == ["Container livekit-server failed liveness probe, will be restarted"]
    assert node.container()["restartCount"] == 1


def test_while_it_starts_only_the_startup_probe_is_asked(node: Node) -> None:
    """A closed group: the server tries for 102 seconds, and says why when it has time to."""
    probes = {"livenessProbe": probe(10, 6), "startupProbe": probe(3, 60)}
    node.redis = [RedisServer("redis.example.com")]
    node.pod(with_redis({**LIVEKIT, **probes}))
    assert 105 <= node.until(lambda: bool(node.container()["lastState"])) <= 120
    assert node.container()["lastState"]["terminated"]["exitCode"] == 1
    node.redis = [REDIS]
    node.until(node.ready, 400)
    assert "unable to connect to redis: dial tcp redis.example.com:6379: i/o timeout" in "".join(
        text for _, text in node.world.store.logs.before(node.seen()["metadata"]["uid"])
    )


def test_without_a_startup_probe_it_is_killed_before_it_says_why(node: Node) -> None:
    node.redis = [RedisServer("redis.example.com")]
    node.pod(with_redis({**LIVEKIT, "livenessProbe": probe(10, 6)}))
    assert 60 <= node.until(lambda: bool(node.container()["lastState"])) <= 80
    assert node.container()["lastState"]["terminated"]["exitCode"] == 137


def test_a_container_that_ends_is_started_less_and_less_often(node: Node) -> None:
    node.pod({**LIVEKIT, "env": []})
    starts: list[float] = []
    for number in range(5):
        node.until(lambda number=number: node.container()["restartCount"] == number and bool(_ends(node)))  # type: ignore[misc]
        starts.append(node.time)
    gaps = [round(two - one) for one, two in pairwise(starts)]
    assert gaps[0] <= 1
    assert gaps[2:] == [20, 40] or gaps[1:] == [10, 20, 40]
    node.pass_by(1)
    waiting = node.container()["state"]["waiting"]
    uid = node.seen()["metadata"]["uid"]
    assert waiting["reason"] == "CrashLoopBackOff"
    assert waiting["message"] == f"back-off 1m20s restarting failed container=livekit-server pod=web_apps({uid})"
    assert node.seen()["status"]["phase"] == "Running"


def _ends(node: Node) -> Obj:
    ended: Obj = node.container()["state"].get("terminated") or node.container()["lastState"]
    return ended


def test_readiness_gates_count(node: Node) -> None:
    gate = "target-health.elbv2.k8s.aws/x"
    node.pod(LIVEKIT, readinessGates=[{"conditionType": gate}])
    node.pass_by(20)
    assert not node.ready()
    (said,) = (one["message"] for one in node.seen()["status"]["conditions"] if one["type"] == "Ready")
    assert said == f'corresponding condition of pod readiness gate "{gate}" does not exist.'
    pod = node.seen()
    conditions = [*pod["status"]["conditions"], {"type": gate, "status": "True"}]
    node.world.status(node.world.store.named("pods"), pod, {**pod["status"], "conditions": conditions})
    node.round()
    assert node.ready()


def test_two_servers_do_not_share_the_ports_of_a_node(node: Node) -> None:
    node.pod(LIVEKIT, "one", hostNetwork=True)
    node.until(lambda: node.ready("one"))
    node.pod(LIVEKIT, "two", hostNetwork=True)
    node.until(lambda: bool(node.container("two")["lastState"]))
    lines = node.world.store.logs.lines(node.seen("two")["metadata"]["uid"]) or []
    assert lines[-1][1] == "listen tcp :7881: bind: address already in use"
    node.pod(LIVEKIT, "three")
    node.until(lambda: node.ready("three"))


# ---- its end


@pytest.mark.parametrize(
    ("hook", "grace", "seconds"),
    [
        (None, 18000, 2),
        ({"sleep": {"seconds": 75}}, 18000, 77),
        ({"exec": {"command": ["sh", "-c", "sleep 75"]}}, 18000, 77),
        ({"httpGet": {"path": "/", "port": 7880}}, 18000, 2),
        ({"sleep": {"seconds": 75}}, 30, 32),
        ({"sleep": {"seconds": 75}}, 0, 0),
    ],
)
def test_a_pod_gets_sigterm_after_its_hook_and_never_lasts_longer_than_its_grace(
    node: Node, hook: Obj | None, grace: int, seconds: int
) -> None:
    node.pod({**LIVEKIT, "lifecycle": {"preStop": hook}} if hook else LIVEKIT)
    node.until(node.ready)
    pods = node.world.store.named("pods")
    node.world.store.delete(pods, node.seen(), {"gracePeriodSeconds": grace})
    node.round()
    assert node.until(lambda: node.world.store.find(pods, "apps", "web") is None) == seconds


def test_a_pod_counts_as_available_once_it_has_been_ready_for_so_long(node: Node) -> None:
    labels = {"app": "web"}
    spec = {
        "replicas": 1,
        "minReadySeconds": 15,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"nodeName": "node-a", "containers": [LIVEKIT]}},
    }
    node.make("deployments", {"metadata": {"name": "web"}, "spec": spec}, group="apps")

    def counts() -> tuple[int, int]:
        (deployment,) = node.world.items("deployments", "apps")
        status = deployment.get("status") or {}
        return status.get("readyReplicas", 0), status.get("availableReplicas", 0)

    node.until(lambda: counts()[0] == 1)
    assert counts() == (1, 0)
    assert 14 <= node.until(lambda: counts() == (1, 1)) <= 16


def test_what_the_api_refuses_is_said_by_the_deployment(node: Node) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels, "namespace": "other"}, "spec": {"containers": [LIVEKIT]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    node.make("deployments", {"metadata": {"name": "web"}, "spec": spec}, group="apps")
    node.pass_by(1)
    (deployment,) = node.world.items("deployments", "apps")
    (failed,) = (one for one in deployment["status"]["conditions"] if one["type"] == "ReplicaFailure")
    assert failed["reason"] == "FailedCreate"
    assert "the namespace of the provided object does not match" in failed["message"]
    assert any(failed["message"] in one for one in node.told("FailedCreate"))
