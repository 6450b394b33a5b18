"""Custom resource definitions of a chart: what helm makes once is kept as the chart has it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.engine.resource import Resource, Status
from livekit_deploy.k8s.access.client import Obj
from livekit_deploy.k8s.helm.charts import definitions
from livekit_deploy.k8s.helm.record import read_release
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.sandbox.cluster.controllers import definitions as controller
from tests.k8s.rig import KubeRig, publish

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
THINGS = "/apis/example.com/v1/namespaces/media/things"
THING = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "one"}, "spec": {"size": "small"}}


def definition(plural: str, *fields: str) -> Obj:
    spec = {"properties": {field: {"type": "string"} for field in fields}, "type": "object"}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": plural, "kind": plural[:-1].title()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def release(rig: KubeRig, repo: str, version: str = "1.0.0", **values: Any) -> list[Resource]:
    space = Namespace("media", lives_in=rig.host)
    made = HelmRelease(
        "web", namespace="media", chart="web", repo=repo, version=version, values=values, lives_in=rig.host,
        after=[space],
    )  # fmt: skip
    return [rig.host, space, made]


def published(charts: Path, *fields: str, version: str = "1.0.0", more: Mapping[str, Any] | None = None) -> str:
    """A chart with a definition and an object of it."""
    defined = {"crds/things": definition("things", *fields), **(more or {})}
    return publish(charts, "web", {"thing": THING}, version, **defined)


def fields(rig: KubeRig, plural: str = "things") -> set[str]:
    found = rig.objects("customresourcedefinitions", "apiextensions.k8s.io").get(f"{plural}.example.com")
    if found is None:
        return set()
    (version,) = found["spec"]["versions"]
    return set(version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"])


def revisions(rig: KubeRig) -> int:
    found = read_release(rig.api, "media", "web")
    return found.revision if found else 0


def gone(rig: KubeRig, plural: str) -> None:
    """Somebody deletes a definition, and with it all that it defines."""
    rig.api.delete(f"{CRDS}/{plural}.example.com")
    rig.wait(lambda: not fields(rig, plural))


def test_a_definition_that_somebody_deleted_is_brought_back_with_what_it_defines(
    rig: KubeRig, charts: Path, each_helm: Path
) -> None:
    repo = published(charts, "size", more={"crds/more/others": definition("others", "size")})
    rig.up(release(rig, repo))
    assert rig.diffs(release(rig, repo)) == {}
    for plural in ("things", "others"):
        gone(rig, plural)
    assert rig.diffs(release(rig, repo))["missing"] == (
        ["CustomResourceDefinition/others.example.com", "CustomResourceDefinition/things.example.com", "Thing/one"],
        [],
    )
    rig.up(release(rig, repo))
    assert (fields(rig), fields(rig, "others")) == ({"size"}, {"size"})
    assert (rig.api.get(f"{THINGS}/one") or {})["spec"] == {"size": "small"}
    assert revisions(rig) == 2, "helm brings back the objects, and nothing else needs it"
    assert rig.diffs(release(rig, repo)) == {}


def test_a_definition_that_somebody_changed_is_put_right_without_helm(rig: KubeRig, charts: Path) -> None:
    repo = published(charts, "size", "colour")
    rig.up(release(rig, repo))
    rig.patch(f"{CRDS}/things.example.com", {"spec": definition("things", "size")["spec"]})
    (drifted, _) = rig.diffs(release(rig, repo))["drifted"]
    assert [one for one in drifted if one.startswith("CustomResourceDefinition/things.example.com spec.versions")]
    rig.up(release(rig, repo))
    assert (fields(rig), revisions(rig)) == ({"size", "colour"}, 1)
    assert rig.diffs(release(rig, repo)) == {}


def test_what_an_earlier_release_left_is_brought_up_to_date(rig: KubeRig, charts: Path) -> None:
    """helm keeps definitions when it uninstalls, and leaves them as they are when it installs again."""
    rig.up(release(rig, published(charts, "size")))
    rig.up(release(rig, "")[:2])
    assert fields(rig) == {"size"}
    repo = published(charts, "size", "colour", version="1.1.0")
    rig.up(release(rig, repo, "1.1.0"))
    assert (fields(rig), revisions(rig)) == ({"size", "colour"}, 1)


def test_another_version_brings_its_own(rig: KubeRig, charts: Path) -> None:
    repo = published(charts, "size")
    published(charts, "size", "colour", version="1.1.0", more={"crds/others": definition("others", "size")})
    rig.up(release(rig, repo))
    assert fields(rig) == {"size"}
    rig.up(release(rig, repo, "1.1.0"))
    assert (fields(rig), fields(rig, "others")) == ({"size", "colour"}, {"size"})
    assert rig.diffs(release(rig, repo, "1.1.0")) == {}


def test_a_kind_that_is_served_late_is_waited_for(
    unhurried: KubeRig, charts: Path, each_helm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = unhurried
    monkeypatch.setattr(controller, "SERVED", 120.0)  # two seconds here
    repo = published(charts, "size")
    rig.up(release(rig, repo))
    assert (revisions(rig), fields(rig)) == (1, {"size"})
    assert rig.api.get(f"{THINGS}/one")
    gone(rig, "things")
    rig.up(release(rig, repo))
    assert (revisions(rig), bool(rig.api.get(f"{THINGS}/one"))) == (2, True)
    assert rig.diffs(release(rig, repo)) == {}


def test_a_definition_on_its_way_out_is_waited_for(rig: KubeRig, charts: Path) -> None:
    repo = published(charts, "size")
    rig.up(release(rig, repo))
    rig.patch(f"{THINGS}/one", {"metadata": {"finalizers": ["example.com/held"]}})
    rig.api.delete(f"{CRDS}/things.example.com")
    seen = rig.seen(release(rig, repo)[2])
    assert (seen.status, seen.detail) == (
        Status.PENDING,
        "waiting for CustomResourceDefinition/things.example.com to go",
    )
    rig.api.let_go(f"{THINGS}/one")
    rig.wait(lambda: not fields(rig))
    rig.up(release(rig, repo))
    assert rig.api.get(f"{THINGS}/one")


def test_every_file_that_helm_takes_for_a_definition_is_one(tmp_path: Path) -> None:
    for name in ("crds/a.yaml", "crds/b.yml", "crds/deep/c.json", "crds/notes.txt", "other/d.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"kind": "CustomResourceDefinition", "metadata": {{"name": "{path.stem}"}}}}')
    assert [one["metadata"]["name"] for one in definitions(tmp_path)] == ["a", "b", "c"]


def test_a_release_goes_whose_definition_somebody_deleted(rig: KubeRig, charts: Path, each_helm: Path) -> None:
    """Whatever helm makes of a kind that nobody serves any more."""
    repo = published(charts, "size")
    rig.up(release(rig, repo))
    gone(rig, "things")
    rig.up(release(rig, repo)[:2])
    assert read_release(rig.api, "media", "web") is None
