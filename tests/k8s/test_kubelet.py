"""What a kubelet and livekit-server do with our chart, and with one that somebody broke: it does not get ready.

Not rehearsed here: a quota that is too small, since the sandbox's API counts none (why the API refuses a pod reaches
the Deployment all the same: tests/unit/sandbox/test_kubelet.py), and an Ingress of a class that nobody serves, since
its pods are well, and a release does not wait for a load balancer.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.resource import Resource, Status
from livekit_deploy.errors import ResourceError
from livekit_deploy.k8s.cluster_events import events
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace, Secret
from tests.k8s.chart.charts import CHART, REACHED, over, values
from tests.k8s.rig import REDIS, SECRETS, KubeRig, Sky, publish_folder

Values = dict[str, Any]


class Broken:
    """A copy of the chart with some of its text replaced, and the release of it with its Secrets."""

    def __init__(self, rig: KubeRig, charts: Path, changes: Mapping[str, str] | None = None, **more: Any) -> None:
        self.rig = rig
        copy = charts.parent / "livekit-server"
        copy.parent.mkdir(exist_ok=True)
        shutil.copytree(CHART, copy)
        template = copy / "templates" / "deployment.yaml"
        text = template.read_text()
        for old, new in (changes or {}).items():
            assert old in text, f"the chart has no {old!r} any more"
            text = text.replace(old, new)
        template.write_text(text)
        rig.eks.secrets = {("keys", "v1"): SECRETS["livekit-api-keys"]["keys"], ("", "v1"): REDIS.tokens[0]}
        namespace = Namespace("livekit", lives_in=rig.host)
        held = {"livekit-api-keys": {"keys": SecretRef("k", "keys", "v1")}}
        held["livekit-redis"] = {"password": SecretRef("p", "", "v1")}
        self.before: list[Resource] = [rig.host, namespace]
        self.before += [
            Secret(name, namespace="livekit", values=refs, lives_in=rig.host, after=[namespace])
            for name, refs in held.items()
        ]
        given = over(over(values(), REACHED), {"replicas": 1})
        self.release = HelmRelease(
            "livekit",
            namespace="livekit",
            chart="livekit-server",
            repo=publish_folder(charts, copy),
            version=str(yaml.safe_load((copy / "Chart.yaml").read_text())["version"]),
            values=over(given, more),
            lives_in=rig.host,
        )

    def install(self) -> None:
        self.rig.up(self.before)
        self.release.host = self.rig.lives
        self.release.create(self.rig.cloud, "")

    def shows(self, *texts: str) -> None:
        """The product says these texts of what is not ready, or the events do."""

        def seen() -> bool:
            live = self.rig.seen(self.release)
            assert live.status is not Status.READY, "it became ready"
            told = f"{live.detail} " + " ".join(one.message for one in events(self.rig.api, "livekit"))
            return all(text in told for text in texts)

        self.rig.wait(seen)


def test_the_chart_as_it_is_becomes_ready(rig: KubeRig, charts: Path) -> None:
    whole = Broken(rig, charts)
    whole.install()
    rig.wait(lambda: rig.seen(whole.release).status is Status.READY)
    (pod,) = rig.objects("pods", namespace="livekit").values()
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


# ---- broken charts

KEYS_REFERENCE = """            - name: LIVEKIT_KEYS
              valueFrom:
                secretKeyRef: {name: {{ .Values.secrets.keys.name }}, key: {{ .Values.secrets.keys.key }}}
"""
LINKS = "enableServiceLinks: false"
READINESS = '          readinessProbe:\n            {{- include "livekit.answers" . | nindent 12 }}'
STARTUP = "            httpGet: {path: /, port: http}"


def key_file(mode: str, group: str = "") -> dict[str, str]:
    """The chart with its keys in a file, as LiveKit's own chart has them."""
    volume = f"{{name: keys, secret: {{secretName: livekit-api-keys, defaultMode: {mode}}}}}"
    mount = "{name: keys, mountPath: /etc/keys, readOnly: true}"
    return {
        KEYS_REFERENCE: "            - {name: LIVEKIT_KEY_FILE, value: /etc/keys/keys}\n",
        "          ports:\n": f"          volumeMounts: [{mount}]\n          ports:\n",
        "      containers:\n": f"      {group}\n      volumes: [{volume}]\n      containers:\n",
    }


def arguments(text: str) -> dict[str, str]:
    return {"          env:\n": f"          args: {text}\n          env:\n"}


