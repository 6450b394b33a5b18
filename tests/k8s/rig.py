"""The real engine and the kinds of the cluster on the sandbox's Kubernetes API, over TLS and with the real helm."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import ssl
import tarfile
import threading
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from livekit_deploy.aws.access.account import Account
from livekit_deploy.aws.access.account import Identity as Caller
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.base.clock import Clock
from livekit_deploy.engine.inputs import Input, Output, SecretRef
from livekit_deploy.engine.planner import Planner
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.engine.run import planned_read
from livekit_deploy.engine.waits import Waits
from livekit_deploy.errors import Absent
from livekit_deploy.k8s.access.client import Api, Obj, api
from livekit_deploy.provisioners.addresses import CLUSTER
from livekit_deploy.sandbox.cluster.cluster import Cluster
from livekit_deploy.sandbox.cluster.port import (
    Identity,
    LoadBalancerRequest,
    NodeSpec,
    RedisServer,
    Target,
    TargetGroup,
)
from livekit_deploy.state.lease import lease_of
from livekit_deploy.state.limits import CALL_BOUND, Limits
from tests.aws.rig import REGION, AwsRig

TOKEN = "k8s-aws-v1.good"
_CALLER = "arn:aws:iam::123456789012:user/tests"
_SPEED = 25.0


def media_node(letter: str, number: int) -> NodeSpec:
    """A node of the media group, in a zone of its own."""
    return NodeSpec(
        f"node-{letter}",
        f"i-{letter}",
        f"us-east-1{letter}",
        f"10.20.{number}.10",
        f"203.0.113.{number}",
        labels={"livekit-deploy/group": "media"},
    )


#: what LiveKit reaches there: TLS, and a token
REDIS = RedisServer(
    "redis.example.com",
    tls=True,
    plain=False,
    tokens=("the token",),
    admits=frozenset(media_node(letter, number).internal_ip for number, letter in enumerate("abcdef")),
)


#: what LiveKit's pods read there, by the Secret that holds it
SECRETS = {
    "livekit-api-keys": {"keys": "APIkey: a secret of more than thirty-two characters"},
    "livekit-redis": {"password": REDIS.tokens[0]},
}


class Sky:
    """The cloud around the cluster (`CloudPort`): two nodes, one caller it knows, load balancers at once."""

    def __init__(self) -> None:
        self.tokens = {TOKEN: Identity("admin", ("system:masters",)), "k8s-aws-v1.reader": Identity("reader")}
        self.balancers: dict[tuple[str, str, str], LoadBalancerRequest] = {}
        self.redis = [REDIS]
        #: what AWS says of a group that it does not delete yet
        self.kept = ""
        #: why AWS refuses whatever the load balancer controller asks
        self.problem: str | None = None
        self.specs = [media_node(letter, number) for number, letter in enumerate("ab")]

    def nodes(self) -> Sequence[NodeSpec]:
        return list(self.specs)

    def redis_servers(self) -> Sequence[RedisServer]:
        return list(self.redis)

    def authenticate(self, token: str) -> Identity | None:
        return self.tokens.get(token)

    def controller_problem(self) -> str | None:
        return self.problem

    def ensure_load_balancer(self, request: LoadBalancerRequest) -> str | None:
        self.balancers[request.kind, request.namespace, request.name] = request
        return f"{request.name}.elb.example.com"

    def target_groups(self, kind: str, namespace: str, name: str) -> Sequence[TargetGroup]:
        request = self.balancers.get((kind, namespace, name))
        return [TargetGroup(f"k8s-{name}", f"arn:{name}", request.service, 80)] if request is not None else []

    def set_targets(self, target_group: str, targets: Collection[Target]) -> Mapping[Target, str]:
        return dict.fromkeys(targets, "healthy")

    def delete_load_balancer(self, kind: str, namespace: str, name: str) -> None:
        self.balancers.pop((kind, namespace, name), None)

    def delete_groups(self, kind: str, namespace: str, name: str) -> str:
        return self.kept


class Host(Resource):
    """Stands for the EKS cluster; what it is comes from the test's cloud."""

    kind = "test.cluster"

    endpoint = Output[str]()

    def read(self, cloud: KubeCloud, id: str | None) -> Live | None:
        found: Live | None = cloud.eks.host
        return found

    def create(self, cloud: KubeCloud, token: str) -> str:
        return "main"

    def delete(self, cloud: KubeCloud, live: Live) -> None:
        cloud.eks.host = None

    @classmethod
    def scan(cls, cloud: KubeCloud, host: Live | None) -> list[Found]:
        return []


