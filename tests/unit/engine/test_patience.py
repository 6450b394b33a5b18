"""What passes by itself is borne by every read of a run, as long as the resource has time; what does not is not."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest

from livekit_deploy.engine.resource import Live
from livekit_deploy.engine.run import ask_again
from livekit_deploy.engine.waits import PROPAGATION, Waits
from livekit_deploy.errors import Busy, Denied, ResourceError, Throttled, Unavailable
from livekit_deploy.events import Progress
from tests.fakes import Fake, FakeCloud
from tests.unit.engine.conftest import Rig

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


def throttled() -> ResourceError:
    return Throttled("Rate exceeded", code="Throttling", request_id="r")


def failing() -> ResourceError:
    return Unavailable("An internal error has occurred", code="InternalError", request_id="r")


def lost() -> ResourceError:
    return Unavailable("Connection was closed", code="ConnectionClosedError")


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


@pytest.mark.parametrize("error", [unreachable, denied, throttled, failing, lost])
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


@pytest.mark.parametrize("silence", [unreachable, throttled, failing, lost])
@pytest.mark.parametrize("verb", ["up", "down"])
def test_silence_is_borne_until_the_time_of_the_resource_is_over(
    verb: str, silence: Fail, rig: Rig, reads: Reads
) -> None:
    prepared(rig, verb)
    reads.fail(3, 10_000, silence)
    began = rig.clock.now()
    (error,) = run(rig, verb).values()
    assert isinstance(error, ResourceError)
    assert error.code == silence().code
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


# ---- a change that is refused, or not answered


class Refusals:
    """Refuses the first calls of a verb, and counts all of them."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, verb: str, times: int, error: Fail, *, done: bool = False
    ) -> None:
        self.count = 0
        original = getattr(Fake, verb)

        def called(item: Fake, *args: object) -> object:
            self.count += 1
            if self.count > times:
                return original(item, *args)
            if done:
                original(item, *args)
            raise error()

        monkeypatch.setattr(Distant, verb, called)


def busy() -> ResourceError:
    return Busy("A conflicting operation is in progress", code="OperationAborted", request_id="r")


@pytest.mark.parametrize(("verb", "called"), [("up", "create"), ("change", "update"), ("down", "delete")])
def test_what_is_busy_is_asked_again(verb: str, called: str, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(rig, verb)
    refusals = Refusals(monkeypatch, called, 3, busy)
    assert run(rig, verb) == {}
    assert refusals.count == 4


@pytest.mark.parametrize("error", [throttled, failing, lost])
def test_a_deletion_that_is_not_answered_is_asked_for_again(
    error: Fail, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(rig, "down")
    refusals = Refusals(monkeypatch, "delete", 2, error)
    assert run(rig, "down") == {}
    assert refusals.count == 3
    assert rig.cloud.things == {}


def test_a_creation_that_ended_with_an_error_of_aws_itself_may_have_worked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    Refusals(monkeypatch, "create", 1, failing, done=True)
    assert run(rig, "up") == {}
    assert len(rig.cloud.things) == 1


# ---- looks that are no read of a resource


@pytest.mark.parametrize("error", [throttled, failing, lost])
def test_a_wait_goes_on_when_aws_does_not_answer_a_look_and_tells_it_at_its_end(error: Fail, rig: Rig) -> None:
    waits = Waits(rig.clock, rig.cancel, threading.Event())
    answers: Iterator[ResourceError | str] = iter([error(), error(), "there"])

    def look() -> str:
        answer = next(answers)
        if isinstance(answer, ResourceError):
            raise answer
        return answer

    assert waits.settle(look, lambda found: found == "there", timeout=60.0) == "there"
    answers = itertools.repeat(error())
    with pytest.raises(type(error())):
        waits.settle(look, bool, timeout=60.0)


def test_a_look_around_is_borne_for_a_moment_and_what_does_not_pass_is_told_at_once(rig: Rig) -> None:
    waits = Waits(rig.clock, rig.cancel, threading.Event())
    answers: Iterator[ResourceError | None] = iter([lost(), throttled(), None])

    def look() -> str:
        if (error := next(answers)) is not None:
            raise error
        return "there"

    assert ask_again(waits, look) == "there"
    answers = iter([broken(), None])
    with pytest.raises(ResourceError, match="says no"):
        ask_again(waits, look)
