"""What whoever writes a kind is told when something of it is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from livekit_deploy.engine.inputs import Input
from livekit_deploy.engine.kinds import named
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.stack import KINDS
from tests.fakes import Fake
from tests.kinds import kinds


class Bare(Resource):
    """A kind that has no verb yet."""

    kind = "fake.bare"
    size: Input[int] = Input(api="Size")

    @classmethod
    def scan(cls, cloud: Any, host: Live | None) -> Iterable[Found]:
        return super().scan(cloud, host) if cloud == "asked" else ()


class Other(Resource):
    """Another that claims to be a `Fake`."""

    kind = "fake.other"


def test_two_classes_with_one_kind_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Other, "kind", Fake.kind)
    with pytest.raises(TypeError, match=r"two classes claim the kind fake\.thing: Fake, Other"):
        named([Fake, Fake, Other])
    assert named([Fake, Fake]) == {"fake.thing": Fake}


def test_every_kind_of_the_product_is_known_to_its_runs() -> None:
    ours = {name: kind for name, kind in kinds().items() if kind.__module__.startswith("livekit_deploy.")}
    assert dict(KINDS) == ours


def test_an_input_that_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(TypeError, match=r"Bare\('x'\) lacks the input size"):
        Bare("x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Bare has no input colour, weight"):
        Bare("x", size=1, weight=2, colour="red")  # type: ignore[call-arg]


def test_an_input_has_a_value_on_an_object_only() -> None:
    assert Bare("x", size=1).size == 1
    assert not hasattr(Bare, "size")


@pytest.mark.parametrize(
    ("verb", "use"),
    [
        ("read", lambda item: item.read_teardown(None, None)),
        ("create", lambda item: item.create(None, "token")),
        ("update", lambda item: item.update(None, Live("x", Status.READY), frozenset())),
        ("delete", lambda item: item.delete(None, Live("x", Status.READY))),
        ("scan", lambda item: item.scan("asked", None)),
    ],
)
def test_a_verb_that_is_missing_is_named(verb: str, use: Callable[[Resource], object]) -> None:
    with pytest.raises(TypeError, match=rf"fake\.bare does not say how to {verb}"):
        use(Bare("x", size=1))
