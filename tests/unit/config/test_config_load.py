"""From a file, a preset and overrides to one environment: what wins over what, and what is not read at all."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import subprocess
import sys
import traceback
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from livekit_deploy.config import FileState, S3State, load_environment, load_teardown_config, merged
from livekit_deploy.config.explain import every_key
from livekit_deploy.config.presets import PRESETS
from livekit_deploy.config.typed_secrets import typed
from livekit_deploy.config.zones import zones
from livekit_deploy.errors import ConfigError
from tests.places import ROOT
from tests.unit.environments import HEAD, LIVEKIT, File


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "dev.yaml")


# ---- precedence


def test_file_beats_preset_variables_beat_the_file_and_set_beats_all(file: File) -> None:
    file.about("redis: {replicas: 1}")
    variable = {"LIVEKIT_DEPLOY__REDIS__REPLICAS": "2", "LIVEKIT_DEPLOY__NETWORK__NAT": "single"}
    assert File(file.path).about("").load().redis.replicas == 0
    assert file.about("redis: {replicas: 1}").load().redis.replicas == 1
    assert file.load(environ=variable).redis.replicas == 2
    env = file.load(environ=variable, overrides={"redis.replicas": "3"})
    assert (env.redis.replicas, env.network.nat, env.redis.node_type) == (3, "single", "cache.t4g.micro")


def test_an_override_changes_only_its_own_key(file: File) -> None:
    env = file.about("redis: {replicas: 1, multi_az: true}").load(overrides={"redis.node_type": "cache.m7g.large"})
    assert (env.redis.node_type, env.redis.replicas, env.redis.multi_az) == ("cache.m7g.large", 1, True)


def test_a_list_is_replaced_whole(file: File) -> None:
    env = file.about("cluster: {logs: [api, audit]}").load(overrides={"cluster.logs": "[scheduler]"})
    assert env.cluster.logs == ("scheduler",)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("cluster.version", "1.34", "1.34"),
        ("redis.version", "9.0", "9.0"),
        ("account_id", "123456789012", "123456789012"),
        ("protect", "true", True),
        ("nodes.media.instance_types", "[c6i.xlarge, c5.xlarge]", ("c6i.xlarge", "c5.xlarge")),
        ("livekit.settings.room.empty_timeout", "120", {"room": {"empty_timeout": 120}}),
        ("tags.team", "media", {"team": "media"}),
        ("livekit.hosted_zone", "null", None),
    ],
)
def test_values_of_overrides(key: str, text: str, value: object, file: File) -> None:
    found: object = file.about("").load(overrides={key: text})
    for part in key.split("."):
        if isinstance(found, dict):
            break
        found = getattr(found, part)
    assert found == value


@pytest.mark.parametrize(
    ("key", "text", "wrong", "hint"),
    [
        ("redis.node_typ", "x", "--set redis.node_typ: unknown key 'node_typ'", "did you mean 'node_type'?"),
        ("redis.replicas", "many", "--set redis.replicas: redis.replicas: it must be a whole number", ""),
        ("redis", "{node_typ: x}", "--set redis: unknown key 'node_typ'", "did you mean 'node_type'?"),
        ("redis.tls", "[", "--set redis.tls: the value is not YAML", "quote it"),
        ("redis.tls", "[" * 9000, "--set redis.tls: the value is not YAML", "quote it"),
        ("livekit.settings.region", "&x [*x]", "--set livekit.settings.region: the value is not YAML", "quote it"),
        (
            "livekit.settings.region",
            "2026-13-45",
            "--set livekit.settings.region: livekit.settings.region: 2026-13-45 is read in different ways",
            'quote it if it is text, as in "2026-13-45"',
        ),
        ("tags", "{a: b, a: c}", "--set tags: the value is not YAML", "quote it"),
        ("redis..tls", "true", "--set redis..tls: 'redis..tls' is not a key", "redis.node_type=cache.m7g.large"),
        ("preset", "test", "--set preset: preset: it must be one of dev, uat, prod, not test", "name one of these"),
        (
            "redis.version",
            "7",
            "--set redis.version: redis.version: it must be a version of the engine",
            "such as '8.0'",
        ),
    ],
)
def test_a_bad_override_is_named(key: str, text: str, wrong: str, hint: str, file: File) -> None:
    error = file.about("").refused(overrides={key: text})
    assert str(error).startswith(wrong)
    assert hint in error.hint


def test_a_bad_variable_is_named(file: File) -> None:
    error = file.about("").refused(environ={"LIVEKIT_DEPLOY__REDIS__NODE_TYPE": "large"})
    assert str(error).startswith("the variable LIVEKIT_DEPLOY__REDIS__NODE_TYPE: redis.node_type")


@pytest.mark.parametrize(
    "key",
    ["redis.password", "redis.auth_token", "livekit.keys", "livekit.settings.webhook.api_key", "livekit.api_secret"],
)
def test_an_override_that_names_a_secret_is_refused_unread(key: str, file: File) -> None:
    for given_as in ({"overrides": {key: "hunter2"}}, {"environ": {variable(key): "hunter2"}}):
        error = file.about("").refused(**given_as)
        assert "names a secret" in str(error)
        assert "Secrets Manager" in error.hint
        assert "hunter2" not in f"{error}{error.hint}"


def test_a_secret_inside_the_value_of_an_override_is_refused(file: File) -> None:
    error = file.about("").refused(overrides={"livekit.settings": "{redis: {password: hunter2}}"})
    assert str(error).startswith("--set livekit.settings: a secret does not belong here")
    assert error.field == "livekit.settings.redis.password"
    assert "hunter2" not in f"{error}{error.hint}"


def test_secrets_key_is_no_secret(file: File) -> None:
    assert file.about("").load(overrides={"cluster.secrets_key": "true"}).cluster.secrets_key


def variable(key: str) -> str:
    return "LIVEKIT_DEPLOY__" + key.upper().replace(".", "__")


def test_variables_of_the_process_are_read(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_DEPLOY__PROTECT", "true")
    monkeypatch.setenv("LIVEKIT_DEPLOY_FOLDER", "/somewhere")  # one underscore: not an override
    assert load_environment(file.about("").path).protect


@given(
    st.dictionaries(
        st.sampled_from(["redis.replicas", "nodes.media.max", "network.nat", "livekit.rtc.tcp_port"]),
        st.sampled_from(["2", "3", "single", "8000"]),
    )
)
@settings(max_examples=50, deadline=None)
def test_set_and_variables_mean_the_same(tmp_path_factory: pytest.TempPathFactory, overrides: dict[str, str]) -> None:
    file = File(tmp_path_factory.mktemp("same") / "dev.yaml").about("")
    outcomes = []
    for given_as in ({"overrides": overrides}, {"environ": {variable(k): v for k, v in overrides.items()}}):
        try:
            outcomes.append(file.load(**given_as).digest())
        except ConfigError as error:
            outcomes.append(error.field)
    assert outcomes[0] == outcomes[1]


_trees = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
_mappings = st.dictionaries(st.sampled_from("abc"), _trees, max_size=3)


@given(_mappings, _mappings)
def test_layers_merge_key_by_key(below: dict[str, object], above: dict[str, object]) -> None:
    both = merged(below, above)
    assert merged(below, {}) == merged({}, below) == merged(below, below) == below
    assert both.keys() == below.keys() | above.keys()
    for key, value in above.items():
        lower = below.get(key)
        if isinstance(value, dict) and isinstance(lower, dict):
            assert both[key] == merged(lower, value)
        else:
            assert both[key] == value


# ---- presets


def test_the_presets_really_differ_in_size_and_safety(file: File) -> None:
    text = "region: us-east-1\ncluster: {public_cidrs: [203.0.113.0/24]}\n" + LIVEKIT
    dev, uat, prod = (file.write(f"preset: {preset}\n{text}").load() for preset in ("dev", "uat", "prod"))
    assert (dev.protect, uat.protect, prod.protect) == (False, False, True)
    assert (dev.network.availability_zones, uat.network.availability_zones) == (2, 3)
    assert (dev.network.nat, uat.network.nat, prod.network.nat) == ("none", "none", "per_az")
    assert (uat.network.flow_logs, prod.network.flow_logs) == (False, True)
    assert (dev.cluster.secrets_key, uat.cluster.secrets_key, prod.cluster.secrets_key) == (False, True, True)
    assert (uat.cluster.deletion_protection, prod.cluster.deletion_protection) == (False, True)
    assert len(dev.cluster.logs) < len(uat.cluster.logs) < len(prod.cluster.logs)
    assert dev.cluster.log_retention_days < uat.cluster.log_retention_days < prod.cluster.log_retention_days
    assert dev.nodes.system is None
    assert uat.nodes.system is not None
    assert len({env.nodes.media.instance_types for env in (dev, uat, prod)}) == 3
    assert dev.nodes.media.desired < uat.nodes.media.desired < prod.nodes.media.desired
    assert dev.livekit.replicas < uat.livekit.replicas < prod.livekit.replicas
    assert dev.redis.replicas < uat.redis.replicas < prod.redis.replicas
    assert (dev.redis.multi_az, uat.redis.multi_az, prod.redis.multi_az) == (False, True, True)
    assert len({env.redis.node_type for env in (dev, uat, prod)}) == 3
    assert (dev.redis.snapshot_retention_days, uat.redis.snapshot_retention_days) == (0, 1)


@pytest.mark.parametrize("preset", ["[dev]", "null", "5", "Dev", "{}"])
def test_a_preset_that_is_none_of_the_three(preset: str, file: File) -> None:
    error = file.write(f"region: us-east-1\npreset: {preset}\n{LIVEKIT}").refused()
    assert error.where == f"{file.path}:2:1"
    assert "it must be one of dev, uat, prod" in str(error) or "it has no value" in str(error)
    assert re.search("did you mean 'dev'|name one of these|such as", error.hint)


def test_only_dev_is_open_to_the_world() -> None:
    open_ = [name for name, preset in PRESETS.items() if preset["cluster"].get("public_cidrs")]
    assert open_ == ["dev"]


@pytest.mark.parametrize("name", ["dev", "uat", "prod"])
def test_shipped_environments_are_valid_and_named_by_their_file(name: str) -> None:
    env = load_environment(ROOT / "manifests" / "environments" / f"{name}.yaml", environ={})
    assert (env.name, env.preset, env.resource_prefix) == (name, name, f"livekit-{name}")
    assert env.source == ROOT / "manifests" / "environments" / f"{name}.yaml"
    assert env.warnings == ()


@pytest.mark.parametrize("name", ["dev", "uat", "prod"])
def test_shipped_environments_are_complete_and_say_what_the_preset_says(name: str, file: File) -> None:
    path = ROOT / "manifests" / "environments" / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    for key in every_key():
        if not key.path.startswith(("livekit.chart.", "cluster.addons.", "nodes.system.")):
            assert re.search(rf"\b{key.path.rpartition('.')[2]}: ?", text) or key.path == "state.path", key.path
    env = load_environment(path, environ={})
    own = {
        "preset": name,
        "name": name,
        "region": env.region,
        "tags": dict(env.tags),
        "network": {"cidr": str(env.network.cidr)},
        "cluster": {"public_cidrs": list(map(str, env.cluster.public_cidrs))},
        "livekit": env.livekit.model_dump(mode="json", include={"domain", "hosted_zone", "turn"}),
    }
    assert file.write(yaml.safe_dump(own)).load().digest() == env.digest()


def test_the_digest_follows_every_value_and_nothing_else(file: File) -> None:
    one = file.about("redis: {replicas: 1}").load().digest()
    assert file.about("redis: {replicas: 1}  # a comment").load().digest() == one
    assert file.about("").load(overrides={"redis.replicas": "1"}).digest() == one
    assert file.about("redis: {replicas: 2}").load().digest() != one


# ---- what is read from a section


def test_the_state_is_in_s3_or_in_a_file(file: File) -> None:
    assert file.about("").load().state == S3State()
    assert file.about("state: {bucket: acme-state}").load().state == S3State(bucket="acme-state")
    assert file.about("state: {path: x.json}").load().state == FileState(path="x.json")


def test_zones_are_those_of_the_file_or_a_guess_until_aws_is_asked(file: File) -> None:
    named = file.about("network: {availability_zones: [us-east-1d, us-east-1b]}").load()
    assert zones(named.network, named.region) == ["us-east-1d", "us-east-1b"]
    six = file.about("").load().network.model_copy(update={"availability_zones": 5})
    assert zones(six, "us-east-1") == [f"us-east-1{letter}" for letter in "abcde"]


def test_an_address_is_a_range_of_one(file: File) -> None:
    env = file.about("cluster: {public_cidrs: [198.51.100.7]}").load()
    assert env.cluster.public_cidrs == (IPv4Network("198.51.100.7/32"),)


# ---- YAML


@pytest.mark.parametrize(
    ("text", "place", "wrong", "hint"),
    [
        ("region: us-east-1\nregion: us-east-2\n", ":2:1", "'region' appears twice", "remove one of them"),
        ("redis: {tls: true, tls: false}\n", ":1:20", "'tls' appears twice", "remove one of them"),
        ("redis:\n\ttls: true\n", ":2:1", "cannot start any token", "indent with spaces"),
        ("region: [us-east-1\n", ":2:1", "usable YAML", "check quotes and indentation"),
        ("region: 'us-east-1\n", ":2:1", "usable YAML", "check quotes and indentation"),
        ("x: !!python/object/apply:os.system ['true']\n", ":1:4", "could not determine a constructor", "plain values"),
        ("x: !secret abc\n", ":1:4", "could not determine a constructor", "plain values"),
        ("region: us-east-1\n---\nregion: us-east-1\n", ":2:1", "usable YAML", "one file holds one environment"),
        ("redis: *defaults\n", ":1:8", "undefined alias", "define the anchor"),
        ("a: &x {b: *x}\n", ":1:4", "recursive", "use fewer levels"),
        ("a: " + "[" * 9000, ":1:53", "too deep", "use fewer levels"),
        ("a: " + "{a: " * 900 + "}" * 900, ":1:200", "too deep", "use fewer levels"),
        ("a: " + "1" * 5000, ":1:4", "is not one", "quote it"),
        ("a: !!bool maybe\n", ":1:4", "is not one", "quote it"),
        ("on: true\n", ":1:1", "a key is not text", "on, off, yes, no and null"),
        ("null: true\n", ":1:1", "a key is not text", "quote it"),
        ("? [a, b]\n: true\n", ":1:3", "a key is not text", "quote it"),
        ("- region\n", ":1:1", "is a mapping of keys", "config init"),
        ("just text\n", ":1:1", "is a mapping of keys", "config init"),
        ("", ":1:1", "is a mapping of keys", "config init"),
        ("# nothing but a comment\n", ":1:1", "is a mapping of keys", "config init"),
        ("region: \x00\n", "", "characters that YAML does not allow", "plain text"),
        ("redis:\nregion: us-east-1\n" + LIVEKIT, ":1:1", "redis: it has no value", "or remove the key"),
        ("1: x\nregion: us-east-1\n" + LIVEKIT, ":1:1", "unknown key '1'", "known in the top of the file"),
    ],
)
def test_what_is_not_usable_is_refused_by_place(text: str, place: str, wrong: str, hint: str, file: File) -> None:
    error = file.write(text).refused()
    assert error.where == f"{file.path}{place}", error
    assert wrong in str(error)
    assert hint in error.hint


ALL = [
    (
        "region: us-east-1\nregion: x\non: true\nredis: {tls: true, tls: false}\na: !!bool maybe\n",
        [
            ":2:1: ",
            "'region' appears twice",
            ":3:1: ",
            "a key is not text",
            ":4:20: ",
            "'tls' appears",
            ":5:4: ",
            "is not one",
        ],
    ),
    # what follows is read as something else, so that nothing more is said of the file
    ("redis:\n\ttls: true\nregion: us-east-1\nregion: x\n", [":2:1: ", "cannot start any token"]),
    ("region: [us-east-1\nnonsense: 1\n", [":2:9: ", "usable YAML"]),
]


@pytest.mark.parametrize(("text", "said"), ALL)
@pytest.mark.parametrize("overridden", [False, True])
def test_all_that_can_be_said_of_what_is_not_usable_comes_at_once(
    text: str, said: list[str], overridden: bool, file: File
) -> None:
    """Also of what overrides it, which was read by itself; nothing is said of what the file may hold."""
    given = {"redis.tls": "maybe", "tags": "[", "redis.node_type": "cache.m7g.large", "regoin": "x"}
    ours = ["--set redis.tls: ", "--set tags: the value is not YAML", "--set regoin: unknown key 'regoin'"]
    error = file.write(text).refused(overrides=given if overridden else {})
    at = 0
    for one in said:
        at = str(error).index(one, at)
    assert all((one in str(error)) is overridden for one in ours)
    count = sum(one.startswith(":") for one in said) + (len(ours) if overridden else 0)
    assert str(error).startswith(f"{count} things are wrong:\n") is (count > 1)
    assert len(str(error).splitlines()) == (count + 1 if count > 1 else 1)
    assert "is missing" not in str(error)
    assert "node_type" not in str(error)


def test_what_overrides_a_file_that_is_not_there_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_environment(tmp_path / "uat.yaml", overrides={"tags": "["}, environ={})
    assert "there is no environment file" in str(caught.value)
    assert "--set tags: the value is not YAML" in str(caught.value)


def test_a_python_tag_runs_nothing(file: File) -> None:
    marker = file.path.parent / "ran"
    file.write(f"x: !!python/object/apply:os.system ['touch {marker}']\n").refused()
    assert not marker.exists()


def test_yaml_errors_do_not_quote_the_file(file: File) -> None:
    error = file.write('password: "hunter2\n').refused()
    assert "hunter2" not in "".join(traceback.format_exception(error))


def test_anchors_and_merge_keys_work(file: File) -> None:
    text = "nodes:\n  media: &group {instance_types: [c6i.large], max: 3}\n  system: {<<: *group, max: 4}"
    env = file.about(text).load()
    assert env.nodes.system is not None
    assert (env.nodes.media.max, env.nodes.system.max) == (3, 4)
    assert env.nodes.system.instance_types == ("c6i.large",)


def test_aliases_of_aliases_do_not_explode(file: File) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    assert "more than 10000 keys" in str(file.write("\n".join(lines)).refused())


def test_merged_aliases_of_aliases_do_not_explode(file: File) -> None:
    lines = ["a: &a {x: 1}"]
    lines += [f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}" for a, b in itertools.pairwise("abcdefghijklmnop")]
    assert "more than 10000 keys" in str(file.write("\n".join(lines)).refused())


def test_a_byte_order_mark_is_no_trouble(file: File) -> None:
    file.path.write_bytes(b"\xef\xbb\xbf" + (HEAD + LIVEKIT).encode())
    assert file.load().region == "us-east-1"


@pytest.mark.parametrize(("encoding", "line"), [("utf-16", 1), ("latin-1", 3)])
def test_what_is_not_utf_8_is_refused(encoding: str, line: int, file: File) -> None:
    file.path.write_bytes((HEAD + "tags: {team: équipe}\n" + LIVEKIT).encode(encoding))
    error = file.refused()
    assert error.where == f"{file.path}:{line}"
    assert "not UTF-8" in str(error)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The folder that was searched is named: in another one the same command would make a second environment."""
    error = File(tmp_path / "uat.yaml").refused()
    assert f"there is no environment file {tmp_path / 'uat.yaml'}: looked in {tmp_path}" in str(error)
    assert "go to the folder that it was made in" in error.hint
    assert error.hint.endswith(f"to make a new one: livekit-deploy config init --config {tmp_path / 'uat.yaml'}")
    File(tmp_path / "uat2.yaml").about("")
    assert "did you mean uat2?" in File(tmp_path / "uat.yaml").refused().hint
    assert "there are uat2; to make" in File(tmp_path / "other.yaml").refused().hint
    assert "config init" not in File(tmp_path / "No Name.yaml").refused().hint


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    assert "is a folder" in str(File(tmp_path).refused())


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    loop = tmp_path / "dev.yaml"
    loop.symlink_to(loop)
    error = File(loop).refused()
    assert f"cannot read {loop}" in str(error)
    assert error.hint == "check its mode"


