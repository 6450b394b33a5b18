"""The pods of our LiveKit chart: how they start, are asked, end and are reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from livekit_deploy.config.livekit_settings import refused
from livekit_deploy.k8s.helm import install
from tests.k8s.chart.charts import OPTIONS, Rendered, over, values
from tests.places import ENVIRONMENTS

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
    for said in (*times, f"{uat.deployment['spec']['minReadySeconds']} s later the next pod", "on port 6789"):
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
