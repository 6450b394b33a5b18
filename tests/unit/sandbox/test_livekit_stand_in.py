"""The sandbox's livekit-server ends its start as the real one does, and starts where that starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from livekit_deploy.sandbox.cluster.containers.livekit import server
from livekit_deploy.sandbox.cluster.containers.livekit.server import Server
from livekit_deploy.sandbox.cluster.containers.process import File, Process
from livekit_deploy.sandbox.cluster.containers.programs import Ended
from livekit_deploy.sandbox.cluster.port import RedisServer
from tests.livekit_starts import SINCE, STARTS, Start

FOLDER = "/given"
NEWEST, OLDEST = "v1.13.11", "v1.13.7"


def process(**more: Any) -> Process:
    given: dict[str, Any] = {
        "uid": "0a1b2c3d-0000",
        "image": "livekit/livekit-server",
        "arguments": (),
        "environment": {"LIVEKIT_KEYS": "APIkey: a secret of more than thirty-two characters"},
        "files": {},
        "writable": (),
        "read_only": True,
        "user": 65532,
        "groups": frozenset({0}),
        "on_host": True,
        "node": "node-a",
        "outside": "203.0.113.1",
        "address": "10.20.0.10",
        "node_address": "10.20.0.10",
        "taken": frozenset(),
    }
    return Process(**{**given, **more})


def given(start: Start, folder: str = FOLDER) -> Process:
    """What a start is given."""
    variables = {key: value.format(folder=folder) for key, value in start.environment.items()}
    files = {f"{folder}/{name}": File(text, mode) for name, (text, mode) in start.files.items()}
    arguments = tuple(one.format(folder=folder) for one in start.arguments)
    return process(environment={"LIVEKIT_CONFIG": start.config, **variables}, files=files, arguments=arguments, user=0)


def words(text: str) -> str:
    """What it says beside its log."""
    lines = text.splitlines()
    return "\n".join(line for line in lines if line and not line.startswith(("{", "20", "redis: ")))


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize(("tag", "code"), [(NEWEST, 1), (OLDEST, 0)])
def test_a_start_that_fails_ends_as_the_real_one(name: str, tag: str, code: int) -> None:
    ended = server.start(given(STARTS[name]), tag)
    assert isinstance(ended, Ended)
    assert words("\n".join(ended.lines)) == STARTS[name].says.format(folder=FOLDER)
    assert ended.code == code


def test_a_key_is_known_since_its_version() -> None:
    assert isinstance(server.start(given(SINCE), NEWEST), Server)
    old = server.start(given(SINCE), OLDEST)
    assert isinstance(old, Ended)
    assert words("\n".join(old.lines)) == SINCE.says


# ---- Redis


REDIS = RedisServer("redis.example.com", tls=True, plain=False, tokens=("right",), admits=frozenset({"10.20.0.10"}))
CONFIG = "redis: {address: 'redis.example.com:6379', tls: {enabled: true}}"
PLAIN = "redis: {address: 'redis.example.com:6379'}"


@pytest.mark.parametrize(
    ("redis", "config", "password", "says", "seconds"),
    [
        (REDIS, CONFIG, "wrong", "WRONGPASS invalid username-password pair or user is disabled.", 0.5),
        (REDIS, CONFIG, "", "NOAUTH Authentication required.", 0.5),
        (REDIS, PLAIN, "right", "EOF", 0.5),
        (replace(REDIS, tls=False, plain=True), CONFIG, "right", "context deadline exceeded", 25.0),
        (replace(REDIS, admits=frozenset()), CONFIG, "right", "dial tcp redis.example.com:6379: i/o timeout", 102.0),
        (
            replace(REDIS, port=6380),
            CONFIG,
            "right",
            "dial tcp redis.example.com:6379: connect: connection refused",
            1.8,
        ),
        (replace(REDIS, host="x"), CONFIG, "right", "dial tcp: lookup redis.example.com: no such host", 1.8),
    ],
)
def test_why_redis_is_not_reached_is_said_after_its_time(
    redis: RedisServer, config: str, password: str, says: str, seconds: float
) -> None:
    variables = {**process().environment, "LIVEKIT_CONFIG": config, "REDIS_PASSWORD": password}
    ended = server.start(process(environment=variables, redis=(redis,)), NEWEST)
    assert isinstance(ended, Ended)
    assert ended.lines[-1] == f"unable to connect to redis: {says}"
    assert ended.seconds == seconds


@pytest.mark.parametrize(
    ("tokens", "good", "bad"),
    [
        (("old", "new"), ("old", "new"), ("", "older")),  # after ROTATE
        (("new",), ("new",), ("old", "")),  # after SET
        (("", "new"), ("", "new"), ("old",)),  # AUTH on its way in
    ],
)
def test_redis_takes_each_token_that_it_has(tokens: tuple[str, ...], good: Sequence[str], bad: Sequence[str]) -> None:
    for password in (*good, *bad):
        variables = {**process().environment, "LIVEKIT_CONFIG": CONFIG, "REDIS_PASSWORD": password}
        ended = server.start(process(environment=variables, redis=(replace(REDIS, tokens=tokens),)), NEWEST)
        assert isinstance(ended, Ended) is (password in bad), password


def test_a_server_that_runs_answers_by_what_its_redis_does() -> None:
    variables = {**process().environment, "LIVEKIT_CONFIG": f"{CONFIG}\nprometheus: {{port: 6789}}"}
    running = server.start(process(environment={**variables, "REDIS_PASSWORD": "right"}, redis=(REDIS,)), NEWEST)
    assert isinstance(running, Server)
    assert running.ports() == {7880, 7881, 6789}
    assert not running.listens(7890)
    rotated = replace(REDIS, tokens=("another",))
    assert [running.answer(7880, "/", {}, found)[0] for found in ((REDIS,), (rotated,), ())] == [200, 200, 406]
    assert [running.answer(6789, "/metrics", {}, found)[0] for found in ((REDIS,), ())] == [200, 200]
    assert running.answer(7880, "/nope", {}, (REDIS,))[0] == 404
    assert running.answer(7880, "/twirp/livekit.RoomService/ListRooms", {}, (REDIS,))[0] == 401
