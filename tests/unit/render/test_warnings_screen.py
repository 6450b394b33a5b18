"""What is wrong with what runs is shown by every command that looks; and a plan counts all that it deletes."""

from __future__ import annotations

import json

import pytest
from rich.text import Text

from livekit_deploy.base.clock import Clock
from livekit_deploy.engine.plan import Action, Plan, PlannedChange
from livekit_deploy.operations.report import Report, status_of
from livekit_deploy.render import plans, reports
from livekit_deploy.render.json_lines import JsonLines
from livekit_deploy.render.markdown import plan_markdown
from livekit_deploy.stack import KINDS
from livekit_deploy.state.document import Phase, Record, State, dump, load
from tests.service_authorization import preset

GROUP = "eks.node_group/media-1a2b"
SAID, REMEDY = "DEGRADED: AsgInstanceLaunchFailures: no capacity (asg-1)", "name further types"


def plan(*changes: PlannedChange) -> Plan:
    header = {"project": "livekit", "env": "uat", "region": "us-east-1", "account": "123456789012"}
    return Plan("up", "lineage", 3, "digest", tuple(changes), header=header)


def text(lines: object) -> str:
    return "\n".join(Text.from_markup(line, emoji=False).plain for line in lines)  # type: ignore[attr-defined]


def ill(action: Action = Action.NOOP) -> PlannedChange:
    return PlannedChange(GROUP, action, "infrastructure", warning=SAID, remedy=REMEDY)


@pytest.mark.parametrize("action", [Action.NOOP, Action.UPDATE])
def test_a_plan_warns_with_the_reason_and_the_remedy_whatever_it_changes(action: Action) -> None:
    for shown in (text(plans.lines(plan(ill(action)))), text(plans.drift_lines(plan(ill())))):
        assert f"Warning     {GROUP}: {SAID}" in shown
        assert f"→ {REMEDY}" in shown
    assert SAID in plan_markdown(plan(ill(action)))
    again = Plan.load(plan(ill(action)).dump())
    assert again.warnings == {GROUP: (SAID, REMEDY)}


def test_what_is_made_again_counts_as_deleted() -> None:
    again = PlannedChange(
        GROUP, Action.RESUME, "infrastructure", reason="it failed: it is deleted and made again", remakes=True
    )
    assert "1 to create, 0 to update, 1 to delete" in text(plans.lines(plan(again)))
    assert "0 to delete" in text(plans.lines(plan(PlannedChange(GROUP, Action.RESUME, "infrastructure"))))


def test_up_and_its_json_tell_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("up", warnings={GROUP: (SAID, REMEDY)})
    for stage in ("", "infrastructure"):
        shown = text(reports.up_lines(report, preset("uat"), stage))
        assert f"{GROUP}: {SAID}" in shown
        assert REMEDY in shown
    JsonLines(Clock()).finished(report)
    told = json.loads(capsys.readouterr().out)["warnings"]
    assert told == [{"address": GROUP, "warning": SAID, "remedy": REMEDY}]


def test_the_state_keeps_what_was_wrong_and_status_shows_it() -> None:
    record = Record(Phase.READY, "eks.node_group", {}, id="media", warning=SAID)
    state = State.new("livekit", "uat").with_records({GROUP: record})
    kept = load(dump(state), "here")
    assert kept.records[GROUP].warning == SAID
    shown = text(reports.status_lines(status_of({}, (kept, None, 0.0), "a.example.com", {}, KINDS)))
    assert f"{GROUP}: {SAID}" in shown