#: what is broken: the texts that change, the values, and what is shown
BROKEN: dict[str, tuple[dict[str, str], Values, tuple[str, ...]]] = {
    "service links": ({LINKS: "enableServiceLinks: true"}, {}, ("CrashLoopBackOff",)),
    "key file for everybody": (key_file("0644"), {}, ("CrashLoopBackOff",)),
    "key file of root": (key_file("0600"), {}, ("CrashLoopBackOff",)),
    "key file that is not there": (
        key_file("0640") | {"secretName": "secretName"} | {"/etc/keys, readOnly": "/etc/other, readOnly"},
        {},
        ("CrashLoopBackOff",),
    ),
    "a path that is read-only": (arguments('["--memprofile", "/var/mem"]'), {}, ("CrashLoopBackOff",)),
    "wrong readiness port": (
        {READINESS: "          readinessProbe:\n            httpGet: {path: /metrics, port: 6790}"},
        {},
        ("0/1 pod ready", 'Readiness probe failed: Get "http://10.20.', ":6790/metrics", "connection refused"),
    ),
    "a port that has no such name": (
        {READINESS: "          readinessProbe:\n            tcpSocket: {port: nope}"},
        {},
        ("Readiness probe errored and resulted in unknown state: couldn't find port: nope",),
    ),
    "wrong startup port": (
        {STARTUP: "            httpGet: {path: /, port: 7890}"},
        {},
        ("Startup probe failed", "failed startup probe, will be restarted", "CrashLoopBackOff"),
    ),
    "wrong startup path": (
        {STARTUP: "            httpGet: {path: /health, port: http}"},
        {},
        ("Startup probe failed: HTTP probe failed with statuscode: 404",),
    ),
    "authority missing": ({}, {"config": {"redis": {"tls": {"ca_cert_file": "/ca.pem"}}}}, ("CrashLoopBackOff",)),
    "a port twice": ({}, {"config": {"prometheus": {"port": 7881}}}, ("CrashLoopBackOff",)),
    "image missing": ({}, {"image": {"tag": "v9.9.9"}}, ("ImagePullBackOff", "v9.9.9: not found")),
    "no image": ({'image: "{{': 'image: "UP {{'}, {}, ("InvalidImageName", "invalid reference format")),
    "root": ({"            runAsUser: 65532\n": ""}, {}, ("CreateContainerConfigError", "image will run as root")),
    "secret without the key": (
        {},
        {"secrets": {"keys": {"key": "nope"}}},
        ("CreateContainerConfigError", "couldn't find key nope in Secret livekit/livekit-api-keys"),
    ),
    "secret missing": (
        {},
        {"secrets": {"keys": {"name": "nope"}}},
        ("CreateContainerConfigError", 'Error: secret "nope" not found'),
    ),
    "volume without its secret": (
        key_file("0640") | {"secretName: livekit-api-keys": "secretName: nope"},
        {},
        ("0/1 pod ready", 'MountVolume.SetUp failed for volume "keys" : secret "nope" not found'),
    ),
    "unknown setting": ({}, {"config": {"nonsense": 1}}, ("CrashLoopBackOff",)),
    "webhook key of nobody": (
        {},
        {"config": {"webhook": {"urls": ["https://x.example.com"], "api_key": "nobody"}}},
        ("CrashLoopBackOff",),
    ),
    "turn without a name": ({}, {"config": {"turn": {"domain": ""}}}, ("CrashLoopBackOff",)),
    "redis of another name": ({}, {"config": {"redis": {"address": "nope.example.com:6379"}}}, ("CrashLoopBackOff",)),
    "redis without TLS": ({}, {"config": {"redis": {"tls": {"enabled": False}}}}, ("CrashLoopBackOff",)),
    "redis without a password": ({}, {"secrets": {"redis": {"name": ""}}}, ("CrashLoopBackOff",)),
}
#: what the server said last, where it is the server that ends
LAST_WORDS = {
    "service links": 'could not parse "tcp://172.20.0.',
    "key file for everybody": "key file others permissions must be set to 0",
    "key file of root": "open /etc/keys/keys: permission denied",
    "key file that is not there": "stat /etc/keys/keys: no such file or directory",
    "a path that is read-only": "open /var/mem: read-only file system",
    "authority missing": "could not read ca certificate: open /ca.pem: no such file or directory",
    "a port twice": "listen tcp :7881: bind: address already in use",
    "unknown setting": "field nonsense not found in type config.Config",
    "webhook key of nobody": "api_key is required to use webhooks",
    "turn without a name": "TURN domain required",
    "redis of another name": "unable to connect to redis: dial tcp: lookup nope.example.com: no such host",
    "redis without TLS": "unable to connect to redis: EOF",
    "redis without a password": "unable to connect to redis: NOAUTH Authentication required.",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_chart_does_not_become_ready_and_the_cause_is_shown(name: str, rig: KubeRig, charts: Path) -> None:
    changes, more, shown = BROKEN[name]
    broken = Broken(rig, charts, changes, **more)
    broken.install()
    broken.shows(*shown)
    if name in LAST_WORDS:
        (pod,) = rig.objects("pods", namespace="livekit")
        said = rig.api.text(f"/api/v1/namespaces/livekit/pods/{pod}/log", endless=False).data.decode()
        assert LAST_WORDS[name] in said


# ---- what the cluster around it refuses


def test_a_selector_that_changed_is_refused_before_anything_restarts(rig: KubeRig, charts: Path) -> None:
    whole = Broken(rig, charts)
    whole.install()
    rig.wait(lambda: rig.seen(whole.release).status is Status.READY)
    before = set(rig.objects("pods", namespace="livekit"))
    selector = '    matchLabels: {{- include "livekit.selector" . | nindent 6 }}\n  # the ports'
    other = selector.replace(
        '{{- include "livekit.selector" . | nindent 6 }}', "{app.kubernetes.io/name: livekit-server}"
    )
    changed = Broken(rig, charts.parent / "again" / "charts", {selector: other})
    changed.release.host = rig.lives
    with pytest.raises(ResourceError, match="field is immutable"):
        changed.release.create(rig.cloud, "")
    assert set(rig.objects("pods", namespace="livekit")) == before


def test_two_pods_do_not_share_the_ports_of_one_node(rig: KubeRig, sky: Sky, charts: Path) -> None:
    del sky.specs[1:]
    crowded = Broken(rig, charts, replicas=2)
    crowded.install()
    crowded.shows("1/2 pods ready", "node(s) didn't have free ports for the requested pod ports")