# ---- secrets


@given(st.text("abcdefgh0123456789", min_size=1, max_size=12), st.sampled_from(["a", "b_c", "settings"]))
def test_secrets_are_found_at_any_depth(value: str, key: str) -> None:
    for name in ("password", "apiSecret", "auth_token", "keys", "privateKey", "aws_secret_access_key"):
        assert list(typed({key: [{"x": {name: value}}]})) == [(key, 0, "x", name)]
        for harmless in ({name: None}, {name: True}, {name: ""}, {name: f"arn:aws:x:{value}"}, {f"{name}_seconds": 5}):
            assert list(typed({key: harmless})) == []


def test_values_that_can_only_be_secrets() -> None:
    found = {
        "a": "-----BEGIN RSA PRIVATE KEY-----",
        "b": "redis://:pa55@host:6379",
        "c": "the key ASIAIOSFODNN7EXAMPLE",
        "d": "https://example.com:8080/a@b",
        "keys": [1.5],
    }
    assert sorted(place[0] for place in typed(found)) == ["a", "b", "c", "keys"]


# ---- any file at all

_KEYS = [*sorted({part for key in every_key() for part in key.path.split(".")}), "x", "vpc_id", "password", "<one>"]
_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-2, 70000)
    | st.floats(allow_nan=False, width=16)
    | st.sampled_from(
        ["", "dev", "us-east-1", "auto", "10.0.0.0/8", "c6i.large", "1.36", "a.example.com", "é", "arn:x"]
    )
)
_files = st.dictionaries(
    st.sampled_from(_KEYS),
    st.recursive(
        _leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
        max_leaves=8,
    ),
    max_size=6,
)


