"""How keys, events and log lines look, wide and narrow."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from livekit_deploy.events import Progress, RunStarted, Started
from livekit_deploy.k8s.cluster_events import ClusterEvent
from livekit_deploy.k8s.pod_logs import LogLine
from livekit_deploy.operations.api_keys import ApiKey, Keys
from livekit_deploy.operations.report import Recorded
from livekit_deploy.render.events import table
from livekit_deploy.render.keys import list_lines
from livekit_deploy.render.live import LiveView
from livekit_deploy.render.screen import Screen
from livekit_deploy.render.words import wrapped
from tests.fakes import FakeClock

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
POD = "pod/livekit-6d5f-x2x9k"
EVENTS = [
    ClusterEvent("2026-11-24T10:55:00Z", "Normal", "Scheduled", POD, "Successfully assigned [it]", 1, "scheduler"),
    ClusterEvent("2026-11-24T11:59:20Z", "Warning", "Unhealthy", POD, "Readiness probe failed: 503", 4, "kubelet"),
]


def test_events_in_a_row_each_where_there_is_room() -> None:
    assert list(table(EVENTS, None, NOW)) == [
        "[bold]  seen  type     reason     object                  message[/]",
        " 1h05m  Normal   Scheduled  pod/livekit-6d5f-x2x9k  Successfully assigned \\[it]",
        "   40s  [yellow]Warning[/]  Unhealthy  pod/livekit-6d5f-x2x9k  Readiness probe failed: 503 (x4)",
    ]


def test_in_a_narrow_terminal_the_message_stands_below() -> None:
    assert list(table(EVENTS, 60, NOW))[3:] == [
        "   40s  [yellow]Warning[/]  Unhealthy  pod/livekit-6d5f-x2x9k",
        "        Readiness probe failed: 503 (x4)",
    ]


def test_no_events_say_why() -> None:
    assert list(table([], None, NOW)) == ["the cluster has no events of LiveKit: it forgets them after an hour"]


def test_keys_say_who_has_them() -> None:
    keys = (ApiKey("APIa", "main", "2026-11-12T11:00:00Z", True), ApiKey("APIb", "recorder", "", False))
    lines = list(list_lines(Keys("livekit/uat/api-keys", "v2", keys, 2, 1), None, NOW))
    assert lines == [
        "[bold]key   name         age[/]",
        "APIa  main         12d  [dim]webhooks and verify use it[/]",
        "APIb  recorder        ",
        "",
        "secret   secretsmanager:livekit/uat/api-keys",
        "version  v2",
        "pods     1 of 2 pods started with this version; the others drain calls, or wait for up",
    ]
    assert list(list_lines(Keys("s", "v2", keys, 0, 0), None, NOW))[-1] == "version  v2"


@pytest.mark.parametrize(
    ("before", "command", "after"),
    [
        ("write the alias again:", "livekit-deploy up --env dev --sandbox", ""),
        ("first:", "livekit-deploy up --env dev --sandbox", ", and then look at it"),
        ("see the addresses with:", "python -m livekit_deploy state list --set a.b=c --config x.yaml", ""),
        ("what the cluster says of it:", "kubectl describe ingress -n livekit", " or something else"),
    ],
)
def test_a_command_is_not_cut_where_it_would_not_work_any_more(before: str, command: str, after: str) -> None:
    shown = wrapped(f"{before} {command}{after}", 40)
    assert len([line for line in shown if command in line]) == 1
    assert " ".join(shown) == f"{before} {command}{after}"
    assert all(len(line) <= 40 for line in shown if command not in line)


def test_what_is_to_be_copied_is_written_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:livekit/uat/api-keys-zuGMSc"  # rich knows :secret:
    Screen().records([Recorded("secretsmanager.secret/api-keys", "ready", arn, "")])
    Screen().note(arn)
    said = capsys.readouterr()
    assert said.out.split()[-1] == said.err.strip() == arn
    view = LiveView(Screen(), FakeClock())
    view(RunStarted(command="up", env="uat", stages={"infrastructure": 1}, total=1))
    view(Started(address="a.b/c", verb="create", stage="infrastructure", usual_s=1))
    view(Progress(address="a.b/c", verb="create", stage="infrastructure", detail=arn, elapsed_s=1, usual_s=1))
    assert view.draw().plain.rstrip().endswith(arn)


def test_a_line_of_a_pod_is_as_it_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    line = LogLine("livekit-1", "2026-11-24T12:00:00.000000001Z", '{"msg": "[red] é"}')
    Screen().log_line(line, named=True, json=False)
    Screen().log_line(line, named=False, json=False)
    Screen().log_line(line, named=True, json=True)
    named, bare, as_json = capsys.readouterr().out.splitlines()
    assert (named, bare) == (f"[livekit-1] {line.text}", line.text)
    assert {"type": "log", "pod": "livekit-1", "at": line.at, "text": line.text}.items() <= json.loads(as_json).items()
