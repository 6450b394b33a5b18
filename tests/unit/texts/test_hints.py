"""A hint that gives a value for a field is followed by writing it down: the file takes the field, and the value."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import livekit_deploy
from livekit_deploy.aws.kinds.eks.cluster import Cluster
from livekit_deploy.aws.kinds.elasticache.replication_groups import ReplicationGroup
from livekit_deploy.config.checks import SUPPORT, problems
from livekit_deploy.config.redis_checks import ENGINES
from livekit_deploy.engine.resource import Live, Resource, Status
from tests.unit.environments import TODAY, File
from tests.unit.texts.hints import PUT, takes

_SET = re.compile(r"\b[Ss]et ([a-z_]+(?:\.[a-z_]+)+) to (\"[^\"]*\"|[\w.{}-]+)")
_WORDS = {"a", "its", "one", "some"}  # which tell what value, and are none


def _texts() -> Iterator[tuple[str, str]]:
    """Every text of the product, with the file that it is in."""
    for path in sorted(Path(livekit_deploy.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else PUT for part in node.values)
                yield "".join(map(str, parts)), path.name
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value, path.name


def _settings() -> set[tuple[str, str]]:
    said = {(field, value.rstrip(".")) for text, _ in _texts() for field, value in _SET.findall(text)}
    return {(field, value) for field, value in said if value not in _WORDS}


def test_every_hint_names_a_field_and_a_value_that_it_takes() -> None:
    found = _settings()
    assert ("redis.tls", "true") in found, "nothing is found where there is much"
    for field, value in found:
        if PUT not in value:
            takes(field, value)


def _refused(item: Resource, changed: str, **props: Any) -> tuple[str, str] | None:
    if not item.differs(changed, item.__dict__[changed], props[changed]):
        return None
    refused = item.refusals(Live("x", Status.READY, props), [changed])
    if changed not in refused:
        return None
    found = _SET.search(refused[changed])
    assert found is not None, refused
    return found[1], found[2]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_version_of_an_engine_that_does_not_go_back_is_one_for_the_file(engine: str, file: File) -> None:
    """Also of one that this program did not know: AWS raised it."""
    tried = 0
    for want in ENGINES[engine]:
        for have in (*(f"{one}.{patch}" for one in ENGINES[engine] for patch in (0, 1, 12)), *_later(engine)):
            item = ReplicationGroup(
                "redis", engine=engine, version=want, node_type="n", security_group_ids=["sg"], subnet_group="s"
            )
            if (hint := _refused(item, "version", version=have)) is None:
                continue
            tried += 1
            takes(*hint)
            env = file.about(f"redis: {{engine: {engine}, version: {hint[1]}}}").load()
            assert list(problems(env, TODAY)) == []
            assert not item.differs("version", env.redis.version, have), "the hint leads on when it is followed"
    assert tried


def _later(engine: str) -> list[str]:
    """What AWS may raise it to one day; Redis has ended."""
    major, minor = ENGINES[engine][-1].split(".")
    return [f"{major}.{int(minor) + 1}.3"] if engine == "valkey" else []


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "uat.yaml")


def test_the_version_of_a_cluster_that_cannot_be_changed_is_one_for_the_file() -> None:
    for have in SUPPORT:
        for want in SUPPORT:
            item = Cluster("main", role_arn="r", subnet_ids=[], version=want, public_cidrs=[])
            refused = item.refusals(Live("x", Status.READY, {"version": have}), ["version"])
            if item.differs("version", want, have) and refused:
                found = re.search(r'[Ss]et (?:cluster\.version to )?"([\d.]+)"', refused["version"])
                assert found is not None, refused
                takes("cluster.version", f'"{found[1]}"')
                assert found[1] in SUPPORT


def test_a_version_that_this_program_does_not_know_is_not_one_for_its_file(file: File) -> None:
    """Somebody raised the cluster: the file would be refused with it, so another version of the program comes first."""
    newest = max(SUPPORT)
    beyond = f"1.{int(newest.partition('.')[2]) + 1}"
    assert "EKS has no version" in str(file.about(f'cluster: {{version: "{beyond}"}}').refused())
    item = Cluster("main", role_arn="r", subnet_ids=[], version=newest, public_cidrs=[])
    refused = item.refusals(Live("x", Status.READY, {"version": beyond, "key_arn": None}), ["version"])
    assert refused["version"].startswith("EKS cannot go back to an older version: upgrade livekit_deploy")
