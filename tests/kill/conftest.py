"""``--every N``: die at every N-th boundary only; ``--boundary N``: at this one only. The table at the end."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.config import Environment
from tests.kill.copies import in_child
from tests.kill.helm import stand_in
from tests.kill.recording import Recording, Result, Set
from tests.kill.standing import Deployed, environment, stood_up
from tests.kill.world import KillAccount, world

READS = 20
FORKS = (
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
)
Wanted = Callable[[int], tuple[str, ...]]


@contextlib.contextmanager
def _region() -> Iterator[None]:
    """All that is set of AWS."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield


@pytest.fixture(scope="module", autouse=True)
def region() -> Iterator[None]:
    with _region():
        yield


@pytest.fixture(scope="session")
def practised(tmp_path_factory: pytest.TempPathFactory) -> Clients:
    """Clients that have done everything once, so that no copy has to read and work out again what a process keeps."""
    with _region(), world(tmp_path_factory.mktemp("practice")) as made, stand_in():
        stood_up(made)
        made.deployer(environment(made), made.fresh).down()
        return made.fresh


@pytest.fixture
def here(tmp_path: Path, practised: Clients) -> Iterator[KillAccount]:
    """A world with nothing in it."""
    with world(tmp_path, practised) as made, stand_in():
        yield made


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Made once for all tests of a file, each of which works in a copy (`in_child`)."""
    with world(tmp_path_factory.mktemp("standing")) as made, stand_in():
        yield stood_up(made)


@dataclass
class Kills:
    """Where to die, and what is said of it."""

    every: int
    only: int | None
    record: Callable[[str, Any], None]

    def among(self, ways: Iterable[str]) -> Wanted:
        """The ways on after a death at a boundary: all of them, or one by turns where only some are tried."""
        names = tuple(ways)

        def wanted(number: int) -> tuple[str, ...]:
            if self.only is not None:
                return names if number == self.only else ()
            turn, rest = divmod(_world(number), self.every)
            if self.every == 1:
                return names
            return (names[turn % len(names)],) if rest == turn % self.every else ()

        return wanted

    def sampled(self, here: KillAccount, env: Environment, before: dict[str, set[str]], verb: str, seed: int) -> Wanted:
        """Some of the reads that this run makes, both ways on."""

        def count() -> int:
            recording = Recording(here, env, before, lambda number: (), reads=True)
            recording.run(verb)
            return recording.seen

        chosen = set(random.Random(seed).sample(range(in_child(count)), READS))
        return lambda number: ("up", "down") if number in chosen else ()

    def judged(self, scenario: str, recording: Recording, ends: Mapping[str, Set]) -> list[Any]:
        """A row of the table, and what went wrong.

        By way on: what an undisturbed run of the same file ends with, nothing after a `down`.
        """
        results = recording.results
        wrong = [text for result in results if (text := _wrong(result, ends[result.then]))]
        duplicates = sum(_more(result, ends[result.then]) for result in results if ends[result.then])
        orphans = sum(len(result.left) for result in results if not ends[result.then])
        passed = len(results) - len(wrong)
        row = [scenario, len({one.number for one in results}), len(results), passed, orphans, duplicates]
        return [row, [f"{scenario}, {text}" for text in wrong]]

    def told(self, judged: list[Any]) -> list[str]:
        """Put the row into the table; returns what went wrong."""
        row, wrong = judged
        self.record("kill", row)
        return list(wrong[:5])

    def judge(self, scenario: str, recording: Recording, ends: Mapping[str, Set]) -> None:
        wrong = self.told(self.judged(scenario, recording, ends))
        assert recording.results, "the run ended before its first boundary"
        assert not wrong, "replay one with --boundary N:\n" + "\n".join(wrong)


def _world(number: int) -> int:
    """What is after a change and what is before the next one are the same world: both boundaries are tried in it."""
    return (number + 1) // 2


def _wrong(result: Result, everything: Set) -> str:
    where = f"boundary {result.number} ({result.boundary}), then {result.then}:"
    if result.error:
        return f"{where} {result.error}"
    if result.left:
        return f"{where} {result.left}"
    if everything and result.everything != everything:
        differ = {k: (everything.get(k), n) for k, n in result.everything.items() if everything.get(k) != n}
        return f"{where} not the same set (undisturbed, now): {differ}"
    if not everything and result.addresses:
        return f"{where} still on record: {result.addresses}"
    return ""


def _more(result: Result, everything: Set) -> int:
    return sum(max(0, count - everything.get(what, 0)) for what, count in result.everything.items())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "turn" in metafunc.fixturenames:
        metafunc.parametrize("turn", range(int(metafunc.config.getoption("--rounds"))))
    if "life" in metafunc.fixturenames:  # of three rounds; the first is one of the quick tests
        lives = range((int(metafunc.config.getoption("--rounds")) + 2) // 3)
        metafunc.parametrize("life", [pytest.param(one, marks=pytest.mark.slow if one else ()) for one in lives])


@pytest.fixture
def kills(request: pytest.FixtureRequest, record_property: Callable[[str, Any], None]) -> Kills:
    every, only = int(request.config.getoption("--every")), request.config.getoption("--boundary")
    return Kills(every, None if only is None else int(only), record_property)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--seed"))
