"""A plan as Markdown, for a comment on a pull request or a step summary."""

from __future__ import annotations

import re

from rich.text import Text

from livekit_deploy.engine.estimate import Guard
from livekit_deploy.engine.plan import Plan
from livekit_deploy.render import costs, plans
from livekit_deploy.render.escaping import prose

#: GitHub refuses a comment of more than 65536 characters; one comment may hold the plans of several environments
_LONGEST = 15_000


def plan_markdown(plan: Plan) -> str:
    """A heading that says what it comes to, and the plan as the terminal shows it, folded."""
    text = "\n".join(Text.from_markup(line, emoji=False).plain for line in plans.lines(plan))
    if len(text) > _LONGEST:
        text = text[:_LONGEST].rpartition("\n")[0] + "\n… the whole plan is in the log of this run"
    title = f"{len(plan.changes)} changes" if plan.changes else "no changes"
    if plan.cost and plan.cost.lines:
        title += f", about {costs.brief(plan.cost)}"
    guard = plan.cost.guard if plan.cost else None
    if guard and guard.verdict == "refused":
        title = f"refused: {title}"
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return (
        f"### {prose(plan.header['env'])}: {title}\n\n{_alert(guard)}<details><summary>plan</summary>\n\n"
        f"{fence}\n{text}\n{fence}\n\n</details>\n\n"
    )


def _alert(guard: Guard | None) -> str:
    """What must be seen before the plan is unfolded: that it is refused, or that its cost is not known."""
    if guard is None or not guard.text:
        return ""
    first, *rest = map(prose, guard.text.splitlines())
    kind = "CAUTION" if guard.verdict == "refused" else "WARNING"
    return "\n".join([f"> [!{kind}]", f"> {first}", *(f"> - {line.strip()}" for line in rest)]) + "\n\n"
