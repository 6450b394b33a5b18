"""Our LiveKit chart as a helm renders it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from livekit_deploy.base import shipped_files
from livekit_deploy.config import load_environment
from livekit_deploy.stack import stack
from tests.k8s.rig import REDIS
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
