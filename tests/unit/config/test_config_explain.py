"""What `config explain` says of every key, and of what is no key."""

from __future__ import annotations

import json

import pytest

from livekit_deploy.config.explain import ANY, changes, every_key, explain
from livekit_deploy.config.section import in_yaml
from livekit_deploy.errors import UsageError
from livekit_deploy.render.explain import explained_lines
from tests.unit.environments import File

PATHS = list(dict.fromkeys(key.path for key in every_key()))


@pytest.mark.parametrize("path", PATHS)
def test_every_key_is_explained_by_what_it_takes_and_what_a_change_does_or_by_its_keys(path: str) -> None:
    found = explain(path)
    assert found.key == path
    assert found.about
    assert found.takes
    assert bool(found.change) == (path in changes())
    assert found.change or found.keys
    assert "`" not in f"{found.about}{found.change}{''.join(found.keys.values())}"


@pytest.mark.parametrize("path", PATHS)
def test_every_screen_fits_80_columns(path: str) -> None:
    """But for a word, such as an ARN, that has no room beside its label."""
    for line in explained_lines(explain(path), 80):
        shown = line.replace("[bold]", "").replace("[/]", "").replace("\\[", "[")
        assert len(shown) <= 80 or max(map(len, shown.split())) > 60


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("redis.", "redis"),
        ("cluster.addons.coredns", "cluster.addons"),
        ("cluster.addons.coredns.version", f"cluster.addons.{ANY}.version"),
        ("redis.parameters.timeout", "redis.parameters"),
        ("tags.team", "tags"),
        ("state.path", "state.path"),
    ],
)
def test_whatever_the_file_calls_it_stands_for_any(asked: str, meant: str) -> None:
    assert explain(asked).key == meant


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("redis.node_typ", "did you mean redis.node_type?"),
        ("snapshot_window", "did you mean redis.snapshot_window?"),
        ("snapshot_windw", "did you mean redis.snapshot_window?"),
        ("nodes.media.disk", "did you mean nodes.media.disk_gib?"),
        ("regoin", "did you mean region?"),
        ("cluster.addons.coredns.verzion", f"did you mean cluster.addons.{ANY}.version?"),
        ("redis.tls.x", "livekit-deploy config explain redis.tls lists the keys"),
        ("tags.team.lead", "livekit-deploy config explain tags lists the keys"),
        ("qqq", "livekit-deploy config explain lists the keys"),
    ],
)
def test_what_is_no_key_names_the_nearest(asked: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"there is no key {asked}$") as caught:
        explain(asked)
    assert caught.value.hint == hint


def test_defaults_are_those_of_the_presets(file: File) -> None:
    assert explain("redis.node_type").defaults == {
        "dev": "cache.t4g.micro",
        "uat": "cache.t4g.small",
        "prod": "cache.m7g.large",
    }
    assert explain("region").defaults == {}
    assert explain("cluster.public_cidrs").defaults == {"dev": "[0.0.0.0/0]"}
    loaded = json.loads(file.about("").load().model_dump_json())["redis"]
    for name, value in loaded.items():
        assert explain(f"redis.{name}").defaults["dev"] == ("none" if value is None else in_yaml(value))


def test_the_screen_says_what_must_be_given() -> None:
    lines = list(explained_lines(explain("cluster.public_cidrs"), 80))
    assert [line[10:] for line in lines[5:8]] == ["dev   [0.0.0.0/0]", "uat   must be given", "prod  must be given"]