class Named(Resource):
    """Something that outputs what a test gives it."""

    kind = "test.named"

    out: Input[Any] = Input()

    value = Output[Any]()

    def read(self, cloud: KubeCloud, id: str | None) -> Live | None:
        return Live(self.name, Status.READY, {"out": self.out}, {"value": self.out}) if id else None

    def create(self, cloud: KubeCloud, token: str) -> str:
        return self.name

    def update(self, cloud: KubeCloud, live: Live, changed: frozenset[str]) -> None:
        return None

    def delete(self, cloud: KubeCloud, live: Live) -> None:
        return None

    @classmethod
    def scan(cls, cloud: KubeCloud, host: Live | None) -> list[Found]:
        return []


class OneCluster:
    """EKS, which tells of one cluster and gives tokens for it, and secrets by their key and version."""

    def __init__(self, cluster: Cluster, own: Callable[[], Mapping[str, str]]) -> None:
        self._own = own
        self.host: Live | None = Live(
            "livekit-uat-main", Status.READY, outputs={"endpoint": cluster.endpoint, "ca": cluster.ca_data}
        )
        self.token, self.tokens_made = TOKEN, 0
        self.secrets: dict[tuple[str, str], str] = {}

    def describe_cluster(self, name: str) -> Any:
        if self.host is None or name != self.host.id:
            raise Absent(f"No cluster found for name: {name}.")
        told = self.host.outputs
        seen = {"name": name, "arn": f"arn:{name}", "endpoint": told["endpoint"], "tags": self._own()}
        told = {"roleArn": "", "version": "1.36", "status": "ACTIVE", "certificateAuthority": {"data": told["ca"]}}
        return {"cluster": {**seen, **told}}


@dataclass(frozen=True, eq=False)
class KubeCloud(Cloud):
    """A cloud that knows its caller and one cluster."""

    eks: Any = None

    def eks_token(self, cluster: str) -> str:
        self.eks.tokens_made += 1
        return str(self.eks.token)

    def secret(self, ref: SecretRef) -> str:
        return str(self.eks.secrets[ref.key, ref.version])


class KubeRig(AwsRig):
    """One environment whose cluster is the sandbox's; waits are short but real, since the cluster runs by itself."""

    def __init__(self, folder: Path, cluster: Cluster, env: str = "uat") -> None:
        super().__init__(folder, env)
        self.clock = Clock(_SPEED)  # type: ignore[assignment]
        limits = Limits(12.0 / CALL_BOUND)
        self.clients = Clients(REGION, call_bound=limits.call)
        marks = OwnershipTags("livekit", env, "of no document yet")
        self.cluster, self.eks = cluster, OneCluster(cluster, lambda: self.cloud.ownership.own(CLUSTER))
        self.cloud = KubeCloud(
            self.clients,
            marks,
            RunContext(limits, stopping=self.cancel.is_set),
            Account(identity=Caller("123456789012", _CALLER, str)),
            eks=self.eks,
        )
        self.host = Host("main")

    def _planner(self) -> Planner:
        self._know()
        found = lease_of(self._store)
        waits = Waits(self.clock, self.cancel, threading.Event())
        state = found[0] if found else None
        return Planner(self.cloud.remembering(), state, "digest", partial(planned_read, waits))

    @property
    def lives(self) -> Live:
        assert self.eks.host is not None
        return self.eks.host

    @property
    def api(self) -> Api:
        return api(self.cloud, self.lives)

    def objects(self, plural: str, group: str = "", namespace: str | None = None) -> dict[str, Obj]:
        """What the cluster holds, by name."""
        return {item["metadata"]["name"]: item for item in self.cluster.objects(plural, group, namespace)}

    def seen(self, item: Resource) -> Live:
        """What a resource in the cluster reads."""
        item.host = self.lives
        live = item.read(self.cloud, None)
        assert live is not None
        return live

    def patch(self, path: str, change: Obj, manager: str = "kubectl-edit") -> None:
        """Somebody else changes an object, as ``kubectl edit`` does."""
        outputs = self.lives.outputs
        request = urllib.request.Request(
            f"{outputs['endpoint']}{path}?fieldManager={manager}",
            json.dumps(change).encode(),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/merge-patch+json"},
            method="PATCH",
        )
        context = ssl.create_default_context(cadata=base64.b64decode(outputs["ca"]).decode())
        urllib.request.urlopen(request, context=context).close()

    def wait(self, met: Any, seconds: float = 60.0) -> None:
        """Until ``met()`` is true; the cluster says when something changed."""
        store, end = self.cluster.store, threading.Event()
        timer = threading.Timer(seconds, end.set)
        timer.start()
        try:
            while not met():
                assert not end.is_set(), "it never came"
                with store.changed:
                    store.changed.wait(0.05)
        finally:
            timer.cancel()


