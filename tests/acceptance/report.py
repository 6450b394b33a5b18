"""The report: one Markdown file, written anew after each step, so that it is there whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import boto3

from livekit_deploy import __version__
from tests.acceptance.steps import Ran


class Report:
    """``path`` is where it is."""

    def __init__(self, path: Path, title: str, price: str) -> None:
        self.path, self._title, self._price = path, title, price
        self.steps: list[Ran] = []
        self.verdict = "under way"
        self.left: Sequence[str] = ()
        self.differences = ""
        self.write()

    def add(self, ran: Ran) -> None:
        """One more step has ended."""
        self.steps.append(ran)
        self.write()

    def write(self) -> None:
        """As it is now."""
        self.path.write_text("\n".join(self._lines()) + "\n", encoding="utf-8")

    def _lines(self) -> list[str]:
        lines = [f"# {self._title}", "", f"**{self.verdict}**", ""]
        lines += [f"livekit_deploy {__version__}, boto3 {boto3.__version__}. Said before: {self._price}.", ""]
        lines += ["| Step | Began | Took | Exit | Calls | of them changes | Result | Record |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        lines += [
            f"| {one.name} | {one.began} | {one.seconds:.0f} s | {one.code} | {one.calls} | {one.changes} |"
            f" {one.wrong or '✔'} | [{one.record.name}]({one.record.name}) |"
            for one in self.steps
        ]
        if self.left:
            lines += ["", "## What is left", "", *(f"- {one}" for one in self.left)]
        if self.differences:
            lines += ["", "## The sandbox, compared with these records", "", "```", self.differences.rstrip(), "```"]
        return lines
