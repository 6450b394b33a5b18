"""What our chart makes of an environment's LiveKit, rendered by the real helm."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from livekit_deploy import packaged, tools
from livekit_deploy.config import load_environment
from livekit_deploy.engine.resource import Resource
from livekit_deploy.stack import stack

ROOT = Path(__file__).parents[2]


def _named(resources: list[Resource], address: str) -> dict[str, Any]:
    found = next(resource for resource in resources if resource.address == address)
    return found.desired(lambda ref: f"{ref.address}.{ref.output}")


def _environment(path: Path, overrides: dict[str, str], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The container's environment variables as the chart renders them, and what the Secret with the keys holds."""
    resources = stack(load_environment(path, overrides=overrides, environ={}))
    values = folder / "values.json"
    values.write_text(json.dumps(_named(resources, "helm.release/livekit")["values"]), encoding="utf-8")
    command = [str(tools.helm()), "template", "livekit", str(packaged.path("charts/livekit-server")), "-f", str(values)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    deployment = next(item for item in yaml.safe_load_all(said) if item and item["kind"] == "Deployment")
    variables = {item["name"]: item for item in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    return variables, _named(resources, "k8s.secret/livekit-api-keys")["values"]


def test_webhooks_are_signed_with_the_generated_key(tmp_path: Path) -> None:
    """livekit-server does not start with webhook URLs and without the API key that signs them."""
    uat = ROOT / "manifests" / "environments" / "uat.yaml"
    variables, held = _environment(uat, {"livekit.webhook_urls": "['https://example.com/hook']"}, tmp_path)
    source = variables["LIVEKIT_WEBHOOK_API_KEY"]["valueFrom"]["secretKeyRef"]
    assert source == {"name": "livekit-api-keys", "key": "api-key"}
    assert held["api-key"] == "secretsmanager.secret/api-keys.api_key"

    variables, held = _environment(uat, {}, tmp_path)
    assert "LIVEKIT_WEBHOOK_API_KEY" not in variables
    assert held.keys() == {"keys"}
