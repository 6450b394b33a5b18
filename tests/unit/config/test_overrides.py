"""What wins over what: a file over its preset, a variable over the file, and --set over all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livekit_deploy.config import load_environment, merged
from livekit_deploy.errors import ConfigError
from tests.unit.environments import File

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
