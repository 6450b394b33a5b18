"""`plan --refresh-only`: who did what, as applied and as it is now, and what `up` makes of it."""

from __future__ import annotations

from rich.text import Text

from livekit_deploy.engine.plan import GONE, Action, FieldDiff, Plan, PlannedChange
from livekit_deploy.render.plans import drift_lines


def _shown(*changes: PlannedChange) -> list[str]:
    plan = Plan("up", "lineage", 3, "digest", changes, header={"project": "livekit", "env": "uat"})
    return [Text.from_markup(line).plain.rstrip() for line in drift_lines(plan)]


def test_only_what_somebody_else_did_is_shown_and_in_the_order_in_which_it_happened() -> None:
    theirs = FieldDiff("retention", before=90, after=30, origin="drift")
    ours = FieldDiff("other", before=1, after=2, origin="config")
    shown = _shown(
        PlannedChange("logs.log_group/cluster", Action.UPDATE, "infrastructure", (theirs, ours), id="/aws/eks/x"),
        PlannedChange("ec2.vpc/main", Action.UPDATE, "infrastructure", (ours,)),
        PlannedChange("k8s.namespace/livekit", Action.CREATE, "livekit", reason=GONE),
    )
    assert "Someone else changed 2 resources  (as applied → as it is now)" in shown
    assert "  ~ logs.log_group/cluster  /aws/eks/x" in shown
    assert "      retention  30 → 90" in shown
    assert "  - k8s.namespace/livekit  deleted" in shown
    assert not any("other" in line or "vpc" in line for line in shown)
    assert shown[-1].startswith("`up` corrects it.")


def test_a_secret_is_shown_by_its_version_and_what_is_blocked_with_its_way_out() -> None:
    version = {"$secret": "arn", "key": "", "version": "v1"}
    diff = FieldDiff("values.password", {"version": "overwritten by kubectl-edit"}, version, "drift", secret=True)
    shown = _shown(
        PlannedChange("k8s.secret/keys", Action.UPDATE, "livekit", (diff,)),
        PlannedChange(
            "eks.cluster/main", Action.BLOCKED, "infrastructure", (FieldDiff("version", "2", "1", "drift"),), hint="go"
        ),
    )
    assert "      values.password  v1 → overwritten by kubectl-edit" in shown
    assert "      → go" in shown
    assert shown[-1].startswith("Resolve what is marked ! first: `up` refuses until then.")


def test_marks_that_somebody_took_off_are_shown_with_what_to_do_about_them() -> None:
    gone = FieldDiff("ownership_tags.livekit-deploy:env", None, "uat", "drift")
    warning = "tags removed: livekit-deploy:env"
    lost = PlannedChange(
        "ec2.vpc/main", Action.NOOP, "network", unmarked=(gone,), warning=warning, remedy="up --adopt it"
    )
    shown = _shown(lost)
    assert "  ! ec2.vpc/main" in shown
    assert any("ownership_tags.livekit-deploy:env" in line for line in shown)
    assert any(warning in line for line in shown)
    assert any("up --adopt it" in line for line in shown)
    assert any(line.startswith("`up` leaves it as it is until it is adopted.") for line in shown)


def test_no_drift_says_so() -> None:
    assert _shown(PlannedChange("ec2.vpc/main", Action.NOOP, "infrastructure"))[0].startswith("No drift:")
