"""What a kubelet makes of the one container of a pod: environment, files, user, process, probes and end.

Source: Kubernetes documentation, "Pods", "Configure a Security Context", "Configure Liveness, Readiness and Startup
Probes", "Accessing the Service"; kubernetes 1.36, pkg/kubelet/kubelet_pods.go and pkg/kubelet/prober.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.real.livekit import container
from tests.real.livekit.manifests import Manifests, Object
from tests.real.livekit.network import CLUSTER_DNS, Host
from tests.real.livekit.probes import Probe

_EXPANSION = re.compile(r"\$\$|\$\(([A-Za-z0-9_.-]+)\)")
#: cluster addresses of Services; the first one is the API's own
_SERVICES = "172.20.0."
_NAMES = {
    "hosts": "127.0.0.1\tlocalhost\n",
    "hostname": "node\n",
    "resolv.conf": f"nameserver {CLUSTER_DNS}\nsearch livekit.svc.cluster.local svc.cluster.local cluster.local\n"
    "options ndots:5\n",
}
_READ_BY_GROUP = 0o440  # what a pod's fsGroup adds to the mode of files that cannot be written


class Refused(Exception):
    """A container that does not start, or does not become what its probes ask for; says why."""


@dataclass(frozen=True)
class Image:
    """A published image: ``files`` by their path inside, its entry point and its variables."""

    files: Mapping[str, Path]
    entrypoint: tuple[str, ...]
    variables: Mapping[str, str]


class Kubelet:
    """The kubelet of one node. ``folder`` is its own."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self._folder = host, folder
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in _NAMES.items():
            folder.joinpath(name).write_text(text, encoding="utf-8")
        self._count = 0

    def start(self, given: Manifests, image: Image) -> Container:
        """Start the pod's container. Raises `Refused` where a kubelet does not come to that."""
        self._count += 1
        folder = self._folder / f"container-{self._count}"
        for name in ("root", "volumes"):
            (folder / name).mkdir(parents=True)
        folder.joinpath("termination-log").touch()
        folder.joinpath("termination-log").chmod(0o666)
        variables = environment(given) | {"HOSTNAME": "node"}
        variables = {**image.variables, **variables}
        user = User(given)
        said = {
            "mountpoint": str(folder / "root"),
            "binds": {path: str(source) for path, source in image.files.items()}
            | {f"/etc/{name}": str(self._folder / name) for name in _NAMES}
            | dict(_volumes(given, folder / "volumes", user.volumes)),
            "writable": {"/dev/termination-log": str(folder / "termination-log")},
            "read_only": user.security.get("readOnlyRootFilesystem", False),
            "capabilities": "ALL" not in (user.security.get("capabilities") or {}).get("drop", []),
            "no_new_privileges": user.security.get("allowPrivilegeEscalation") is False,
            "user": user.id,
            "group": user.group,
            "groups": user.groups,
            "directory": given.container.get("workingDir", "/"),
            "environment": variables,
            "command": _command(given.container, image, variables),
        }
        return Container(given, self.host, folder / "log", said)


class User:
    """Whom the container runs as. An image that does not know the user gives it group 0."""

    def __init__(self, given: Manifests) -> None:
        pod = given.pod.get("securityContext") or {}
        self.security: Object = {**pod, **(given.container.get("securityContext") or {})}
        self.id: int = self.security.get("runAsUser", 0)
        if self.security.get("runAsNonRoot") and not self.id:
            raise Refused("CreateContainerConfigError: container has runAsNonRoot and image will run as root")
        self.group: int = self.security.get("runAsGroup", 0)
        self.volumes: int | None = pod.get("fsGroup")
        self.groups = [*pod.get("supplementalGroups", []), *([] if self.volumes is None else [self.volumes])]


def environment(given: Manifests) -> dict[str, str]:
    """The variables that a kubelet gives, in the order in which a later one wins."""
    found = dict(_api_server())
    if given.pod.get("enableServiceLinks", True):
        for service, address in _addresses(given):
            found |= dict(_links(service, address))
    for one in given.container.get("env", []):
        if "valueFrom" in one:
            found.update((one["name"], value) for value in _from(given, one["valueFrom"]))
        else:
            found[one["name"]] = _expanded(one.get("value", ""), found)
    return found


