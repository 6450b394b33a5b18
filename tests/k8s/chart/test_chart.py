"""Our LiveKit chart: what it promises, what it refuses, and that every supported helm makes the same of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from livekit_deploy.config.charts import LIVEKIT_SERVER
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import ToolError
from livekit_deploy.k8s.helm import charts, install
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace, Secret
from tests.k8s.chart.charts import CHART, OPTIONS, REACHED, Rendered, Values, helm, over, values
from tests.k8s.rig import REDIS, KubeRig


@pytest.mark.parametrize("env", ["dev", "uat", "prod"])
def test_every_environment_is_clean_with_every_helm(each_helm: Path, env: str) -> None:
    given = values(env)
    linted = helm(each_helm, "lint", "--strict", values=given)
    assert linted.returncode == 0, linted.stdout
    assert "WARN" not in linted.stdout
    assert Rendered(each_helm, given).config["port"] == 7880


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_clean_and_both_helms_agree(option: str, request: pytest.FixtureRequest) -> None:
    given = over(values(), OPTIONS[option])
    three, four = (Rendered(installed(pin), given) for pin in (install.HELM_3, install.DEFAULT))
    assert three.all == four.all


def installed(pin: install.Pin) -> Path:
    return install.installed(pin)


# ---- secrets


def test_keys_and_passwords_come_from_secrets_only(uat: Rendered) -> None:
    assert uat.variables == {
        "LIVEKIT_CONFIG": {"configMapKeyRef": {"name": "livekit", "key": "config.yaml"}},
        "LIVEKIT_KEYS": {"secretKeyRef": {"name": "livekit-api-keys", "key": "keys"}},
        "REDIS_PASSWORD": {"secretKeyRef": {"name": "livekit-redis", "key": "password"}},
    }
    assert "keys" not in uat.config
    assert set(uat.config["redis"]) == {"address", "tls"}
    assert not [name for name in uat.all if name.startswith("Secret/")]
    assert uat.container.get("volumeMounts") is None  # so no file whose mode others could read


@pytest.mark.parametrize(
    "typed",
    [
        {"config": {"keys": {"API": "secret"}}},
        {"config": {"key_file": "/keys"}},
        {"config": {"redis": {"password": "secret"}}},
        {"config": {"prometheus": {"port": 0}}},
        {"config": {"prometheus_port": 6789}},
    ],
    ids=["keys", "a key file", "a password", "no metrics", "metrics by their old name"],
)
def test_what_must_not_be_in_the_configuration_is_refused(typed: Values) -> None:
    done = helm(install.helm(), "template", "livekit", values=over(values(), typed))
    assert done.returncode
    assert "values don't meet the specifications of the schema" in done.stderr


def test_without_a_password_none_is_asked_for() -> None:
    given = values("uat", redis__auth="false", redis__tls="false")
    plain = Rendered(install.helm(), given)
    assert "REDIS_PASSWORD" not in plain.variables
    assert set(plain.config["redis"]) == {"address"}


def test_pods_roll_when_a_secret_or_the_configuration_changes_and_only_then(uat: Rendered) -> None:
    def pod(more: Values) -> Values:
        return dict(Rendered(install.helm(), over(values(), more)).pod)

    for changed in (
        {"secretVersions": {"api-keys": "another"}},
        {"secretVersions": {"redis": "another"}},
        {"config": {"room": {"empty_timeout": 10}}},
    ):
        assert pod(changed)["metadata"]["annotations"] != uat.pod["metadata"]["annotations"]
    assert pod({"replicas": 1, "podDisruptionBudget": {"maxUnavailable": 2}}) == uat.pod


# ---- what it refuses


def test_an_unknown_value_is_refused_by_every_helm(each_helm: Path) -> None:
    done = helm(each_helm, "template", "livekit", values={**values(), "replicaCount": 2})
    assert done.returncode
    assert "replicaCount" in done.stderr


def _sections(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "properties" in schema:
        yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _sections(inner, f"{path}.{name}".strip("."))


def test_the_schema_is_strict_everywhere_but_in_the_server_s_own_configuration() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    sections = dict(_sections(schema)) | dict(_sections(schema["definitions"], "definitions"))
    open_ = {path for path, section in sections.items() if section.get("additionalProperties") is not False}
    assert open_ == {"config", "config.redis", "config.prometheus"}
    documented = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) == {*documented, "global"}
    for path, section in sections.items():
        if path and "." not in path and path not in ("config", "secrets"):
            assert set(section["properties"]) == set(documented[path]), path


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"ingress": {"host": ""}}, "host"),
        ({"ingress": {"certificateArn": ""}}, "LiveKit is reached over TLS"),
        ({"turn": {"certificateArn": ""}}, "TURN ends TLS at the load balancer"),
    ],
)
def test_what_is_missing_is_named(missing: Values, said: str) -> None:
    done = helm(install.helm(), "template", "livekit", values=over(values(), missing))
    assert done.returncode
    assert said in done.stderr


def test_long_names_are_cut_to_what_the_cluster_takes() -> None:
    name = "a" * 53
    made = helm(install.helm(), "template", name, values=values()).stdout
    names = [item["metadata"]["name"] for item in yaml.safe_load_all(made) if item]
    assert max(map(len, names)) <= 63


# ---- installed


def test_it_comes_changes_and_goes_with_every_helm(rig: KubeRig, each_helm: Path) -> None:
    rig.eks.secrets = {("keys", "v1"): "API: secret", ("", "v1"): REDIS.tokens[0]}

    def resources(**more: Any) -> list[Resource]:
        namespace = Namespace("livekit", lives_in=rig.host)
        held = {"livekit-api-keys": {"keys": SecretRef("k", "keys", "v1")}}
        held["livekit-redis"] = {"password": SecretRef("p", "", "v1")}
        secrets = [
            Secret(name, namespace="livekit", values=refs, lives_in=rig.host, after=[namespace])
            for name, refs in held.items()
        ]
        release = HelmRelease(
            "livekit",
            namespace="livekit",
            chart="livekit-server",
            version=LIVEKIT_SERVER.shipped().version,
            values=over(over(values(), REACHED), more),
            lives_in=rig.host,
            after=secrets,
        )
        return [rig.host, namespace, *secrets, release]

    rig.up(resources())
    assert rig.diffs(resources()) == {}
    pods = rig.objects("pods", namespace="livekit").values()
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == ["node-a", "node-b"]
    louder = resources(config={"logging": {"level": "debug"}})
    rig.up(louder)
    assert "level: debug" in rig.objects("configmaps", namespace="livekit")["livekit"]["data"]["config.yaml"]
    assert rig.diffs(louder) == {}
    rig.down()
    assert rig.objects("ingresses", "networking.k8s.io") == {}


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a-file"))
    monkeypatch.setattr(charts, "_offered", lambda *about: ("url", ""))
    monkeypatch.setattr(charts, "_get", lambda url: b"packed")
    digest = hashlib.sha256(b"packed").hexdigest()
    with pytest.raises(ToolError, match="the chart cannot be kept in") as caught:
        charts.fetched("https://charts.example", "a-chart", "1.0.0", digest)
    assert "XDG_CACHE_HOME" in caught.value.hint
