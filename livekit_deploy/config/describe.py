"""An environment file to start from, what a file comes to, and the schema of all files."""

from __future__ import annotations

from typing import Any

import yaml

from livekit_deploy.config.models import Environment
from livekit_deploy.config.presets import PRESETS

_TEMPLATE = """\
# An environment of livekit_deploy. Only region, livekit.domain and, outside dev, cluster.public_cidrs are needed;
# everything else has a default. See all of it with: livekit-deploy config show --env NAME
preset: {preset}
region: us-east-1
# account_id: "123456789012"         # refuse any other account
# tags: {{team: media}}
{protect}
cluster:
  public_cidrs: [{cidrs}]            # who may reach the Kubernetes API
  # admins: [arn:aws:iam::123456789012:role/platform]
# redis: {{node_type: {node_type}}}
livekit:
  domain: livekit.{preset}.example.com
  hosted_zone: example.com           # absent: the records to make by hand are told
  turn: {{domain: turn.{preset}.example.com}}
"""


def template(preset: str) -> str:
    """A commented file for a preset."""
    chosen = PRESETS[preset]
    open_to = "0.0.0.0/0" if preset == "dev" else "203.0.113.0/24"
    protect = (
        "protect: true                        # down asks for the name" if chosen.get("protect") else "protect: false"
    )
    return _TEMPLATE.format(preset=preset, cidrs=open_to, protect=protect, node_type=chosen["redis"]["node_type"])


def effective(env: Environment) -> str:
    """The environment as YAML, after defaults, preset and overrides."""
    text: str = yaml.safe_dump(env.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True)
    return text.rstrip()


def schema() -> dict[str, Any]:
    """JSON Schema of an environment file: nothing is required that a preset or the file's name supplies."""
    whole = Environment.model_json_schema()
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["title"] = "An environment of livekit_deploy"
    whole["required"] = ["region", "livekit"]
    for section in ("Cluster", "Nodes", "NodeGroup"):
        whole["$defs"].get(section, {}).pop("required", None)
    return whole
