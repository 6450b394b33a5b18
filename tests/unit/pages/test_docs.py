"""The pages: every link leads somewhere, and every command that they show is one that there is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from livekit_deploy.cli.entry import cli
from tests.places import ROOT

PAGES = sorted(
    path
    for pattern in ("*.md", ".github/**/*.md", "docs/**/*.md", "state/*.md", "manifests/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
_COMMAND = re.compile(r"(?:^|[`\s/(])(?:livekit-deploy|python -m livekit_deploy) ([a-z][^`\n]*)", re.MULTILINE)


def _commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for found in _COMMAND.finditer(page.read_text(encoding="utf-8")):
            yield page.name, found[1].strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in _LINK.findall(prose):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_leads_to_every_page() -> None:
    linked = {(ROOT / target).resolve() for target in _LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {page for page in PAGES if page.parent.name in ("docs", "state", "manifests")} <= linked


def test_the_index_of_decisions_leads_to_each() -> None:
    folder = ROOT / "docs" / "decisions"
    linked = {(folder / target).resolve() for target in _LINK.findall((folder / "README.md").read_text("utf-8"))}
    assert {page for page in PAGES if page.parent == folder and page.name != "README.md"} <= linked


def test_commands_exist_with_their_options() -> None:
    checked = 0
    for page, line in _commands():
        # up to a pipe, the end of a $(…), or the words behind it
        words = shlex.split(re.split(r" \| |  |\)", line)[0].rstrip("\\"), comments=True)
        command: click.Command = cli
        while words and isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words[0].rstrip(",.;:)"))
            assert found is not None, f"{page}: {line}"
            command, words = found, words[1:]
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        for word in words:
            if word.startswith("--"):
                name = word.partition("=")[0].rstrip(",.;:)")
                assert name in known, f"{page}: {line}: {command.name} has no {name}"
        checked += 1
    assert checked > 10


def test_environments_that_are_to_be_made_are_not_there_yet() -> None:
    made = [name for _, line in _commands() for name in re.findall(r"^config init .*--env (\w+)", line)]
    assert made
    assert [name for name in made if (ROOT / "manifests" / "environments" / f"{name}.yaml").exists()] == []


def test_tests_that_pages_name_are_there() -> None:
    named = [(page.name, path) for page in PAGES for path in re.findall(r"`(tests/[\w/.]+)`", page.read_text("utf-8"))]
    assert named
    assert [(page, path) for page, path in named if not (ROOT / path).exists()] == []
