"""Random environments, random changes of them, random faults, killed at random: the laws hold for all of them.

The whole stack, the cluster and what is in it included. Order, and a second run that makes no call, are looked at here;
the document of every moment and what it holds are kept by the bucket's versions.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import boto3
import jsonschema
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as some
from moto.s3.models import s3_backends

from livekit_deploy.aws.kinds import api_keys
from livekit_deploy.aws.state_bucket.bucket import default_bucket
from livekit_deploy.config import Environment
from livekit_deploy.config.presets import merged
from livekit_deploy.errors import DeployError, Incomplete
from livekit_deploy.sandbox.faults import calls
from tests.faults.environments import ENVIRONMENTS, loaded
from tests.faults.rig import faults
from tests.inventory import inventory
from tests.kill.calls import ACCOUNT, REGION
from tests.kill.conftest import FORKS
from tests.kill.copies import in_child
from tests.kill.helm import stand_in
from tests.kill.recording import LATER, Recording, go_on, how_many
from tests.kill.world import KillAccount, world
from tests.places import ROOT

SCHEMA = json.loads((ROOT / "state" / "schema.json").read_text(encoding="utf-8"))
VALID = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
_NO_SECRET = 12  # the length of an API key, which is drawn as secrets are
#: the lease of a run that is slow on a busy machine
LEASE = {"state": {"lease_seconds": 900}}
BUCKET = default_bucket(ACCOUNT, REGION)
_UNDER_WAY = ("creating", "made", "updating", "deleting")

pytestmark = [pytest.mark.slow, *FORKS]


class Laws:
    """What is watched in a world: what is drawn for secrets, and each document that was ever written."""

    def __init__(self, here: KillAccount) -> None:
        self.here, self.drawn = here, list[str]()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        draw = api_keys.random

        def noted(length: int) -> str:
            self.drawn.append(draw(length))
            return self.drawn[-1]

        with mock.patch.object(api_keys, "random", noted):
            yield

    def documents(self) -> list[str]:
        """Every version of the state, and of what is beside it in the bucket."""
        s3 = boto3.client("s3")
        found = s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
        versions = [one for page in found for one in page.get("Versions", [])]
        bodies = [s3.get_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"]) for one in versions]
        return [one["Body"].read().decode() for one in bodies]

    def hold(self) -> None:
        """Each document is valid, and none has ever held a secret."""
        documents = self.documents()
        assert documents
        assert self.drawn
        for text in documents:
            VALID.validate(json.loads(text))
        for secret in self.drawn:
            if len(secret) > _NO_SECRET:
                assert not [text for text in documents if secret in text]


class Lawful(Recording):
    """Looks at the document before each change that is not one of the document, and at more after a death."""

    def __init__(self, laws: Laws, env: Environment, *more: Any) -> None:
        super().__init__(laws.here, env, *more)
        self._laws, self._key = laws, f"livekit-deploy/{env.project}/{env.name}.json"
        self.broken: list[str] = []

    def _passes(self, boundary: str, mutating: bool) -> None:
        if mutating and boundary.startswith("before ") and not boundary.startswith("before s3."):
            self.broken += [f"{boundary}: {what}" for what in _broken(self._records())]
        super()._passes(boundary, mutating)

    def _records(self) -> dict[str, Any]:
        """Past all faults."""
        bucket = s3_backends[ACCOUNT]["aws"].buckets.get(BUCKET)
        document = bucket.keys.get(self._key) if bucket else None
        return dict(json.loads(document.value)["records"]) if document else {}

    def _next_run(self, then: str) -> dict[str, Any]:
        calls.clear()  # what went wrong is over
        found = super()._next_run(then)
        if then == "up":
            assert self._changes_of_a_second_run() == []
            gone = go_on(self._world, self._env, "down", self._before, later=LATER)
            assert (gone["left"], gone["addresses"]) == ([], [])
        self._laws.hold()
        return found

    def _changes_of_a_second_run(self) -> list[str]:
        made: list[str] = []
        self._world.passing = lambda what, mutating: made.append(what) if mutating and "s3." not in what else None
        self._world.deployer(self._env, self._world.watched(), LATER).up()
        self._world.passing = None
        return made


def _broken(records: dict[str, Any]) -> Iterator[str]:
    """A change that no record announces, something made before what it needs, something gone before what needs it."""
    under_way = {address for address, one in records.items() if one["phase"] in _UNDER_WAY}
    if records and not under_way:
        yield "nothing is recorded as under way"
    for address in under_way:
        record = records[address]
        for other in record["deps"]:
            if record["phase"] == "creating" and records.get(other, {}).get("phase") != "ready":
                yield f"{address} is made before {other} is ready"
        if record["phase"] == "deleting":
            left = [at for at, one in records.items() if address in one["deps"] and one.get("lives_in") != address]
            yield from (f"{address} goes before {at}" for at in left)


FAULTS = some.fixed_dictionaries(
    {
        "fault": some.sampled_from(["throttling", "error-500", "error-503", "reset-before", "reset-after"]),
        "call": some.just("*:*"),
        "after": some.integers(0, 600),
        "times": some.integers(1, 3),
    }
)


@dataclass
class Trial:
    """What is done to which environment: ``parts`` are the sections that a change takes from the ``other`` one, ``at``
    is how far the run has come when it dies."""

    values: dict[str, Any]
    other: dict[str, Any]
    parts: set[str]
    verb: str
    then: str
    at: float
    fault: dict[str, Any] | None

    @property
    def command(self) -> str:
        return "down" if self.verb == "down" else "up"

    def environment(self, here: KillAccount) -> Environment | None:
        """As the run finds it described, all before that made; None where the models or the plan refuse it."""
        env = loaded(here.environment({**self.values, **LEASE}))
        if env is not None and self.verb != "up":
            here.deployer(env, here.fresh).up()
        if env is not None and self.verb == "change":
            theirs = {part: self.other[part] for part in sorted(self.parts & self.other.keys())}
            env = loaded(here.environment({**merged(self.values, theirs), **LEASE}))
            if env is not None and here.deployer(env, here.fresh).plan().blocked:
                return None
        return env

    def boundaries(self, here: KillAccount, env: Environment, before: dict[str, set[str]]) -> int:
        """Those of a run that nobody disturbs, 0 where AWS refuses the change."""

        def count() -> int:
            recording = Recording(here, env, before, lambda number: ())
            try:
                recording.run(self.command)
            except Incomplete:
                if self.verb != "change":
                    raise
                return 0
            return recording.seen

        return int(in_child(count))

    def run(self, recording: Recording) -> None:
        """What goes wrong may end it, before it dies or after."""
        refused = contextlib.suppress(DeployError) if self.fault else contextlib.nullcontext()
        with refused, faults(*filter(None, [self.fault])):
            recording.run(self.command)


TRIALS = some.builds(
    Trial,
    values=ENVIRONMENTS,
    other=ENVIRONMENTS,
    parts=some.sets(some.sampled_from(["livekit", "network", "nodes", "redis", "cluster", "tags"]), min_size=1),
    verb=some.sampled_from(["up", "change", "down"]),
    then=some.sampled_from(["up", "down"]),
    at=some.floats(0.0, 1.0, exclude_max=True),
    fault=some.none() | FAULTS,
)


@settings(max_examples=12, print_blob=True, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(trial=TRIALS)
def test_any_environment_killed_and_struck_anywhere(trial: Trial) -> None:
    quick = mock.patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
    with tempfile.TemporaryDirectory() as folder, world(Path(folder)) as here, stand_in(), quick:
        laws, before = Laws(here), inventory()
        with laws.watching():
            if (env := trial.environment(here)) is None:
                return
            if (boundaries := trial.boundaries(here, env, before)) == 0:
                return
            death = int(trial.at * boundaries)
            recording = Lawful(laws, env, before, lambda number: (trial.then,) if number == death else ())
            trial.run(recording)
            assert recording.broken == []
            laws.hold()
            for result in recording.results:
                assert (result.error, result.left) == ("", [])
                if trial.then == "down":
                    assert result.addresses == []
                elif trial.command == "up" and not trial.fault:
                    assert result.everything == how_many()
