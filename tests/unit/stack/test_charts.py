"""What is installed, checked and rehearsed follows from one declaration of each chart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from livekit_deploy.base import shipped_files
from livekit_deploy.checks.prerequisites import tools
from livekit_deploy.cli import rehearsal
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.config.charts import CHARTS, CONTROLLER, LIVEKIT_SERVER, Chart, ChartSpec
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.helm.charts import pinned
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.sandbox.charts.repository import Repository
from livekit_deploy.stack import stack
from tests.places import ENVIRONMENTS

UAT = ENVIRONMENTS / "uat.yaml"
URL = "http://127.0.0.1:1/sandbox/charts"
OFFICIAL = {"livekit.chart": "{repo: 'https://charts.example.com', version: 1.2.3}", "redis.auth": "false"}


def environment(**overrides: str) -> Environment:
    return load_environment(UAT, overrides=overrides, environ={})


def releases(env: Environment) -> dict[str, Resource]:
    return {item.instance: item for item in stack(env) if isinstance(item, HelmRelease)}


@pytest.mark.parametrize("overrides", [{}, OFFICIAL], ids=["ours", "official"])
def test_every_declared_chart_is_installed_as_the_file_chooses_it(overrides: dict[str, str]) -> None:
    env = environment(**overrides)
    assert [chart.spec for chart in env.charts] == list(CHARTS)
    made = releases(env)
    assert set(made) == {one.release for one in CHARTS}
    for chart in env.charts:
        wanted = made[chart.spec.release].desired(lambda ref: ref.output)
        assert (wanted["chart"], wanted["repo"]) == (chart.name, chart.repo)
        assert (wanted["version"], wanted["digest"]) == (chart.version, chart.digest)
        assert (wanted["namespace"], wanted["endpoints"]) == (chart.spec.namespace, chart.spec.endpoints)
        assert made[chart.spec.release].stage == chart.spec.stage


def test_a_version_of_the_file_reaches_the_release_without_a_digest_of_another() -> None:
    env = environment(**{"load_balancer_controller.chart_version": "9.8.7"})
    chart = env.load_balancer_controller.installed
    assert (chart.version, pinned(chart.name, chart.version, chart.digest)) == ("9.8.7", None)
    assert releases(env)[CONTROLLER.release].desired(lambda ref: ref.output)["version"] == "9.8.7"


@pytest.mark.parametrize("spec", [one for one in CHARTS if one.role], ids=lambda spec: spec.name)
def test_the_role_of_a_chart_ships_with_its_documents(spec: ChartSpec) -> None:
    assert {f"iam.role/{spec.role}", f"iam.policy/{spec.role}"} <= {item.address for item in stack(environment())}
    assert shipped_files.document(f"iam/{spec.role}.json")["Statement"]


def test_what_is_fetched_by_default_has_a_digest_and_a_stand_in_of_its_version() -> None:
    repository = Repository()
    for chart in environment().charts:
        if chart.repo:
            assert pinned(chart.name, chart.version, chart.digest)
            assert f"{chart.name}-{chart.version}.tgz" in repository._files
            assert chart.name in repository.digests


def test_prerequisites_look_for_what_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "available", lambda repo, name, version, digest: f"from {repo}")
    survey: Any = SimpleNamespace(env=environment())
    assert tools.charts(survey) == f"{CONTROLLER.name} {CONTROLLER.version} from {CONTROLLER.repository}"
    survey.env = environment(**OFFICIAL)
    assert tools.charts(survey).endswith(f", {LIVEKIT_SERVER.name} 1.2.3 from https://charts.example.com")


def test_a_rehearsal_takes_what_is_away_from_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox: Any = SimpleNamespace(charts_url=URL, charts_digest={CONTROLLER.name: "ab" * 32})
    sandbox.environ = dict
    monkeypatch.setattr(rehearsal, "connect", lambda *about, **more: sandbox)
    monkeypatch.setattr(rehearsal, "_reachable", lambda repo: False)
    env, _ = rehearsal.rehearsed(environment(), UAT, {})
    assert env.charts[0] == Chart(CONTROLLER, URL, CONTROLLER.version, "ab" * 32)
    assert rehearsal.environ(env, sandbox) == {
        "LIVEKIT_DEPLOY__LOAD_BALANCER_CONTROLLER__REPO": URL,
        "LIVEKIT_DEPLOY__LOAD_BALANCER_CONTROLLER__DIGEST": "ab" * 32,
    }
    monkeypatch.setattr(rehearsal, "_reachable", lambda repo: True)
    assert rehearsal.rehearsed(environment(), UAT, {})[0].charts[0].repo == CONTROLLER.repository
