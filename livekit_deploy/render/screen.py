"""The terminal: results on stdout, everything else on stderr, in colour if it is supported.

What is only text is written as it is; what draws and colours is imported when something is drawn.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from livekit_deploy.render import escaping, format_version

if TYPE_CHECKING:
    from rich.console import Console

    from livekit_deploy.checks.finding import Finding
    from livekit_deploy.config import Environment
    from livekit_deploy.config.explain import Explained
    from livekit_deploy.engine.critical_path import Step
    from livekit_deploy.engine.plan import Plan
    from livekit_deploy.engine.resource import Resource
    from livekit_deploy.k8s.cluster_events import ClusterEvent
    from livekit_deploy.k8s.pod_logs import LogLine
    from livekit_deploy.operations.api_keys import Keys
    from livekit_deploy.operations.report import Recorded, Report, StatusReport
    from livekit_deploy.operations.state_repair import Proposal
    from livekit_deploy.state.document import Holder
    from livekit_deploy.state.history import Past


class Screen:
    """``out`` takes results, ``err`` progress and prompts; ``spelled`` puts commands as they must be typed here."""

    def __init__(
        self, *, color: bool = True, quiet: bool = False, verbose: int = 0, spelled: Callable[[str], str] = str
    ) -> None:
        self._spelled = spelled
        self._plain = not color or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        self.quiet, self.verbose = quiet, verbose

    @functools.cached_property
    def out(self) -> Console:
        """For results that are drawn."""
        return self._console(stderr=False)

    @functools.cached_property
    def err(self) -> Console:
        """For progress and prompts."""
        return self._console(stderr=True)

    def _console(self, *, stderr: bool) -> Console:
        from rich.console import Console

        return Console(no_color=self._plain, highlight=False, emoji=False, stderr=stderr, soft_wrap=True)

    @property
    def live(self) -> bool:
        """Whether the terminal can be drawn on."""
        return self.err.is_terminal and not self.quiet and os.environ.get("TERM") != "dumb" and "CI" not in os.environ

    # ---- results

    def result(self, text: str) -> None:
        """A result, as it is."""
        sys.stdout.write(f"{escaping.text(text)}\n")

    def json(self, text: str) -> None:
        """JSON, as it is and nothing else."""
        sys.stdout.write(escaping.json(text.rstrip("\n")) + "\n")

    def json_value(self, values: Mapping[str, Any]) -> None:
        """A JSON object with the version of its format."""
        self.json(json.dumps(format_version.versioned(values), indent=2, default=str))

    def plan(self, plan: Plan) -> None:
        """The plan, by stage."""
        from livekit_deploy.render import plans

        self._lines(plans.lines(plan, self._width, every=self.verbose > 0))

    def drift(self, plan: Plan) -> None:
        """Only what somebody else changed."""
        from livekit_deploy.render import plans

        self._lines(plans.drift_lines(plan, self._width))

    def outputs(self, outputs: Mapping[str, Any]) -> None:
        """Names and values, aligned."""
        if not outputs:
            self.say("not deployed yet: run livekit-deploy up")
        width = max(map(len, outputs), default=0)
        for name, value in outputs.items():
            self.result(escaping.line(f"{name:<{width}}  {value}"))

    def status(self, report: StatusReport, plan: Plan | None) -> None:
        """One screen."""
        from livekit_deploy.render import reports

        self._lines(reports.status_lines(report, self._width, self._spelled))
        if plan is not None:
            from livekit_deploy.render import plans

            self._lines(["", *plans.changed_lines(plan, self._width)])

    def graph(self, resources: Sequence[Resource], form: str) -> None:
        """The resource graph as ``text``, ``mermaid`` or ``svg``."""
        from livekit_deploy.render.graph import drawn

        self.result(drawn(resources, form, self._width))

    def explained(self, found: Explained) -> None:
        """What a key of an environment file means."""
        from livekit_deploy.render.explain import explained_lines

        self._lines(explained_lines(found, self._width))

    def records(self, records: Sequence[Recorded]) -> None:
        """Address, phase and id of each record."""
        from livekit_deploy.render.words import address_column, whole

        if not records:
            self.say("not deployed yet: run livekit-deploy up")
        column = address_column((one.address for one in records), self._width)
        for one in records:
            self._lines(whole(f"{one.address:<{column}}  {one.phase:<9} ", one.id, self._width))

    def log_line(self, line: LogLine, *, named: bool, json: bool) -> bool:
        """A line of a pod, at once: behind the pod's name, or as an object of JSON. Says whether it was written."""
        said = f"[{line.pod}] {line.text}" if named else line.text
        sys.stdout.write(format_version.line({"type": "log", **asdict(line)}) if json else f"{escaping.line(said)}\n")
        sys.stdout.flush()
        return getattr(sys.stdout, "failure", None) is None

    def events(self, found: Sequence[ClusterEvent]) -> None:
        """What happened in the cluster."""
        from livekit_deploy.render import events

        self._lines(events.table(found, self._width))

    def keys(self, found: Keys) -> None:
        """LiveKit's API keys."""
        from livekit_deploy.render import keys

        self._lines(keys.list_lines(found, self._width))

    def key_changed(self, env: Environment, **what: str) -> None:
        """Which key is there now, and which is being deleted."""
        from livekit_deploy.render import keys

        self._lines(map(self._spelled, keys.changed_lines(env, **what)))

    def history(self, past: Iterable[Past]) -> None:
        """Earlier states."""
        from livekit_deploy.render import state_repair

        self._lines(state_repair.history_lines(past, self._width))

    def proposal(self, proposal: Proposal) -> None:
        """What would be written in place of the present state."""
        from livekit_deploy.render import state_repair

        self._lines(state_repair.proposal_lines(proposal, every=self.verbose > 0))

    def finished_up(self, report: Report, env: Environment, stage: str) -> None:
        """How `up` ended, and where LiveKit answers."""
        from livekit_deploy.render import reports

        self._lines(["", *self._went(report), *reports.up_lines(report, env, stage, self._width, self._spelled)])

    def unfinished(self, report: Report, env: Environment) -> None:
        """What continues by itself after a run."""
        from livekit_deploy.render import reports

        self._lines(reports.unfinished_lines(report, env, self._width, self._spelled))

    def finished_down(self, report: Report) -> None:
        """How `down` ended, with the proof."""
        from livekit_deploy.render import reports

        self._lines(["", *self._went(report), *reports.down_lines(report)])

    def _went(self, report: Report) -> Iterator[str]:
        """Where the time of a run went, with an empty line after it."""
        from livekit_deploy.render import chains

        if not (report.created or report.updated or report.deleted):
            return
        if shown := list(chains.run_lines(report.chain, self._width, every=self.verbose > 0)):
            yield from (*shown, "")

    def critical_path(self, chain: Sequence[Step]) -> None:
        """What `up` from nothing waits for."""
        from livekit_deploy.render import chains

        self._lines(chains.expected_lines(chain, self._width))

    def findings(self, found: Sequence[Finding]) -> None:
        """What checks found, and how many hold."""
        from livekit_deploy.render import findings

        self._lines([*findings.lines(found, self._width), "", findings.summary(found)])

    def verified(self, found: Sequence[Finding], env: Environment) -> None:
        """What `verify` found, and where LiveKit answers if it does."""
        from livekit_deploy.checks.finding import failed
        from livekit_deploy.render import reports

        self.findings(found)
        if not failed(found):
            self.out.print(reports.answers(env))

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.out.print(line)

    @property
    def _width(self) -> int | None:
        """Columns to wrap at; what goes into a file or a pipe is not wrapped."""
        return self.out.width if self.out.is_terminal else None

    # ---- the rest

    def say(self, text: str) -> None:
        """A line on the way."""
        if not self.quiet:
            sys.stderr.write(f"{escaping.text(self._spelled(text))}\n")

    def warn(self, texts: Iterable[str]) -> None:
        """What is allowed but should be known."""
        for text in texts:
            self.say(f"warning: {escaping.line(text)}")

    def note(self, markup: str) -> None:
        """Something that happened, in markup."""
        if not self.quiet:
            self.err.print(markup)

    def holder(self, holder: Holder, remaining: float) -> None:
        """Who holds the lease."""
        from livekit_deploy.render import reports

        self.err.print(reports.holder_line(holder, remaining))

    def prompt(self, question: str) -> str:
        """An answer, "" at the end of the input."""
        sys.stderr.write(f"{escaping.line(question)} ")
        sys.stderr.flush()
        return sys.stdin.readline().rstrip("\n")
