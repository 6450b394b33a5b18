"""The load balancer controller's release: what it is given, when it is ready, and that its chart is the pinned one."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from livekit_deploy.aws.kinds.eks.node_groups import GROUP_LABEL
from livekit_deploy.config import LoadBalancerController, load_environment
from livekit_deploy.engine.graph import closure, edges_up
from livekit_deploy.engine.resource import Resource, Status
from livekit_deploy.errors import Failed, ResourceError, ToolError
from livekit_deploy.k8s.helm import charts as charts_of
from livekit_deploy.k8s.helm.charts import available, fetched, pinned
from livekit_deploy.k8s.helm.process import WEBHOOK
from livekit_deploy.k8s.helm.record import read_release
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.k8s.workload import has_endpoints
from livekit_deploy.sandbox import charts as stand_in
from livekit_deploy.sandbox.cluster.objects.selectors import selected
from livekit_deploy.stack import stack
from tests.k8s.rig import KubeRig, Sky, publish, publish_folder
from tests.places import ENVIRONMENTS

NAME = "aws-load-balancer-controller"
UAT = ENVIRONMENTS / "uat.yaml"
CHART = Path(str(stand_in.__file__)).parent / NAME
VERSION = str(yaml.safe_load((CHART / "Chart.yaml").read_text())["version"])
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "web"},
    "spec": {"ingressClassName": "alb", "defaultBackend": BACKEND},
}
TLS = "/api/v1/namespaces/kube-system/secrets/aws-load-balancer-tls"


def wanted() -> dict[str, Any]:
    """The release as an environment declares it; outputs that are not known yet by their addresses."""
    resources = stack(load_environment(UAT, environ={}))
    found = next(item for item in resources if item.address == f"helm.release/{NAME}")
    return found.desired(lambda ref: f"{ref.address}.{ref.output}")


def _folder(repo: str) -> Path:
    """The folder that a repository of the tests is."""
    return Path(repo.removeprefix("file://"))


def controller(rig: KubeRig, repo: str, digest: str | None = None, **values: Any) -> list[Resource]:
    declared = wanted()
    release = HelmRelease(
        NAME,
        namespace=declared["namespace"],
        chart=NAME,
        repo=repo,
        version=VERSION,
        digest=digest or hashlib.sha256((_folder(repo) / f"{NAME}-{VERSION}.tgz").read_bytes()).hexdigest(),
        values={**declared["values"], **values},
        endpoints=declared["endpoints"],
        lives_in=rig.host,
    )
    return [rig.host, release]


def test_it_is_told_where_it_is_and_who_it_may_be() -> None:
    """With region and VPC given it asks no instance metadata, whose hops end at the node."""
    values = wanted()["values"]
    assert values["region"] == "us-east-1"
    assert values["vpcId"].startswith("ec2.vpc/main")
    assert values["clusterName"].startswith("eks.cluster/main")
    account = values["serviceAccount"]
    assert account["name"] == NAME
    assert account["annotations"]["eks.amazonaws.com/role-arn"].startswith("iam.role/")


def test_its_certificate_is_kept_across_upgrades(rig: KubeRig, charts: Path) -> None:
    repo = publish_folder(charts, CHART)
    rig.up(controller(rig, repo))
    made = base64.b64encode(b"the certificate that the webhooks trust").decode()
    rig.patch(TLS, {"data": {"tls.crt": made}})
    assert rig.diffs(controller(rig, repo)) == {}
    rig.up(controller(rig, repo, replicaCount=1))
    assert (rig.api.get(TLS) or {})["data"]["tls.crt"] == made
    assert rig.diffs(controller(rig, repo, replicaCount=1)) == {}


def test_it_is_ready_when_its_webhook_answers_and_what_follows_waits(rig: KubeRig, charts: Path) -> None:
    repo = publish_folder(charts, CHART)
    publish(charts, "web", {"service": SERVICE, "ingress": INGRESS})
    publish(charts, "add-on", {"service": SERVICE})
    mute = controller(rig, repo, replicaCount=0)[1]
    assert isinstance(mute, HelmRelease)
    mute.host = rig.lives
    rig.up([rig.host, Namespace("media", lives_in=rig.host)])
    mute.create(rig.cloud, "")
    rig.wait(lambda: rig.seen(mute).detail == "aws-load-balancer-webhook-service has no endpoints yet")
    assert rig.seen(mute).status is Status.PENDING

    # add-ons are made meanwhile, and it may even need them to become ready
    other = HelmRelease("dns", namespace="media", chart="add-on", repo=repo, version="1.0.0", values={})
    other.host = rig.lives
    other.create(rig.cloud, "")
    assert rig.objects("services", namespace="media").keys() == {"web"}
    other.delete(rig.cloud, rig.seen(other))

    follower = HelmRelease(
        "web", namespace="media", chart="web", repo=repo, version="1.0.0", values={}, lives_in=rig.host
    )
    follower.host = rig.lives
    with pytest.raises(ResourceError, match="no endpoints available") as caught:
        follower.create(rig.cloud, "")
    assert caught.value.code == WEBHOOK
    assert WEBHOOK in HelmRelease.propagation  # the engine tries again for a while

    host, answering = controller(rig, repo)
    follower.after = (answering,)
    rig.up([host, answering, Namespace("media", lives_in=host), follower])
    assert rig.seen(controller(rig, repo)[1]).status is Status.READY
    assert rig.objects("services", namespace="media").keys() == {"web"}


def test_it_waits_for_nodes_to_be_ready_and_for_nothing_that_they_carry_to_be_installed() -> None:
    """What the control plane's API needs is enough for helm; pods are placed by Kubernetes when there are nodes."""
    resources = stack(load_environment(UAT, environ={}))
    release = next(item for item in resources if item.address == f"helm.release/{NAME}")
    before = closure([release.address], edges_up(resources))
    assert {"eks.cluster", "eks.access_entry", "iam.role"} <= {address.partition("/")[0] for address in before}
    assert not {"eks.node_group", "eks.addon"} & {address.partition("/")[0] for address in before}
    groups = {item.address for item in resources if item.kind == "eks.node_group"}
    assert {other.address for other in release.runtime_depends_on} == groups


