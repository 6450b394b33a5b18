"""Our LiveKit chart: what it promises, what it refuses, and that every supported helm makes the same of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from livekit_deploy.base import shipped_files
from livekit_deploy.config import load_environment
from livekit_deploy.config.charts import LIVEKIT_SERVER
from livekit_deploy.config.livekit_settings import refused
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import ToolError
from livekit_deploy.k8s.helm import charts, install
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace, Secret
from livekit_deploy.stack import stack
from tests.k8s.rig import REDIS, KubeRig
from tests.places import ENVIRONMENTS

CHART = shipped_files.path("charts/livekit-server")
Values = dict[str, Any]
#: the Redis that is there in the cluster of these tests
REACHED: Values = {"config": {"redis": {"address": f"{REDIS.host}:{REDIS.port}"}}}


def values(env: str = "uat", **overrides: str) -> Values:
    """What an environment gives to the chart; outputs that are not known yet by their addresses."""
    dotted = {key.replace("__", "."): value for key, value in overrides.items()}
    loaded = load_environment(ENVIRONMENTS / f"{env}.yaml", overrides=dotted, environ={})
    found = next(item for item in stack(loaded) if item.address == "helm.release/livekit")
    return dict(found.desired(lambda ref: f"{ref.address}.{ref.output}")["values"])


def over(given: Values, more: Values) -> Values:
    """``given`` with the keys of ``more`` in it."""
    both = {**given, **more}
    maps = {key for key in more if isinstance(more[key], dict) and isinstance(given.get(key), dict)}
    return both | {key: over(given[key], more[key]) for key in maps}


def helm(binary: Path, verb: str, *arguments: str, values: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    command = [str(binary), verb, *arguments, str(CHART), "--values", "-"]
    return subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)


class Rendered:
    """The chart's objects by kind and name; ``pod`` is the template of its pods, ``config`` the server's."""

    def __init__(self, binary: Path, values: Values, name: str = "livekit") -> None:
        done = helm(binary, "template", name, "--namespace", "livekit", values=values)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        items = [item for item in yaml.safe_load_all(done.stdout) if item]
        self.all = {f"{item['kind']}/{item['metadata']['name']}": item for item in items}
        self.deployment = self.all[f"Deployment/{name}"]
        self.pod = self.deployment["spec"]["template"]
        (self.container,) = self.pod["spec"]["containers"]
        self.config = yaml.safe_load(self.all[f"ConfigMap/{name}"]["data"]["config.yaml"])

    @property
    def variables(self) -> dict[str, Any]:
        return {one["name"]: one["valueFrom"] for one in self.container["env"]}


@pytest.fixture
def uat() -> Rendered:
    return Rendered(install.helm(), values())


OPTIONS: dict[str, Values] = {
    "as they are": {},
    "autoscaling": {"autoscaling": {"enabled": True, "min": 2, "max": 4, "cpu": 70}},
    "metrics": {"serviceMonitor": {"enabled": True}},
    "metrics for who knows the password": {"config": {"prometheus": {"username": "u", "password": "p"}}},
    "nobody is waited for": {"preStopSeconds": 0, "deregistrationDelaySeconds": 0, "minReadySeconds": 0},
    "no turn": {"turn": {"enabled": False}, "config": {"turn": {"enabled": False}}},
    "no password": {"secrets": {"redis": {"name": ""}}},
    "tolerant": {"tolerations": [{"key": "media", "operator": "Exists"}], "podAnnotations": {"a": "b"}},
    "an account": {"serviceAccount": {"annotations": {"a": "b"}}, "ingress": {"annotations": {"c": "d"}}},
}


@pytest.mark.parametrize("env", ["dev", "uat", "prod"])
def test_every_environment_is_clean_with_every_helm(each_helm: Path, env: str) -> None:
    given = values(env)
    linted = helm(each_helm, "lint", "--strict", values=given)
    assert linted.returncode == 0, linted.stdout
    assert "WARN" not in linted.stdout
    assert Rendered(each_helm, given).config["port"] == 7880


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_clean_and_both_helms_agree(option: str, request: pytest.FixtureRequest) -> None:
    given = over(values(), OPTIONS[option])
    three, four = (Rendered(installed(pin), given) for pin in (install.HELM_3, install.DEFAULT))
    assert three.all == four.all


def installed(pin: install.Pin) -> Path:
    return install.installed(pin)


# ---- secrets


def test_keys_and_passwords_come_from_secrets_only(uat: Rendered) -> None:
    assert uat.variables == {
        "LIVEKIT_CONFIG": {"configMapKeyRef": {"name": "livekit", "key": "config.yaml"}},
        "LIVEKIT_KEYS": {"secretKeyRef": {"name": "livekit-api-keys", "key": "keys"}},
        "REDIS_PASSWORD": {"secretKeyRef": {"name": "livekit-redis", "key": "password"}},
    }
    assert "keys" not in uat.config
    assert set(uat.config["redis"]) == {"address", "tls"}
    assert not [name for name in uat.all if name.startswith("Secret/")]
    assert uat.container.get("volumeMounts") is None  # so no file whose mode others could read


@pytest.mark.parametrize(
    "typed",
    [
        {"config": {"keys": {"API": "secret"}}},
        {"config": {"key_file": "/keys"}},
        {"config": {"redis": {"password": "secret"}}},
        {"config": {"prometheus": {"port": 0}}},
        {"config": {"prometheus_port": 6789}},
    ],
    ids=["keys", "a key file", "a password", "no metrics", "metrics by their old name"],
)
def test_what_must_not_be_in_the_configuration_is_refused(typed: Values) -> None:
    done = helm(install.helm(), "template", "livekit", values=over(values(), typed))
    assert done.returncode
    assert "values don't meet the specifications of the schema" in done.stderr


def test_without_a_password_none_is_asked_for() -> None:
    given = values("uat", redis__auth="false", redis__tls="false")
    plain = Rendered(install.helm(), given)
    assert "REDIS_PASSWORD" not in plain.variables
    assert set(plain.config["redis"]) == {"address"}


def test_pods_roll_when_a_secret_or_the_configuration_changes_and_only_then(uat: Rendered) -> None:
    def pod(more: Values) -> Values:
        return dict(Rendered(install.helm(), over(values(), more)).pod)

    for changed in (
        {"secretVersions": {"api-keys": "another"}},
        {"secretVersions": {"redis": "another"}},
        {"config": {"room": {"empty_timeout": 10}}},
    ):
        assert pod(changed)["metadata"]["annotations"] != uat.pod["metadata"]["annotations"]
    assert pod({"replicas": 1, "podDisruptionBudget": {"maxUnavailable": 2}}) == uat.pod


# ---- pods


def test_no_service_of_its_namespace_speaks_into_the_server_s_settings(uat: Rendered) -> None:
    """The Service is called livekit, and the server reads LIVEKIT_PORT as its own port."""
    assert uat.pod["spec"]["enableServiceLinks"] is False


def _seconds(probe: Mapping[str, Any]) -> int:
    """How long it goes on before the container ends because of it."""
    return int(probe["periodSeconds"] * probe["failureThreshold"])


def test_a_server_gets_more_time_to_reach_redis_than_it_takes_to_say_why_not(uat: Rendered) -> None:
    startup = uat.container["startupProbe"]
    assert startup["httpGet"] == {"path": "/", "port": "http"}, "200 with Redis only"
    assert _seconds(startup) >= 150, "the server gives up after 102 s"


def test_a_redis_that_is_away_neither_restarts_the_fleet_nor_takes_it_off_its_balancers(uat: Rendered) -> None:
    for name in ("livenessProbe", "readinessProbe"):
        probe = uat.container[name]
        assert probe["httpGet"] == {"path": "/metrics", "port": "metrics"}, "what answers without Redis"
        assert probe["timeoutSeconds"] >= 3
    assert uat.config["signal_relay"]["retry_timeout"] == "60s"


def test_a_server_that_hangs_does_not_get_the_hours_of_one_that_drains(uat: Rendered) -> None:
    liveness = uat.container["livenessProbe"]
    assert (liveness["periodSeconds"], liveness["failureThreshold"]) == (10, 6)
    for name in ("livenessProbe", "startupProbe"):
        assert uat.container[name]["terminationGracePeriodSeconds"] <= 30


def test_metrics_behind_a_password_are_not_asked_by_a_probe_that_has_none() -> None:
    made = Rendered(install.helm(), over(values(), OPTIONS["metrics for who knows the password"]))
    for name in ("livenessProbe", "readinessProbe"):
        assert made.container[name]["tcpSocket"] == {"port": "http"}
        assert "httpGet" not in made.container[name]


def test_a_pod_is_told_to_end_after_its_balancers_are_done_with_it(uat: Rendered) -> None:
    sleep = uat.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    prefix = "alb.ingress.kubernetes.io/"
    attributes = uat.all["Ingress/livekit"]["metadata"]["annotations"][f"{prefix}target-group-attributes"]
    turn = uat.all["Service/livekit-turn"]["metadata"]["annotations"]
    assert attributes == "deregistration_delay.timeout_seconds=60"
    assert turn["service.beta.kubernetes.io/aws-load-balancer-target-group-attributes"] == attributes
    assert sleep == 75 > 60, "and the controller needs a moment to hear of it"
    assert uat.deployment["spec"]["minReadySeconds"] >= 10


def test_the_page_about_calls_has_the_times_of_the_chart(uat: Rendered) -> None:
    page = (ENVIRONMENTS.parents[1] / "docs" / "calls.md").read_text(encoding="utf-8")
    sleep = uat.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    times = ("end the connections through them after 60 s", f"{sleep} s after it was asked it gets its SIGTERM")
    for said in (*times, f"{uat.deployment['spec']['minReadySeconds']} s later the next one", "on port 6789"):
        assert said in " ".join(page.split())


def test_a_pod_that_waits_for_nobody_is_told_at_once() -> None:
    made = Rendered(install.helm(), over(values(), OPTIONS["nobody is waited for"]))
    assert "lifecycle" not in made.container, "the API refuses a sleep of no time"
    assert made.pod["spec"]["terminationGracePeriodSeconds"] == 5 * 3600


def test_one_pod_a_node_spread_over_zones_replaced_in_place(uat: Rendered) -> None:
    labels, spec = uat.pod["metadata"]["labels"], uat.pod["spec"]
    (apart,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (spread,) = spec["topologySpreadConstraints"]
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    assert (spread["topologyKey"], spread["maxSkew"]) == ("topology.kubernetes.io/zone", 1)
    for selector in (apart["labelSelector"], spread["labelSelector"], uat.deployment["spec"]["selector"]):
        assert selector["matchLabels"].items() <= labels.items()
    rolling = uat.deployment["spec"]["strategy"]
    assert rolling == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    assert spec["nodeSelector"] == {"livekit-deploy/group": "media"}


def test_calls_get_five_hours_to_end_and_are_not_disturbed_together(uat: Rendered) -> None:
    assert uat.pod["spec"]["terminationGracePeriodSeconds"] == 5 * 3600 + 75, "from the SIGTERM on"
    budget = uat.all["PodDisruptionBudget/livekit"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= uat.pod["metadata"]["labels"].items()


def test_the_ports_are_the_node_s(uat: Rendered) -> None:
    spec = uat.pod["spec"]
    assert (spec["hostNetwork"], spec["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")
    ports = {one["name"]: (one["containerPort"], one["hostPort"], one["protocol"]) for one in uat.container["ports"]}
    assert ports == {
        "http": (7880, 7880, "TCP"),
        "rtc-tcp": (7881, 7881, "TCP"),
        "turn-udp": (3478, 3478, "UDP"),
        "turn-tls": (5349, 5349, "TCP"),
        "metrics": (6789, 6789, "TCP"),
    }


def test_pods_run_without_rights(uat: Rendered) -> None:
    security = uat.container["securityContext"]
    assert security["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert uat.pod["spec"]["automountServiceAccountToken"] is False


def test_an_unknown_setting_would_be_fatal_and_there_is_none() -> None:
    """The server is strict: a key that it does not know keeps it from starting."""
    for env in ("dev", "uat", "prod"):
        urls = "['https://example.com/hook']"
        made = Rendered(install.helm(), over(values(env, livekit__webhook_urls=urls), OPTIONS["metrics"]))
        assert made.container.get("args") is None  # no --disable-strict-config
        wrong = [(key, why) for key, why, _ in refused(made.config) if not why.endswith("is set by this program")]
        assert wrong == []


def test_replicas_belong_to_the_autoscaler_where_there_is_one() -> None:
    scaled = Rendered(install.helm(), over(values(), OPTIONS["autoscaling"]))
    assert scaled.deployment["spec"]["replicas"] == 2  # the least, where there is no Deployment yet
    scaler = scaled.all["HorizontalPodAutoscaler/livekit"]["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "livekit"}
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 4)
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    assert scaled.container["resources"]["requests"]["cpu"]  # of which the autoscaler reckons
    assert Rendered(install.helm(), values()).deployment["spec"]["replicas"] == 2


# ---- in front of them


def test_signalling_comes_through_an_alb_with_the_certificate(uat: Rendered) -> None:
    ingress = uat.all["Ingress/livekit"]
    annotations, spec = ingress["metadata"]["annotations"], ingress["spec"]
    assert spec["ingressClassName"] == "alb"
    assert "kubernetes.io/ingress.class" not in annotations
    (rule,) = spec["rules"]
    assert rule["host"] == "livekit.uat.example.com"
    alb = {key.removeprefix("alb.ingress.kubernetes.io/"): value for key, value in annotations.items()}
    assert (alb["scheme"], alb["target-type"], alb["listen-ports"]) == ("internet-facing", "ip", '[{"HTTPS":443}]')
    assert alb["certificate-arn"].startswith("acm.issued/signal")
    backend = rule["http"]["paths"][0]["backend"]["service"]
    (port,) = uat.all[f"Service/{backend['name']}"]["spec"]["ports"]
    assert (port["name"], port["targetPort"]) == (backend["port"]["name"], "http")


def test_turn_comes_through_an_nlb_that_ends_tls(uat: Rendered) -> None:
    service = uat.all["Service/livekit-turn"]
    prefix = "service.beta.kubernetes.io/aws-load-balancer-"
    nlb = {key.removeprefix(prefix): value for key, value in service["metadata"]["annotations"].items()}
    assert nlb.pop("ssl-cert").startswith("acm.issued/signal")
    assert nlb.pop("target-group-attributes")
    assert nlb.pop("ssl-negotiation-policy") == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert nlb == {"type": "external", "scheme": "internet-facing", "nlb-target-type": "ip", "ssl-ports": "443"}
    assert service["spec"]["loadBalancerClass"] == "service.k8s.aws/nlb"
    (port,) = service["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (443, "turn-tls")  # clients are always told 443
    assert service["spec"]["selector"].items() <= uat.pod["metadata"]["labels"].items()
    turn = uat.config["turn"]
    assert (turn["enabled"], turn["tls_port"], turn["external_tls"], turn["udp_port"]) == (True, 5349, True, 3478)


@pytest.mark.parametrize(
    "overrides", [{"livekit__turn": "null"}, {"livekit__turn__tls": "false"}], ids=["no turn", "no tls"]
)
def test_without_turn_over_tls_there_is_no_nlb(overrides: dict[str, str]) -> None:
    made = Rendered(install.helm(), values(**overrides))
    assert "Service/livekit-turn" not in made.all
    assert "turn-tls" not in [one["name"] for one in made.container["ports"]]
    assert not {"tls_port", "external_tls"} & set(made.config.get("turn", {}))


def test_metrics_are_scraped_only_when_asked(uat: Rendered) -> None:
    assert "ServiceMonitor/livekit" not in uat.all
    made = Rendered(install.helm(), over(values(), OPTIONS["metrics"]))
    (endpoint,) = made.all["ServiceMonitor/livekit"]["spec"]["endpoints"]
    ports = {one["name"]: one for one in made.all["Service/livekit"]["spec"]["ports"]}
    containers = {one["name"]: one["containerPort"] for one in made.container["ports"]}
    assert containers[ports[endpoint["port"]]["targetPort"]] == made.config["prometheus"]["port"] == 6789


# ---- what it refuses


def test_an_unknown_value_is_refused_by_every_helm(each_helm: Path) -> None:
    done = helm(each_helm, "template", "livekit", values={**values(), "replicaCount": 2})
    assert done.returncode
    assert "replicaCount" in done.stderr


def _sections(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "properties" in schema:
        yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _sections(inner, f"{path}.{name}".strip("."))


def test_the_schema_is_strict_everywhere_but_in_the_server_s_own_configuration() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    sections = dict(_sections(schema)) | dict(_sections(schema["definitions"], "definitions"))
    open_ = {path for path, section in sections.items() if section.get("additionalProperties") is not False}
    assert open_ == {"config", "config.redis", "config.prometheus"}
    documented = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) == {*documented, "global"}
    for path, section in sections.items():
        if path and "." not in path and path not in ("config", "secrets"):
            assert set(section["properties"]) == set(documented[path]), path


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"ingress": {"host": ""}}, "host"),
        ({"ingress": {"certificateArn": ""}}, "LiveKit is reached over TLS"),
        ({"turn": {"certificateArn": ""}}, "TURN ends TLS at the load balancer"),
    ],
)
def test_what_is_missing_is_named(missing: Values, said: str) -> None:
    done = helm(install.helm(), "template", "livekit", values=over(values(), missing))
    assert done.returncode
    assert said in done.stderr


def test_long_names_are_cut_to_what_the_cluster_takes() -> None:
    name = "a" * 53
    made = helm(install.helm(), "template", name, values=values()).stdout
    names = [item["metadata"]["name"] for item in yaml.safe_load_all(made) if item]
    assert max(map(len, names)) <= 63


# ---- installed


def test_it_comes_changes_and_goes_with_every_helm(rig: KubeRig, each_helm: Path) -> None:
    rig.eks.secrets = {("keys", "v1"): "API: secret", ("", "v1"): REDIS.tokens[0]}

    def resources(**more: Any) -> list[Resource]:
        namespace = Namespace("livekit", lives_in=rig.host)
        held = {"livekit-api-keys": {"keys": SecretRef("k", "keys", "v1")}}
        held["livekit-redis"] = {"password": SecretRef("p", "", "v1")}
        secrets = [
            Secret(name, namespace="livekit", values=refs, lives_in=rig.host, after=[namespace])
            for name, refs in held.items()
        ]
        release = HelmRelease(
            "livekit",
            namespace="livekit",
            chart="livekit-server",
            version=LIVEKIT_SERVER.shipped().version,
            values=over(over(values(), REACHED), more),
            lives_in=rig.host,
            after=secrets,
        )
        return [rig.host, namespace, *secrets, release]

    rig.up(resources())
    assert rig.diffs(resources()) == {}
    pods = rig.objects("pods", namespace="livekit").values()
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == ["node-a", "node-b"]
    louder = resources(config={"logging": {"level": "debug"}})
    rig.up(louder)
    assert "level: debug" in rig.objects("configmaps", namespace="livekit")["livekit"]["data"]["config.yaml"]
    assert rig.diffs(louder) == {}
    rig.down()
    assert rig.objects("ingresses", "networking.k8s.io") == {}


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a-file"))
    monkeypatch.setattr(charts, "_offered", lambda *about: ("url", ""))
    monkeypatch.setattr(charts, "_get", lambda url: b"packed")
    digest = hashlib.sha256(b"packed").hexdigest()
    with pytest.raises(ToolError, match="the chart cannot be kept in") as caught:
        charts.fetched("https://charts.example", "a-chart", "1.0.0", digest)
    assert "XDG_CACHE_HOME" in caught.value.hint
