"""What an environment gives to its LiveKit chart: ours, rendered by the real helm, and the vendor's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from livekit_deploy.base import shipped_files
from livekit_deploy.config import load_environment
from livekit_deploy.config.livekit_settings import SECTIONS
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.helm import install
from livekit_deploy.stack import stack
from tests.places import ROOT

UAT = ROOT / "manifests" / "environments" / "uat.yaml"
OFFICIAL = {"livekit.chart": "{repo: 'https://helm.livekit.io', version: 1.9.0}", "redis.auth": "false"}


def _named(resources: list[Resource], address: str) -> dict[str, Any]:
    found = next(resource for resource in resources if resource.address == address)
    return found.desired(lambda ref: f"{ref.address}.{ref.output}")


def _environment(path: Path, overrides: dict[str, str], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The container's environment variables as the chart renders them, and what the Secret with the keys holds."""
    resources = stack(load_environment(path, overrides=overrides, environ={}))
    values = folder / "values.json"
    values.write_text(json.dumps(_named(resources, "helm.release/livekit")["values"]), encoding="utf-8")
    command = [
        str(install.helm()),
        "template",
        "livekit",
        str(shipped_files.path("charts/livekit-server")),
        "-f",
        str(values),
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    deployment = next(item for item in yaml.safe_load_all(said) if item and item["kind"] == "Deployment")
    variables = {item["name"]: item for item in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    return variables, _named(resources, "k8s.secret/livekit-api-keys")["values"]


def _set(settings: str) -> dict[str, Any]:
    """The server's configuration with ``livekit.settings``."""
    resources = stack(load_environment(UAT, overrides={"livekit.settings": settings}, environ={}))
    config: dict[str, Any] = _named(resources, "helm.release/livekit")["values"]["config"]
    return config


def test_what_we_set_by_default_gives_way_to_what_the_user_sets() -> None:
    plain = _set("{}")
    assert (plain["prometheus"], plain["signal_relay"]) == ({"port": 6789}, {"retry_timeout": "60s"})
    own = _set("{prometheus: {port: 9100}, signal_relay: {retry_timeout: 20s, connect_attempts: 5}}")
    assert own["prometheus"] == {"port": 9100}
    assert own["signal_relay"] == {"retry_timeout": "20s", "connect_attempts": 5}
    assert _set("{signal_relay: {connect_attempts: 5}}")["signal_relay"]["retry_timeout"] == "60s"


def test_webhooks_are_signed_with_the_generated_key(tmp_path: Path) -> None:
    """livekit-server does not start with webhook URLs and without the API key that signs them."""
    variables, held = _environment(UAT, {"livekit.webhook_urls": "['https://example.com/hook']"}, tmp_path)
    source = variables["LIVEKIT_WEBHOOK_API_KEY"]["valueFrom"]["secretKeyRef"]
    assert source == {"name": "livekit-api-keys", "key": "api-key"}
    assert held["api-key"] == "secretsmanager.secret/api-keys.api_key"

    variables, held = _environment(UAT, {}, tmp_path)
    assert "LIVEKIT_WEBHOOK_API_KEY" not in variables
    assert held.keys() == {"keys"}


def _official(**overrides: str) -> dict[str, Any]:
    dotted = {key.replace("__", "."): value for key, value in overrides.items()}
    resources = stack(load_environment(UAT, overrides={**OFFICIAL, **dotted}, environ={}))
    release = _named(resources, "helm.release/livekit")
    assert (release["repo"], release["version"]) == ("https://helm.livekit.io", "1.9.0")
    assert "k8s.secret/livekit-redis" not in [resource.address for resource in resources]
    values: dict[str, Any] = release["values"]
    return values


def test_the_official_chart_gets_no_secret_and_reads_its_keys_from_ours() -> None:
    """What is under `livekit` goes into a ConfigMap; the key file is mounted under the name of the Secret's key."""
    values = _official()
    assert values["storeKeysInSecret"] == {"enabled": True, "existingSecret": "livekit-api-keys"}
    assert values["livekit"]["key_file"] == "keys"
    assert "keys" not in values["livekit"]
    assert set(values["livekit"]["redis"]) == {"address", "tls"}
    assert values["podSecurityContext"]["fsGroup"]  # mode 0640: LiveKit refuses keys that others may read
    assert values["podAnnotations"] == {"secret-version/api-keys": "secretsmanager.secret/api-keys.version"}


def test_the_official_chart_rolls_in_place_and_gets_what_the_controller_needs() -> None:
    values = _official()
    assert values["deploymentStrategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    balancer = values["loadBalancer"]
    delay = "deregistration_delay.timeout_seconds=60"
    assert balancer["annotations"]["alb.ingress.kubernetes.io/target-group-attributes"] == delay
    assert (balancer["type"], balancer["tls"]) == ("alb", [{"hosts": ["livekit.uat.example.com"]}])
    assert balancer["annotations"]["alb.ingress.kubernetes.io/certificate-arn"].startswith("acm.issued/")
    turn = values["livekit"]["turn"]
    prefix = "service.beta.kubernetes.io/aws-load-balancer-"
    assert {key.removeprefix(prefix): value for key, value in turn["loadBalancerAnnotations"].items()} == {
        "type": "external",
        "scheme": "internet-facing",
        "nlb-target-type": "ip",
        "ssl-cert": balancer["annotations"]["alb.ingress.kubernetes.io/certificate-arn"],
        "ssl-ports": "443",
        "ssl-negotiation-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "target-group-attributes": delay,
    }
    assert "loadBalancerAnnotations" not in _official(livekit__turn__tls="false")["livekit"]["turn"]


def test_service_links_of_the_official_chart_are_no_settings_of_the_server() -> None:
    """Kubernetes puts ``<SERVICE>_PORT`` and more into its pods, and the chart has no value to switch that off."""
    values = _official()
    assert not {"nameOverride", "fullnameOverride"} & values.keys(), "so its Service is livekit-livekit-server"
    read = [f"LIVEKIT_{setting.upper()}" for setting in (*values["livekit"], *SECTIONS)]
    assert not [name for name in read if name.startswith("LIVEKIT_LIVEKIT_SERVER")]


def test_what_stands_in_front_of_the_official_chart_is_found_by_its_names() -> None:
    """Its objects are called after release and chart, ours after the release."""
    for overrides, name in ((OFFICIAL, "livekit-livekit-server"), ({}, "livekit")):
        resources = stack(load_environment(UAT, overrides=overrides, environ={}))
        sources = {
            item.address: item.desired(lambda ref: "") for item in resources if item.kind == "elbv2.load_balancer"
        }
        assert f"livekit/{name}" in str(sources["elbv2.load_balancer/signal"])
        assert f"livekit/{name}-turn" in str(sources["elbv2.load_balancer/turn"])
