"""The file that `config init` writes, what `config show` prints, and the schema: each read back by the real loader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from livekit_deploy.config import load_environment
from livekit_deploy.config.describe import check_name, effective, needed, schema, template
from livekit_deploy.config.explain import every_key
from livekit_deploy.errors import ConfigError
from tests.places import ROOT
from tests.unit.environments import File

PRESETS = ["dev", "uat", "prod"]
ANSWERS = {"region": "us-east-1", "cluster.public_cidrs": "[203.0.113.0/24]", "livekit.domain": "livekit.example.com"}


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "e1.yaml")


def filled(preset: str) -> str:
    """The file with what it asks for filled in, as somebody would who edits it."""
    text = template(preset, "e1")
    for key in needed(preset):
        name = key.rpartition(".")[2]
        text, count = re.subn(rf"^(\s*){name}:(?=\s+#)", rf"\1{name}: {ANSWERS[key]}", text, flags=re.MULTILINE)
        assert count == 1, key
    return text


@pytest.mark.parametrize("preset", PRESETS)
def test_the_file_asks_for_exactly_what_has_no_default(preset: str, file: File) -> None:
    error = file.write(template(preset, "e1")).refused()
    told = [line for line in str(error).splitlines() if "such as" in line]
    assert [line.split(": ")[1] for line in told] == list(needed(preset))
    for key, answer in ANSWERS.items():
        assert (f"such as {answer}" in str(error)) is (key in needed(preset))


@pytest.mark.parametrize("preset", PRESETS)
def test_filled_in_it_is_the_preset_and_nothing_else(preset: str, file: File) -> None:
    least = file.write(f"preset: {preset}\n").load(overrides={key: ANSWERS[key] for key in needed(preset)})
    assert file.write(filled(preset)).load().digest() == least.digest()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_key_stands_in_it_with_its_meaning(preset: str) -> None:
    text = template(preset, "e1")
    for key in every_key():
        if key.path.startswith(("livekit.chart.", "cluster.addons.")) or key.path == "state.path":
            continue  # other forms of a key that is there
        name = key.path.rpartition(".")[2]
        assert re.search(rf"^[ #]*{name}:", text, flags=re.MULTILINE), key.path
        assert (key.field.description or "") in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("preset", PRESETS)
def test_what_stands_behind_the_comment_signs_are_the_defaults(preset: str, file: File) -> None:
    head, body = filled(preset).split("preset:", 1)
    plain = re.sub(r"^( *)# ", r"\1", f"preset:{body}", flags=re.MULTILINE)
    told = yaml.safe_load(plain)
    env = file.write(filled(preset)).load()
    assert head.count("\n") == 3
    assert _where_set(told, env.model_dump(mode="json")) == _where_set(env.model_dump(mode="json"), told)


def _where_set(values: Any, other: Any) -> Any:
    """The values, without what is none on either side: for those the file holds an example."""
    if not isinstance(values, dict) or not isinstance(other, dict):
        return values
    both = {key for key in values if values[key] is not None and other.get(key) is not None}
    return {key: _where_set(values[key], other[key]) for key in sorted(both)}


@pytest.mark.parametrize("name", ["x", "Uat", "my_env", "../uat", "a b", "9a", "a" * 21, "", "uat-", "a--b"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_name(name)
    assert "2 to 20 small letters" in caught.value.hint


def test_a_good_name_is_not() -> None:
    check_name("uat-2")


@pytest.mark.parametrize(
    ("preset", "extra"),
    [("dev", ""), ("uat", "nodes: {system: null}\n"), ("prod", "state: {path: x.json}\ntags: {a: 'yes'}\n")],
)
def test_what_is_shown_reads_back_as_the_same(preset: str, extra: str, file: File) -> None:
    env = file.write(filled(preset) + extra).load(overrides={"redis.version": "8.1", "account_id": "012345678901"})
    shown = effective(env)
    assert "null" not in shown or preset == "uat"
    assert file.write(shown).load().digest() == env.digest()


# ---- the schema


@pytest.fixture(scope="module")
def checker() -> jsonschema.Draft202012Validator:
    whole = json.loads(json.dumps(schema()))
    jsonschema.Draft202012Validator.check_schema(whole)
    return jsonschema.Draft202012Validator(whole)


@pytest.mark.parametrize("name", PRESETS)
def test_the_schema_takes_the_shipped_files(name: str, checker: jsonschema.Draft202012Validator) -> None:
    path = ROOT / "manifests" / "environments" / f"{name}.yaml"
    checker.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    checker.validate(yaml.safe_load(effective(load_environment(path, environ={}))))


@pytest.mark.parametrize(
    "text",
    [
        "regoin: x",
        "redis: {node_typ: x}",
        "redis: {replicas: many}",
        "preset: test",
        "state: {path: x, bucket: acme}",
        "network: {availability_zones: [1]}",
        "livekit: {domain: https://x}",
        "cluster: {version: 1.36}",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(text: str, checker: jsonschema.Draft202012Validator) -> None:
    base = {"region": "us-east-1", "livekit": {"domain": "livekit.example.com"}}
    checker.validate(base)
    assert not checker.is_valid({**base, **yaml.safe_load(text)})


def test_every_key_of_the_schema_says_what_it_is(checker: jsonschema.Draft202012Validator) -> None:
    whole = schema()
    for name, model in {"Environment": whole, **whole["$defs"]}.items():
        for key, field in model["properties"].items():
            assert field.get("description"), f"{name}.{key}"
