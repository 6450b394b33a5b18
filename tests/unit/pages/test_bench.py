"""The page that the bench writes: its words are those of the bench, and its tables say what was measured."""

from __future__ import annotations

from tests.bench import page
from tests.bench.page import Row
from tests.places import ROOT

PAGE = ROOT / "docs" / "performance.md"


def test_what_was_measured_stays_when_the_rest_of_the_page_is_written() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page.render(page.measured(text)) == text
    assert "\n\n\n" not in text
    for table in ("| What | Measured |", "| Service | Operation |", "| `up` |", "| `down` |", "Measured "):
        assert table in text


def test_tables_go_where_they_belong_and_a_missed_budget_shows() -> None:
    rows = [
        Row("start", "0.1 s", "0.15 s", True, "x"),
        Row("up", "2", "1", False, "y"),
        Row("beside", "3", "", True, "z"),
    ]
    text = page.render({page.BUDGETS: page.budgets(rows)})
    sections = {part.splitlines()[0]: part for part in text.split("\n## ")}
    assert "| start | 0.1 s | 0.15 s | yes | `x` |" in sections["Budgets"]
    assert "| up | 2 | 1 | **no** | `y` |" in sections["Budgets"]
    assert "| beside | 3 |  |  | `z` |" in sections["Budgets"]
    assert "| ec2 | DescribeVpcs | 1 | " in sections["The floor of calls"]


def test_the_chain_of_a_run_leaves_out_what_is_short() -> None:
    figures = {"queued_s": 1.0, "calling_s": 2.0, "waiting_s": 500.0, "writing_s": 0.4}
    long = {"address": "eks.cluster/main", **figures}
    short = {"address": "ec2.vpc/main", **dict.fromkeys(figures, 0.1)}
    lines = list(page.chain("up", [short, long]))
    assert "| eks.cluster/main | 1 s | 2 s | 500 s | 0 s |" in lines
    assert "ec2.vpc" not in "\n".join(lines)
    assert "\n\n\n" not in page.render({page.CHAINS: lines})
