"""Every check of an environment file: a bad file is refused by place, field and remedy, its good neighbour is taken."""

from __future__ import annotations

import traceback
from datetime import date
from pathlib import Path

import boto3
import pytest

from livekit_deploy.aws.kinds.eks.addons import AFTER_NODES, BEFORE_NODES
from livekit_deploy.config import checks, load_environment
from livekit_deploy.config.models import Redis
from livekit_deploy.config.redis_checks import engine_support
from livekit_deploy.config.regions import REGIONS
from livekit_deploy.errors import ConfigError
from tests.unit.config.refused import CASES, Case
from tests.unit.config.refused.case import livekit, media
from tests.unit.environments import HEAD, LIVEKIT, File


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_file_is_refused_and_its_neighbour_taken(case: Case, file: File) -> None:
    error = file.about(case.bad).refused()
    assert error.where == f"{file.path}:{case.place}", error
    assert str(error).startswith(error.where)
    assert error.field == case.field
    assert case.wrong in str(error)
    assert case.remedy in error.hint
    assert error.exit_code == 3
    file.about(case.good).load()


@pytest.mark.parametrize("case", [case for case in CASES if "hunter2" in case.bad], ids=lambda case: case.name)
def test_what_was_typed_is_not_repeated(case: Case, file: File) -> None:
    error = file.about(case.bad).refused()
    assert "hunter2" not in "".join([*traceback.format_exception(error), error.hint, repr(error)])


@pytest.mark.parametrize(
    ("typo", "place", "near"),
    [
        ("regoin: x", "3:1", "did you mean 'region'?"),
        ("redis: {node_typ: x}", "3:9", "did you mean 'node_type'?"),
        ("nodes: {media: {instance_type: x}}", "3:17", "did you mean 'instance_types'?"),
        ("nodes: {medea: {}}", "3:9", "did you mean 'media'?"),
        ("state: {bukket: x}", "3:9", "did you mean 'bucket'?"),
        (
            "livekit: {domain: a.example.com, chart: {versoin: x}}\nredis: {auth: false}",
            "3:42",
            "did you mean 'version'?",
        ),
        ("livekit: {domain: a.example.com, turn: {tls: false, udp_prt: 1}}", "3:53", "did you mean 'udp_port'?"),
        ("cluster: {addons: {coredns: {verson: x}}}", "3:30", "did you mean 'version'?"),
        ("iam: {qqq: x}", "3:7", "known in iam: path, permissions_boundary"),
        ("qqq: x", "3:1", "known in the top of the file: account_id, "),
    ],
)
def test_an_unknown_key_is_refused_with_its_place_and_the_nearest(typo: str, place: str, near: str, file: File) -> None:
    error = file.about(typo).refused()
    assert error.where == f"{file.path}:{place}"
    assert "unknown key" in str(error)
    assert near in error.hint


@pytest.mark.parametrize(
    ("text", "field", "hint"),
    [
        ("livekit: {domain: a.example.com}", "region", "such as us-east-1"),
        ("region: us-east-1\nlivekit: {}", "livekit.domain", "such as livekit.example.com"),
        ("region: us-east-1", "livekit.domain", "such as livekit.example.com"),
    ],
)
def test_what_has_no_default_is_asked_for(text: str, field: str, hint: str, file: File) -> None:
    error = file.write(text).refused()
    assert error.field == field
    assert f"{field} is missing" in str(error)
    assert hint in error.hint


@pytest.mark.parametrize("preset", ["uat", "prod"])
def test_outside_dev_somebody_must_say_who_reaches_the_api(preset: str, file: File, tmp_path: Path) -> None:
    text = f"preset: {preset}\nregion: us-east-1\nlivekit: {{domain: a.example.com}}\n"
    file = File(tmp_path / f"{preset}.yaml")
    error = file.write(text).refused()
    assert error.field == "cluster.public_cidrs"
    assert "such as [203.0.113.0/24]" in error.hint
    file.write(text + "cluster: {public_cidrs: [203.0.113.0/24]}\n").load()


