"""What the product puts into the cluster for an environment: our chart by the real helm, and the Secrets it names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from livekit_deploy.aws.kinds import api_keys
from livekit_deploy.aws.kinds.api_keys import Pair
from livekit_deploy.base import shipped_files
from livekit_deploy.config import load_environment
from livekit_deploy.engine.inputs import Ref, SecretRef
from livekit_deploy.k8s.helm import install
from livekit_deploy.stack import stack
from tests.places import ENVIRONMENTS
from tests.real.livekit.network import Ports

Object = dict[str, Any]


class Manifests:
    """The objects of a namespace, LiveKit's ``pod`` and its one ``container`` among them. They may be changed.

    ``open`` is what the security group of the nodes admits from everywhere.
    """

    def __init__(self, objects: Sequence[Object], open: Sequence[Ports]) -> None:
        self.open = open
        self._objects = {(one["kind"], one["metadata"]["name"]): one for one in objects}
        (self.deployment,) = self.of("Deployment")

    @property
    def pod(self) -> Object:
        """The specification of its pods."""
        found: Object = self.deployment["spec"]["template"]["spec"]
        return found

    @property
    def container(self) -> Object:
        found: Object
        (found,) = self.pod["containers"]
        return found

    @property
    def config(self) -> Object:
        """What the server is configured with; a change of it is written with `configure`."""
        (config,) = self.of("ConfigMap")
        found: Object = yaml.safe_load(config["data"]["config.yaml"])
        return found

    def configure(self, config: Object) -> None:
        """Put another configuration in its place."""
        (there,) = self.of("ConfigMap")
        there["data"]["config.yaml"] = yaml.safe_dump(config)

    def of(self, kind: str) -> list[Object]:
        return [one for (its, _), one in self._objects.items() if its == kind]

    def get(self, kind: str, name: str) -> Object | None:
        return self._objects.get((kind, name))

    def add(self, one: Object) -> None:
        self._objects[one["kind"], one["metadata"]["name"]] = one


@dataclass(frozen=True)
class Given:
    """What the product makes of an environment: the ``values`` of LiveKit's chart, what each of its Secrets is to hold
    (member by key), and what the nodes' security group admits from everywhere."""

    values: Object
    secrets: dict[str, dict[str, str]]
    open: list[Ports]


def given(preset: str, settings: Mapping[str, Any], redis: str) -> Given:
    """``settings`` are overrides by dotted path; ``redis`` is where Redis listens."""
    told = {key: json.dumps(value) for key, value in settings.items()}
    env = load_environment(ENVIRONMENTS / f"{preset}.yaml", overrides=told, environ={})

    def lookup(ref: Ref[Any]) -> Any:
        if ref.output == "redis_address":
            return redis
        if ref.address.startswith("secretsmanager.") and ref.output != "version":
            return SecretRef(ref.address, ref.output, "1")
        return f"{ref.address}.{ref.output}"

    found = {resource.address: resource.desired(lookup) for resource in stack(env) if resource.kind in _KINDS}
    secrets = {
        address.rpartition("/")[2]: {key: one["key"] for key, one in wanted["values"].items()}
        for address, wanted in found.items()
        if address.startswith("k8s.secret/")
    }
    rules = [one for one in found.values() if one.get("cidr") == "0.0.0.0/0" and one["group_id"].endswith("media.id")]
    ports = [(one["protocol"], one["first_port"], one["last_port"]) for one in rules]
    return Given(found["helm.release/livekit"]["values"], secrets, ports)


_KINDS = ("helm.release", "k8s.secret", "ec2.security_group_rule")


def rendered(
    preset: str = "uat",
    settings: Mapping[str, Any] | None = None,
    *,
    redis: str,
    token: str,
    pairs: Sequence[Pair],
    chart: Path | None = None,
) -> Manifests:
    """What is in LiveKit's namespace when the product has applied it; ``token`` and ``pairs`` are in Secrets Manager.

    Raises `ConfigError` for settings that the product refuses, `RuntimeError` for values that the chart refuses.
    """
    made = given(preset, settings or {}, redis)
    command = [str(install.helm()), "template", "livekit", "--namespace", "livekit", "--values", "-"]
    command.append(str(chart or shipped_files.path("charts/livekit-server")))
    done = subprocess.run(command, input=json.dumps(made.values), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    kept = {**json.loads(api_keys.dump(pairs)), "value": token}
    held: list[Object] = [
        {"kind": "Secret", "metadata": {"name": name}, "data": {key: kept[member] for key, member in members.items()}}
        for name, members in made.secrets.items()
    ]
    return Manifests([*(one for one in yaml.safe_load_all(done.stdout) if one), *held], made.open)