def _where(rig: KubeRig) -> dict[str, str]:
    """The node of each of its pods."""
    pods = rig.objects("pods", namespace="kube-system").items()
    return {name: pod["spec"].get("nodeName", "") for name, pod in pods if not pod["metadata"].get("deletionTimestamp")}


def test_its_pods_stand_apart_and_where_no_calls_are_first(rig: KubeRig, sky: Sky, charts: Path) -> None:
    """A group that is replaced must not take the webhook along, without which no Ingress can be changed."""
    sky.specs = [*sky.specs, replace(sky.specs[0], name="node-s", instance_id="i-s", labels={GROUP_LABEL: "system"})]
    rig.wait(lambda: len(rig.objects("nodes")) == 3)
    repo = publish_folder(charts, CHART)
    rig.up(controller(rig, repo))
    assert len(set(_where(rig).values())) == 2
    assert "node-s" in _where(rig).values()
    (budget,) = rig.objects("poddisruptionbudgets", "policy", "kube-system").values()
    assert budget["spec"]["maxUnavailable"] == 1
    pods = [item for item in rig.objects("pods", namespace="kube-system").values()]
    assert all(selected(budget["spec"]["selector"], pod["metadata"]["labels"]) for pod in pods)


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_change_of_it_fits_on_the_nodes_that_there_are(nodes: int, rig: KubeRig, sky: Sky, charts: Path) -> None:
    sky.specs = sky.specs[:nodes]
    rig.wait(lambda: len(rig.objects("nodes")) == nodes)
    repo = publish_folder(charts, CHART)
    rig.up(controller(rig, repo))
    first = _where(rig)
    rig.up(controller(rig, repo, region="eu-west-1"))
    assert first.keys() != _where(rig).keys()
    assert len(set(_where(rig).values())) == nodes


def test_while_all_other_nodes_are_closed_its_pods_share_one(rig: KubeRig, charts: Path) -> None:
    rig.wait(lambda: len(rig.objects("nodes")) == 2)
    closed = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-a"}, "spec": {"unschedulable": True}}
    rig.api.apply("/api/v1/nodes/node-a", closed)
    rig.up(controller(rig, publish_folder(charts, CHART)))
    assert list(_where(rig).values()) == ["node-b"] * 2


def _slice(name: str, service: str, endpoints: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"kubernetes.io/service-name": service}}
    body = {"addressType": "IPv4", "endpoints": endpoints, "ports": None}
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, **body}


def test_a_service_answers_when_any_of_its_slices_has_a_ready_endpoint(rig: KubeRig) -> None:
    path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    assert not has_endpoints(rig.api, "default", "web")
    unready = [{"addresses": ["10.0.0.1"], "conditions": {"ready": False, "serving": True, "terminating": True}}]
    for name, service, endpoints in (("a", "web", []), ("b", "web", unready), ("c", "other", [{"addresses": ["::1"]}])):
        rig.api.apply(f"{path}/{name}", _slice(name, service, endpoints))
        assert not has_endpoints(rig.api, "default", "web")
    for conditions in ({}, None, {"ready": None}, {"ready": True}):  # what nobody tells counts as ready
        point = {"addresses": ["10.0.0.2"], "conditions": conditions}
        rig.api.apply(f"{path}/d", _slice("d", "web", [point]))
        assert has_endpoints(rig.api, "default", "web")


