"""Namespaces and Secrets through the real engine: made with their tags, kept as they should be, and gone."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource, Status
from livekit_deploy.errors import Denied, NotOurs, ResourceError
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.objects import Namespace, Secret
from livekit_deploy.sandbox.cluster.cluster import Cluster
from tests.k8s.drifts import TRIED_IN_CLUSTER
from tests.k8s.rig import KubeRig

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:livekit/uat/api-keys"
NAMESPACE = "/api/v1/namespaces/media"
SECRET = f"{NAMESPACE}/secrets/keys"
CANARY = "API-canary: the-secret-itself"


def objects(rig: KubeRig, version: str = "v1", **keys: str) -> list[Resource]:
    """A namespace, and a Secret in it whose ``keys`` are read from Secrets Manager."""
    keys = keys or {"keys": CANARY}
    rig.eks.secrets |= {(key, version): value for key, value in keys.items()}
    namespace = Namespace("media", lives_in=rig.host)
    values = {key: SecretRef(ARN, key, version) for key in keys}
    secret = Secret("keys", namespace="media", values=values, lives_in=rig.host, after=[namespace])
    return [rig.host, namespace, secret]


def held(rig: KubeRig) -> dict[str, str]:
    """What the Secret holds, in clear."""
    found = rig.api.get(SECRET) or {}
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_objects_are_made_with_their_marks_and_the_second_run_is_silent(rig: KubeRig) -> None:
    rig.up(objects(rig))
    for path, address in ((NAMESPACE, "k8s.namespace/media"), (SECRET, "k8s.secret/keys")):
        metadata = (rig.api.get(path) or {})["metadata"]
        assert metadata["labels"]["livekit-deploy/lineage"] == rig.cloud.ownership.lineage
        assert metadata["annotations"]["livekit-deploy/address"] == address
    assert held(rig) == {"keys": CANARY}
    assert rig.diffs(objects(rig)) == {}
    assert CANARY not in json.dumps([record.inputs for record in rig.records.values()])
    assert "the-secret-itself" not in repr(objects(rig))


def test_a_new_version_of_a_secret_is_brought_in(rig: KubeRig) -> None:
    rig.up(objects(rig))
    later = objects(rig, "v2", keys="API: another", webhook="API")
    assert {change.address for change in rig.plan(later).changes} == {"k8s.secret/keys"}
    assert "another" not in str(rig.plan(later))
    rig.up(later)
    assert held(rig) == {"keys": "API: another", "webhook": "API"}
    rig.up(objects(rig, "v3"))
    assert held(rig) == {"keys": CANARY}


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"keys": encoded("API: mine now")}},
        {"data": {"keys": None}},
        {"metadata": {"annotations": {"livekit-deploy/secret-versions": None}}},
    ],
    ids=["value", "key", "versions"],
)
def test_what_somebody_changed_in_a_secret_is_put_right(rig: KubeRig, change: Obj) -> None:
    rig.up(objects(rig))
    rig.patch(SECRET, change)
    assert [(one.address, one.action) for one in rig.plan(objects(rig)).changes] == [("k8s.secret/keys", Action.UPDATE)]
    rig.up(objects(rig))
    assert held(rig) == {"keys": CANARY}
    assert rig.diffs(objects(rig)) == {}


@pytest.mark.parametrize("said", [None, "disabled"])
def test_a_declared_label_is_compared_and_put_back_and_others_are_left(rig: KubeRig, said: str | None) -> None:
    declared = [rig.host, Namespace("media", labels={"gate": "enabled"}, lives_in=rig.host)]
    rig.up(declared)
    assert rig.diffs(declared) == {}
    rig.patch(NAMESPACE, {"metadata": {"labels": {"gate": said, "team": "media"}}})
    (change,) = rig.plan(declared).changes
    assert [(diff.path, diff.before, diff.after, diff.origin) for diff in change.diffs] == [
        ("labels.gate", said, "enabled", "drift")
    ]
    rig.up(declared)
    labels = (rig.api.get(NAMESPACE) or {})["metadata"]["labels"]
    assert (labels["gate"], labels["team"]) == ("enabled", "media")
    assert rig.diffs(declared) == {}
    assert "k8s.namespace.labels" in TRIED_IN_CLUSTER


def test_what_somebody_adds_is_not_ours_to_judge(rig: KubeRig) -> None:
    rig.up(objects(rig))
    rig.patch(SECRET, {"metadata": {"labels": {"team": "media"}}, "data": {"more": encoded("theirs")}})
    rig.patch(NAMESPACE, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}})
    assert rig.diffs(objects(rig)) == {}


@pytest.mark.parametrize("path", [NAMESPACE, SECRET])
def test_an_object_of_somebody_else_is_refused_and_only_taken_over_when_asked(rig: KubeRig, path: str) -> None:
    rig.api.apply(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "media"}})
    address = "k8s.namespace/media"
    if path == SECRET:
        address = "k8s.secret/keys"
        rig.api.apply(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}})
        rig.marked(adopt=frozenset({"k8s.namespace/media"}))
    rig.patch(path, {"metadata": {"labels": {"team": "a"}}})
    before = rig.api.get(path)
    with pytest.raises(NotOurs, match=f"{address}: {path} exists already") as caught:
        rig.up(objects(rig))
    assert f"--adopt {address}" in caught.value.hint
    assert rig.api.get(path) == before

    rig.cloud = replace(
        rig.cloud, ownership=replace(rig.cloud.ownership, adopt=frozenset({"k8s.namespace/media", "k8s.secret/keys"}))
    )
    rig.up(objects(rig))
    rig.marked(adopt=frozenset())
    assert rig.diffs(objects(rig)) == {}
    assert held(rig) == {"keys": CANARY}
    labels = (rig.api.get(path) or {})["metadata"]["labels"]
    assert labels["team"] == "a"


def test_down_waits_until_what_is_held_in_the_namespace_is_gone(rig: KubeRig) -> None:
    rig.up(objects(rig))
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "finalizers": ["example.com/held"]}}
    rig.api.apply(f"{NAMESPACE}/configmaps/one", item)
    rig.api.delete(NAMESPACE)
    assert rig.seen(objects(rig)[1]).status is Status.DELETING
    rig.patch(f"{NAMESPACE}/configmaps/one", {"metadata": {"finalizers": None}})
    rig.wait(lambda: rig.api.get(NAMESPACE) is None)
    rig.down()
    assert rig.records == {}


def test_a_namespace_that_is_on_its_way_out_is_made_again(rig: KubeRig) -> None:
    rig.up(objects(rig))
    before = (rig.api.get(NAMESPACE) or {})["metadata"]["uid"]
    rig.api.delete(NAMESPACE)
    rig.up(objects(rig))
    assert (rig.api.get(NAMESPACE) or {})["metadata"]["uid"] != before
    assert held(rig) == {"keys": CANARY}


def test_objects_go_with_their_cluster(rig: KubeRig, cluster: Cluster) -> None:
    rig.up(objects(rig))
    rig.eks.host = None
    rig.down()
    assert rig.records == {}
    assert cluster.objects("namespaces")  # nobody asked the API


def test_an_api_that_is_away_or_refuses_is_no_absence(rig: KubeRig, cluster: Cluster) -> None:
    rig.up(objects(rig))
    rig.eks.token = "k8s-aws-v1.reader"
    rig.cloud.kept.clear()
    with pytest.raises(Denied, match="cluster forbids"):
        rig.plan(objects(rig))
    assert rig.eks.host is not None
    rig.eks.host = replace(rig.eks.host, outputs={**rig.eks.host.outputs, "endpoint": "https://127.0.0.1:1"})
    with pytest.raises(ResourceError, match="cannot be reached"):
        rig.plan(objects(rig))
