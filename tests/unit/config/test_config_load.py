"""From a file and its preset to one environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from ipaddress import IPv4Network

import pytest
import yaml

from livekit_deploy.config import FileState, S3State, load_environment, load_teardown_config
from livekit_deploy.config.explain import every_key
from livekit_deploy.config.presets import PRESETS
from livekit_deploy.config.zones import zones
from tests.places import ROOT
from tests.unit.environments import LIVEKIT, File

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