# ---- its chart


def test_another_chart_than_the_pinned_one_is_refused_before_anything_is_applied(rig: KubeRig, charts: Path) -> None:
    repo = publish_folder(charts, CHART)
    pinned = controller(rig, repo, digest="0" * 64)
    for refused in (pinned[1].check, lambda: rig.up(pinned)):
        with pytest.raises(Failed, match=f"has the digest [0-9a-f]{{64}}, not {'0' * 64}") as caught:
            refused()
        assert "pin its new digest" in caught.value.hint
    assert read_release(rig.api, "kube-system", NAME) is None
    assert not list(charts.parent.rglob("cache/**/*.tgz"))

    rig.up(controller(rig, repo))
    assert rig.diffs(controller(rig, repo)) == {}


def test_a_chart_that_changed_in_its_repository_is_refused(charts: Path) -> None:
    repo = publish(charts, "web", {})
    (charts / "web-1.0.0.tgz").write_bytes(b"changed")
    with pytest.raises(Failed, match=r"the chart web 1\.0\.0 .* has the digest"):
        fetched(repo, "web", "1.0.0", None)


def test_a_chart_is_fetched_once(charts: Path) -> None:
    repo = publish(charts, "web", {})
    digest = hashlib.sha256((charts / "web-1.0.0.tgz").read_bytes()).hexdigest()
    path = fetched(repo, "web", "v1.0.0", digest)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    for file in charts.iterdir():
        file.unlink()
    assert fetched(repo, "web", "1.0.0", digest) == path
    path.write_bytes(b"changed in the cache")
    with pytest.raises(ToolError, match="cannot be fetched"):
        fetched(repo, "web", "1.0.0", digest)
    with pytest.raises(ToolError):
        available(repo, "web", "1.0.0", digest)


def test_the_controller_of_the_presets_is_pinned(charts: Path) -> None:
    """Whatever its repository's index says."""
    config = LoadBalancerController()
    assert pinned(NAME, config.chart_version, config.digest) is not None
    repo = publish(charts, NAME, {}, config.chart_version)
    with pytest.raises(Failed, match="has the digest"):
        fetched(repo, NAME, f"v{config.chart_version}", None)
    assert "not pinned" in available(publish(charts, NAME, {}, "9.9.9"), NAME, "9.9.9", None)


def test_a_version_that_is_not_there_is_refused_with_those_that_are(charts: Path) -> None:
    repo = publish(charts, "web", {}, "1.0.0")
    publish(charts, "web", {}, "1.1.0")
    with pytest.raises(Failed, match=r"has no chart web 2\.0\.0") as caught:
        fetched(repo, "web", "2.0.0", None)
    assert caught.value.hint == "choose one of: 1.1.0, 1.0.0"
    with pytest.raises(Failed, match="has no chart other") as caught:
        fetched(repo, "other", "1.0.0", None)
    assert caught.value.hint == "check repo"


@pytest.mark.parametrize("index", [None, "<html>log in</html>", "- a list", "entries: {web: [{version: 1.0.0}]}"])
def test_a_repository_that_cannot_be_read_is_named(charts: Path, index: str | None) -> None:
    charts.mkdir()
    if index is not None:
        (charts / "index.yaml").write_text(index)
    with pytest.raises((ToolError, Failed)) as caught:
        fetched(charts.as_uri(), "web", "1.0.0", None)
    assert charts.as_uri() in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "FILE:///etc/passwd", "ftp://127.0.0.1/web-1.0.0.tgz", "data:,x"]
)
def test_an_index_that_names_a_file_of_this_machine_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = "https://charts.example.com/stable"
    asked = list[tuple[str, int]]()

    def download(url: str, *, seconds: float, most: int) -> bytes:
        asked.append((url, most))
        return index.encode()

    index = yaml.safe_dump({"entries": {"web": [{"version": "1.0.0", "urls": [url], "digest": "0" * 64}]}})
    monkeypatch.setattr(charts_of, "download", download)
    for look in (fetched, available):
        with pytest.raises(Failed, match=r"names .*, which is not an address of the web") as caught:
            look(repo, "web", "1.0.0", None)
        assert caught.value.hint
    assert asked == [(f"{repo}/index.yaml", 16 << 20)] * 2


def test_an_index_may_name_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    index = yaml.safe_dump({"entries": {"web": [{"version": "1.0.0", "urls": ["https://cdn.example.com/web.tgz"]}]}})
    monkeypatch.setattr(charts_of, "download", lambda url, **_: index.encode())
    assert available("https://charts.example.com", "web", "1.0.0", None).startswith("offered")