@given(_files)
@settings(max_examples=150, deadline=None)
def test_any_file_is_taken_or_refused_with_a_place(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    file = File(tmp_path_factory.getbasetemp() / "any.yaml")
    whole = merged({"region": "us-east-1", "livekit": {"domain": "a.example.com"}}, data)
    refused: ConfigError | None = None
    try:
        file.write(yaml.safe_dump(whole)).load()
    except ConfigError as error:
        refused = error
    assert refused is None or (str(file.path) in str(refused) and refused.hint)


@given(st.text("[]{}:,&*!<>=|%@`'\"\\\t\n -?#.~_0123456789abexoinTZ", max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_text_is_taken_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = File(tmp_path_factory.getbasetemp() / "text.yaml")
    with contextlib.suppress(ConfigError):
        file.write(f"{HEAD}{LIVEKIT}\ntags: {text}\n").load()
    with contextlib.suppress(ConfigError):
        file.about("").load(overrides={"tags.a": text})


# ---- for `down`


def test_a_file_that_no_longer_validates_is_enough_to_take_it_down(file: File) -> None:
    file.write("region: us-east-1\nproject: media\nprotect: true\nlivekit: {nonsense: 1}\n")
    env = load_teardown_config(file.path, {"state.bucket": "acme-state", "tags.team": "media"})
    assert env is not None
    assert (env.name, env.project, env.region, env.protect) == ("dev", "media", "us-east-1", True)
    assert env.state == S3State(bucket="acme-state")
    assert env.tags == {"team": "media"}
    assert env.source == file.path


def test_variables_count_for_down_as_well(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_DEPLOY__STATE__PATH", "here.json")
    env = load_teardown_config(file.write("region: us-east-1\npreset: [x]\n").path, {})
    assert env is not None
    assert env.state == FileState(path="here.json")
    assert env.protect  # a preset that cannot be read may have been prod


@pytest.mark.parametrize("text", ["region: [", "project: x y\nregion: us-east-1\n", ""])
def test_without_a_name_and_place_there_is_nothing_to_take_down(text: str, file: File) -> None:
    assert load_teardown_config(file.write(text).path, {}) is None


def test_loading_imports_no_client() -> None:
    """The configuration is usable where boto3, Kubernetes and Helm are not."""
    heavy = ("boto3", "botocore", "kubernetes", "pyhelm3", "moto", "rich", "structlog")
    code = (
        "import sys; from livekit_deploy.config import load_environment; "
        f"load_environment({str(ROOT / 'manifests/environments/prod.yaml')!r}); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert re.fullmatch(r"\[\]\s*", done.stdout)