def _from(given: Manifests, source: Object) -> Iterator[str]:
    (kind, wanted), *_ = source.items()
    if kind not in _SOURCES:
        raise Refused(f"this kubelet does not know {kind}")
    held = given.get(_SOURCES[kind], wanted["name"])
    if held is not None and wanted["key"] in held["data"]:
        yield held["data"][wanted["key"]]
    elif not wanted.get("optional"):
        what = f"{_SOURCES[kind].lower()} livekit/{wanted['name']}"
        problem = f"{what} not found" if held is None else f"couldn't find key {wanted['key']} in {what}"
        raise Refused(f"CreateContainerConfigError: {problem}")


_SOURCES = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}


def _addresses(given: Manifests) -> Iterator[tuple[Object, str]]:
    for number, service in enumerate(given.of("Service"), 20):
        if service["spec"].get("clusterIP") != "None":
            yield service, service["spec"].get("clusterIP", f"{_SERVICES}{number}")


def _api_server() -> Iterator[tuple[str, str]]:
    ports = [{"name": "https", "port": 443, "protocol": "TCP"}]
    yield from _links({"metadata": {"name": "kubernetes"}, "spec": {"ports": ports}}, f"{_SERVICES}1")


def _links(service: Object, address: str) -> Iterator[tuple[str, str]]:
    """The variables of a Service, Docker's old ones among them (pkg/kubelet/envvars)."""
    name, ports = _upper(service["metadata"]["name"]), service["spec"]["ports"]
    first = ports[0]
    yield f"{name}_SERVICE_HOST", address
    yield f"{name}_SERVICE_PORT", str(first["port"])
    for port in ports:
        if port.get("name"):
            yield f"{name}_SERVICE_PORT_{_upper(port['name'])}", str(port["port"])
    for port in ports:
        protocol = port.get("protocol", "TCP")
        url = f"{protocol.lower()}://{address}:{port['port']}"
        if port is first:
            yield f"{name}_PORT", url
        prefix = f"{name}_PORT_{port['port']}_{protocol}"
        yield from ((prefix, url), (f"{prefix}_PROTO", protocol.lower()), (f"{prefix}_PORT", str(port["port"])))
        yield f"{prefix}_ADDR", address


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    """$(NAME) is the variable where it is known; $$ is one $."""

    def of(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1], found[0])

    return _EXPANSION.sub(of, text)


def _command(spec: Object, image: Image, variables: Mapping[str, str]) -> list[str]:
    words = [*(spec.get("command") or image.entrypoint), *(spec.get("args") or [])]
    return [_expanded(word, variables) for word in words]


def _volumes(given: Manifests, folder: Path, group: int | None) -> Iterator[tuple[str, str]]:
    """Mount path and folder of each volume; its files have the modes and owners that a kubelet gives them."""
    sources = {one["name"]: one for one in given.pod.get("volumes", [])}
    for mount in given.container.get("volumeMounts", []):
        place = folder / mount["name"]
        if not place.exists():
            place.mkdir(mode=0o755)
            _fill(given, sources[mount["name"]], place, group)
        yield mount["mountPath"], str(place / mount.get("subPath", "")).rstrip("/")


def _fill(given: Manifests, volume: Object, place: Path, group: int | None) -> None:
    source = volume.get("secret") or volume.get("configMap")
    if source is None:
        raise Refused(f"this kubelet does not know the volume {volume['name']}")
    kind, name = ("Secret", source.get("secretName")) if "secret" in volume else ("ConfigMap", source.get("name"))
    held = given.get(kind, str(name))
    if held is None:
        raise Refused(f'MountVolume.SetUp failed for volume "{volume["name"]}": {kind.lower()} "{name}" not found')
    items = {one["key"]: (one["path"], one.get("mode")) for one in source.get("items", [])}
    data = place / "..data"
    data.mkdir()
    for key, text in held["data"].items():
        if not items or key in items:
            path, mode = items.get(key, (key, None))
            mode = source.get("defaultMode", 0o644) if mode is None else mode
            (data / path).write_text(text, encoding="utf-8")
            os.chown(data / path, 0, group or 0)
            (data / path).chmod(mode if group is None else mode | _READ_BY_GROUP)
            (place / path).symlink_to(Path("..data") / path)