def publish(folder: Path, name: str, templates: Mapping[str, Any], version: str = "1.0.0", **more: Any) -> str:
    """Put a chart of these objects (text is taken as it is) into the chart repository in ``folder``: its URL.

    ``more`` are further files of the chart, as ``values`` for ``values.yaml``.
    """
    files: dict[str, Any] = {"Chart.yaml": {"apiVersion": "v2", "name": name, "version": version}}
    files |= {f"templates/{file}.yaml": item for file, item in templates.items()}
    files |= {f"{file}.yaml": item for file, item in more.items()}
    texts = {file: item if isinstance(item, str) else yaml.safe_dump(item) for file, item in files.items()}
    return _offer(folder, name, version, texts)


def publish_folder(folder: Path, chart: Path) -> str:
    """Put a chart that lies in a folder into the chart repository in ``folder``: its URL."""
    texts = {str(path.relative_to(chart)): path.read_text() for path in sorted(chart.rglob("*")) if path.is_file()}
    return _offer(folder, chart.name, str(yaml.safe_load(texts["Chart.yaml"])["version"]), texts)


def _offer(folder: Path, name: str, version: str, texts: Mapping[str, str]) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for file, text in texts.items():
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    folder.mkdir(parents=True, exist_ok=True)
    archived, index_file = folder / f"{name}-{version}.tgz", folder / "index.yaml"
    archived.write_bytes(packed.getvalue())
    entries: dict[str, list[Obj]] = yaml.safe_load(index_file.read_text())["entries"] if index_file.exists() else {}
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    offered = {"name": name, "version": version, "digest": digest, "urls": [archived.name]}
    entries[name] = [offered, *(one for one in entries.get(name, []) if one["version"] != version)]
    index_file.write_text(yaml.safe_dump({"apiVersion": "v1", "entries": entries}), encoding="utf-8")
    return folder.as_uri()


def aged(rig: KubeRig, namespace: str, name: str, seconds: float) -> None:
    """Date helm's newest record of a release so many seconds back, as the cluster dates it."""
    own = f"sh.helm.release.v1.{name}."
    records = [item for key, item in rig.objects("secrets", namespace=namespace).items() if key.startswith(own)]
    newest = max(records, key=lambda item: int(item["metadata"]["labels"]["version"]))
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    newest["metadata"]["creationTimestamp"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def chart(folder: Path, name: str, templates: Mapping[str, Any], version: str = "1.0.0") -> Path:
    """A chart whose templates are these objects; text is taken as it is."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    meta = {"apiVersion": "v2", "name": name, "version": version, "type": "application"}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(meta), encoding="utf-8")
    for file, item in templates.items():
        text = item if isinstance(item, str) else yaml.safe_dump(item)
        (folder / "templates" / file).write_text(text, encoding="utf-8")
    return folder


def livekit(rig: KubeRig, replicas: int, labels: Mapping[str, str], pod: Mapping[str, Any]) -> None:
    """A Deployment ``livekit`` in the namespace of that name."""
    path, template = (
        "/apis/apps/v1/namespaces/livekit/deployments/livekit",
        {"metadata": {"labels": labels}, "spec": pod},
    )
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    rig.api.apply(path, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "livekit"}, "spec": spec})
