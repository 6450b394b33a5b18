"""`status` in every state of an environment: what is made of what is wanted, and the next command, on one screen."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from livekit_deploy.aws.kinds.keys import Key
from livekit_deploy.k8s.objects import Namespace
from livekit_deploy.operations.report import status_of
from livekit_deploy.render.reports import status_lines
from livekit_deploy.stack import KINDS
from livekit_deploy.state.document import Phase, Record, State

HEADER = {"project": "livekit", "env": "uat", "region": "us-east-1", "account": "123456789012"}
WANTED = {f"{Key.kind}/{number}": "infrastructure" for number in range(12)} | {f"{Namespace.kind}/livekit": "livekit"}


def _shown(phases: Mapping[str, Phase] | None) -> list[str]:
    state = State.new("livekit", "uat")
    for address, phase in (phases or {}).items():
        record = Record(phase, address.partition("/")[0], {}, stage=WANTED[address])
        state = state.with_records({address: record})
    report = status_of(HEADER, None if phases is None else (state, None, 0.0), "livekit.example.com", WANTED, KINDS)
    return [Text.from_markup(line).plain.rstrip() for line in status_lines(report, 80)]


def test_before_anything_is_there_the_next_command_is_named() -> None:
    shown = _shown(None)
    assert "no state yet" in shown[0]
    assert shown[-2:] == ["not deployed yet", "  Next        livekit-deploy up --env uat"]
    assert _shown({})[-2:] == shown[-2:]


def test_what_is_not_made_yet_counts() -> None:
    shown = _shown({"kms.key/0": Phase.READY, "kms.key/1": Phase.CREATING})
    assert "  … infrastructure    1/12" in shown
    assert "  … livekit           0/1" in [line.replace(" 0/1 ", " 0/1") for line in shown]
    assert "unfinished: 1 resource" in shown
    assert "  Next        livekit-deploy up --env uat" in shown


def test_the_next_command_stands_apart() -> None:
    shown = _shown({"kms.key/0": Phase.READY})
    assert shown[-2:] == ["", "  Next        livekit-deploy up --env uat"]


def test_everything_that_is_wanted_is_all() -> None:
    shown = _shown(dict.fromkeys(WANTED, Phase.READY))
    assert "  ✔ infrastructure   12/12" in shown
    assert not any("Next" in line for line in shown)


def test_many_that_are_unfinished_fit_one_screen_and_half_a_down_goes_on_down() -> None:
    shown = _shown(dict.fromkeys(WANTED, Phase.DELETING))
    assert "    and 5 more" in shown
    assert "  Next        livekit-deploy down --env uat" in shown
    assert len(shown) <= 22