def test_everything_that_is_wrong_is_told_at_once(file: File) -> None:
    error = file.write("regoin: us-east-1\nredis:\n  tls: maybe\nlivekit:\n  domain: x_y\n").refused()
    assert "4 things are wrong" in str(error)
    for line in (
        "1:1: unknown key 'regoin' (did you mean 'region'?)",
        "1:1: region is missing",
        "3:3: redis.tls: it must be true or false",
        "5:3: livekit.domain",
    ):
        assert f"{file.path}:{line}" in str(error)
    both = file.about("network: {availability_zones: 1}\nredis: {tls: false}").refused()
    assert "2 things are wrong" in str(both)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('cluster: {version: "1.33"}', "1.33 is in paid extended support since 2026-07-29: move to 1.37"),
        ("preset: uat\ncluster: {public_cidrs: [0.0.0.0/0]}", "the whole Internet"),
        ("nodes: {media: {capacity: spot}}", "two minutes' notice"),
        ("network: {cidr: 10.20.0.0/22}\n" + media(max=4), "leaves 118 addresses in the public subnets, and 4 nodes"),
        ("preset: uat\ncluster: {public_cidrs: [203.0.113.0/24]}\n" + media(instance_types="[t3.medium]"), "burstable"),
        (livekit("settings: {development: true}"), "debug handlers"),
        (
            'redis: {engine: redis, version: "6.2"}',
            "AWS's standard support ends on 2027-01-31; after that each node costs 80 % more, and 160 % in the third "
            'year; set redis.version to "7.1"',
        ),
        ('redis: {version: "9.2"}', "redis.version 9.2 of valkey was not known"),
        ("redis: {snapshot_window: 05:00-06:00}", "redis.snapshot_window has no effect"),
    ],
)
def test_what_works_but_should_be_known_is_a_warning(text: str, warning: str, tmp_path: Path) -> None:
    head = HEAD.replace("preset: dev\n", "") if "preset" in text else HEAD
    tail = "" if "livekit:" in text else LIVEKIT
    env = File(tmp_path / "e1.yaml").write(f"{head}{text}\n{tail}").load()
    assert warning in env.warnings[0]
    assert len(env.warnings) == 1


def test_the_end_of_support_for_an_engine_is_said_half_a_year_before() -> None:
    old = Redis(engine="redis", version="6.2")
    assert engine_support(old, date(2026, 8, 1)) == ""
    assert "ends on 2027-01-31" in engine_support(old, date(2026, 8, 4))
    assert "ends on 2027-01-31" in engine_support(old, date(2027, 1, 31))
    assert "ended on 2027-01-31" in engine_support(old, date(2027, 2, 1))
    assert engine_support(Redis(), date(2030, 1, 1)) == ""


@pytest.mark.parametrize(
    ("region", "remedy"),
    [("us-esat-1", "did you mean 'us-east-1'?"), ("ue-west-1", "did you mean 'eu-west-1'?"), ("zz-q-9", "such as us-")],
)
def test_a_region_that_can_be_none_is_refused(region: str, remedy: str, file: File, tmp_path: Path) -> None:
    error = file.write(HEAD.replace("us-east-1", region) + LIVEKIT).refused()
    assert (error.field, error.where) == ("region", f"{tmp_path / 'dev.yaml'}:2:1")
    assert remedy in error.hint


@pytest.mark.parametrize("region", ["us-east-9", "nz-north-1"])
def test_a_region_that_is_not_known_is_a_warning(region: str, file: File) -> None:
    file.write(HEAD.replace("us-east-1", region) + LIVEKIT)
    (warning,) = file.load().warnings
    assert f"region {region} was not known when this program was released" in warning


def test_the_regions_are_those_of_the_sdk() -> None:
    session = boto3.Session()
    known = {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("eks", partition)
    }
    assert known >= REGIONS


def test_the_addons_that_are_always_there_are_those_that_are_made() -> None:
    assert (*BEFORE_NODES, *AFTER_NODES) == checks.ALWAYS_THERE


def test_a_version_is_gone_the_day_after_its_last(file: File) -> None:
    file.about('cluster: {version: "1.32"}')
    load_environment(file.path, environ={}, today=date(2027, 3, 23))
    with pytest.raises(ConfigError, match=r"no longer has version 1\.32"):
        load_environment(file.path, environ={}, today=date(2027, 3, 24))
