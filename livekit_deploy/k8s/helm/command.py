"""Runs helm for pyhelm3, whose own command starts a shell that survives a cancel.

The token is in a file and renewed before it runs out; values go in by stdin.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyhelm3
import semver
import yaml

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.eks.cluster import observed_cluster
from livekit_deploy.base import private_files
from livekit_deploy.engine.resource import Live
from livekit_deploy.errors import Denied
from livekit_deploy.k8s.access.kubeconfig import for_helm
from livekit_deploy.k8s.helm import install
from livekit_deploy.k8s.helm.process import HelmBinary

_TOKEN_SECONDS = 600.0
_RENDER_SECONDS = 60.0


def helm(cloud: Cloud, host: Live) -> Helm:
    """The helm for the cluster that ``host`` is, one for as long as this view of the cloud lives."""
    found: Helm = cloud.shared(f"helm:{host.outputs['endpoint']}", lambda: Helm(cloud, observed_cluster(cloud)))
    return found


def rendered(chart: Path, name: str, namespace: str, values: Mapping[str, Any]) -> bytes:
    """The chart's objects as YAML, made on this machine. Raises `Failed` when it does not take these values."""
    arguments = ["template", name, str(chart), "--namespace", namespace, "--values", "-"]
    return HelmBinary().run(arguments, as_yaml(values).encode(), _RENDER_SECONDS)


class _Quoting(yaml.SafeDumper):
    """YAML that says the same to every reader: for helm's a bare ``y`` is true, and ``1e3`` a number."""


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, '"'))


def as_yaml(values: Mapping[str, Any]) -> str:
    """YAML as helm reads it; JSON would not do, whose pairs of surrogates helm's parser refuses."""
    return yaml.dump(dict(values), Dumper=_Quoting, width=math.inf)


class Helm(pyhelm3.Command):  # type: ignore[misc]
    """The helm binary on one cluster, as EKS tells of it. ``seconds`` bounds a run; helm itself gives up earlier."""

    def __init__(self, cloud: Cloud, cluster: Live) -> None:
        self._binary, self._changing = HelmBinary(cloud.context.stopping), cloud.changing
        self._renew = cloud.context.renew
        self._token_file = self._binary.home / "token"
        self._token: Callable[[], str] = lambda: cloud.eks_token(cluster.id)
        self._until = 0.0
        # the lease is renewed right before a run, and no run may outlive it
        limits = cloud.context.limits
        self.seconds, self.give_up = limits.helm, f"{limits.helm_gives_up}s"
        kubeconfig = self._binary.home / "kubeconfig"
        private_files.write(kubeconfig, json.dumps(for_helm(cluster.outputs, self._token_file)))
        super().__init__(executable=str(self._binary.path), kubeconfig=kubeconfig, default_timeout=self.give_up)
        self._refreshing = threading.Lock()

    @property
    def major(self) -> int:
        """3 or 4."""
        return install.version(self._binary.path)[0]

    def client_version(self) -> semver.Version:
        """Without a run of helm."""
        return semver.Version(*install.version(self._binary.path), 0)

    async def run(self, command: list[Any], input: bytes | None = None) -> bytes:
        """Run helm with these arguments; ``input`` are values, as pyhelm3 has them: in JSON.

        Raises our errors, told apart by what helm says.
        """
        self._refresh()
        values = as_yaml(json.loads(input)).encode() if input is not None else None
        try:
            self._renew()
            with self._changing():
                whole = [*map(str, command), "--kubeconfig", str(self._kubeconfig)]
                return self._binary.run(whole, values, self.seconds)
        except Denied:
            self._until = 0.0  # the token may have run out before its time
            raise

    async def back(self, release: str, namespace: str, revision: int) -> None:
        """Roll back to a revision; as an upgrade does, it takes back what others changed meanwhile."""
        force = ["--server-side=true", "--force-conflicts"] if self.major >= 4 else []
        await self.run(
            ["rollback", release, str(revision), "--namespace", namespace, "--timeout", self.give_up, *force]
        )

    def _refresh(self) -> None:
        with self._refreshing:
            if time.monotonic() > self._until:
                private_files.write(self._token_file, self._token())
                self._until = time.monotonic() + _TOKEN_SECONDS


def release_values(values: Mapping[str, Any], tags: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a release with our tags in them, where charts leave room for everybody: under ``global``."""
    return {**values, "global": {**(values.get("global") or {}), "livekitDeploy": dict(tags)}}
