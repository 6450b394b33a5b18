"""Files that are not read: not usable as YAML, not to be opened, or with a secret in them."""

from __future__ import annotations

import contextlib
import itertools
import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from livekit_deploy.config import load_environment, merged
from livekit_deploy.config.explain import every_key
from livekit_deploy.config.typed_secrets import typed
from livekit_deploy.errors import ConfigError
from tests.unit.environments import HEAD, LIVEKIT, File

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