class Container:
    """A container that was started; ``log`` is what it prints."""

    def __init__(self, given: Manifests, host: Host, log: Path, said: Object) -> None:
        self.host, self._given, self._log = host, given, log
        self._began = time.time()
        told, tell = os.pipe()
        with host.namespace.inside(), log.open("wb") as out:
            command = [sys.executable, str(container.__file__), json.dumps({**said, "pid_to": tell})]
            self._runtime = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out, pass_fds=(tell,))
        os.close(tell)
        with os.fdopen(told) as said_back:
            self._pid = int(said_back.readline() or 0)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def spoke_for(self) -> float:
        """Seconds from its start to the last that it printed."""
        return self._log.stat().st_mtime - self._began

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._runtime.poll()

    @property
    def ports(self) -> dict[str, int]:
        """By name."""
        return {one["name"]: one["containerPort"] for one in self._given.container["ports"]}

    @property
    def node_id(self) -> str:
        """LiveKit's name for the server in it, once it has started."""
        return str(re.findall(r'"nodeID":"(\w+)"', self.log)[0])

    def signal(self, number: int) -> None:
        """Send its first process a signal."""
        os.kill(self._pid, number)

    def delete(self) -> None:
        """What a kubelet does with a pod that is deleted: its preStop sleep, SIGTERM, and SIGKILL after its grace."""
        threading.Thread(target=self._delete, daemon=True).start()

    def _delete(self) -> None:
        began = time.monotonic()
        hook = (self._given.container.get("lifecycle") or {}).get("preStop") or {}
        if self.wait(hook["sleep"]["seconds"] if hook else 0) is None:
            self.signal(signal.SIGTERM)
        grace = self._given.pod.get("terminationGracePeriodSeconds", 30)
        if self.wait(began + grace - time.monotonic()) is None:
            self.signal(signal.SIGKILL)

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None when it still runs after so long."""
        try:
            return self._runtime.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def probe(self, name: str) -> Probe:
        """``startupProbe``, ``livenessProbe`` or ``readinessProbe``. Raises `Refused` when it has none."""
        spec = self._given.container
        if name not in spec:
            raise Refused(f"the container has no {name}")
        return Probe(spec[name], self.host, self.ports)

    def started(self, seconds: float = 60.0) -> Container:
        """Wait until its startup probe passes, or its readiness probe where it has no other; then ask the others once.
        Raises `Refused` when one does not pass."""
        first = "startupProbe" if "startupProbe" in self._given.container else "readinessProbe"
        probe, end = self.probe(first), time.monotonic() + seconds
        while (failure := probe.failure()) is not None:
            if self.exit_code is not None:
                raise Refused(f"it ended with {self.exit_code}:\n{self.log}")
            if time.monotonic() > end:
                raise Refused(f"{first}: {failure}\n{self.log}")
            time.sleep(0.1)
        for name in ("livenessProbe", "readinessProbe"):
            if (failure := self.failing(name)) is not None:
                raise Refused(f"{name}: {failure}\n{self.log}")
        return self

    def failing(self, name: str) -> str | None:
        """What a probe says when it fails so often in a row that it is of effect; None as soon as it passes."""
        probe, failure = self.probe(name), None
        for _ in range(probe.threshold):
            if (failure := probe.failure()) is None:
                return None
        return failure

    def close(self) -> None:
        """Kill it, if it still runs."""
        if self._runtime.stdin is not None:
            self._runtime.stdin.close()
        if self.exit_code is None:
            with suppress(ProcessLookupError):
                self.signal(signal.SIGKILL)
        self._runtime.wait(10)
