"""What passes by itself is borne by every read of a run, as long as the resource has time; what does not is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from livekit_deploy.engine.resource import Live
from livekit_deploy.engine.waits import PROPAGATION
from livekit_deploy.errors import Denied, ResourceError
from livekit_deploy.events import Progress
from tests.fakes import Fake, FakeCloud
from tests.unit.conftest import Rig

Fail = Callable[[], ResourceError]
CHANGES = {"up": 1, "change": 2, "down": 0}


class Distant(Fake):
    """A thing behind an API of its own, which may be out of reach for a while."""

    kind = "fake.distant"
    propagation = {"Unreachable": (), "Unauthorized": ()}


def unreachable() -> ResourceError:
    return ResourceError("the API cannot be reached", code="Unreachable")


def denied() -> ResourceError:
    return Denied("the API does not know this caller", code="Unauthorized", request_id="r")


def broken() -> ResourceError:
    return ResourceError("the API says no", code="BadRequest", request_id="r")


class Reads:
    """Counts the reads of the runs that follow, and fails those that it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.failing, self.error = 0, range(0), unreachable
        read = Fake.read

        def counted(item: Fake, cloud: FakeCloud, id: str | None) -> Live | None:
            self.count += 1
            if self.count in self.failing:
                raise self.error()
            return read(item, cloud, id)

        monkeypatch.setattr(Distant, "read", counted)

    def fail(self, first: int, times: int, error: Fail = unreachable) -> None:
        self.count, self.failing, self.error = 0, range(first, first + times), error


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def run(rig: Rig, verb: str) -> dict[str, object]:
    return dict((rig.down() if verb == "down" else rig.up([Distant("one", size=CHANGES[verb])])).failed)


def prepared(rig: Rig, verb: str) -> None:
    if verb != "up":
        assert run(rig, "up") == {}


@pytest.mark.parametrize("error", [unreachable, denied])
@pytest.mark.parametrize("verb", CHANGES)
def test_a_while_without_an_answer_ends_no_run_whichever_read_it_meets(
    verb: str, error: Fail, rig: Rig, reads: Reads
) -> None:
    prepared(rig, verb)
    reads.fail(0, 0)
    plan = rig.plan([Distant("one", size=CHANGES[verb])]) if verb != "down" else None
    planned = reads.count if plan else 0
    for first in range(planned + 1, 9):
        if first > planned + 1:
            assert run(rig, "down") == {}
            prepared(rig, verb)
        rig.events.clear()
        reads.fail(first, 4, error)
        assert run(rig, verb) == {}
        told = [event.detail for event in rig.events if isinstance(event, Progress)]
        assert reads.count < first or error().message in told
        reads.fail(0, 0)


@pytest.mark.parametrize("verb", ["up", "down"])
def test_silence_is_borne_until_the_time_of_the_resource_is_over(verb: str, rig: Rig, reads: Reads) -> None:
    prepared(rig, verb)
    reads.fail(3, 10_000)
    began = rig.clock.now()
    (error,) = run(rig, verb).values()
    assert isinstance(error, ResourceError)
    assert error.code == "Unreachable"
    limit = Distant.timeout if verb == "up" else Distant.delete_timeout
    assert limit <= rig.clock.now() - began < limit + 30


def test_who_is_not_let_in_for_longer_than_that_takes_to_spread_is_told_so(rig: Rig, reads: Reads) -> None:
    reads.fail(3, 10_000, denied)
    began = rig.clock.now()
    (error,) = run(rig, "up").values()
    assert isinstance(error, Denied)
    assert PROPAGATION < rig.clock.now() - began < Distant.timeout / 2


@pytest.mark.parametrize("first", [2, 3, 4])
def test_what_does_not_pass_ends_the_run_at_once(first: int, rig: Rig, reads: Reads) -> None:
    reads.fail(first, 1, broken)
    (error,) = run(rig, "up").values()
    assert isinstance(error, ResourceError)
    assert error.code == "BadRequest"
    reads.fail(0, 0)
    assert run(rig, "up") == {}
    assert len(rig.cloud.things) == 1
