"""What greets who contributes: forms, owners, updates and hooks are valid, and what they name is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.definitions import definitions
from tests.places import ROOT

GITHUB = ROOT / ".github"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
#: the oldest LiveKit that is claimed to work: a newer one would be another claim
_STAYS = {"/tests/real/modules/livekit-server-oldest"}


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
)
def test_what_github_reads_is_valid(schema: str, paths: list[Path]) -> None:
    program = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run([program, "--builtin-schema", schema, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_of_go_is_kept_up_to_date_or_stays() -> None:
    updates = _read(GITHUB / "dependabot.yml")["updates"]
    watched = {folder for one in updates if one["package-ecosystem"] == "gomod" for folder in one["directories"]}
    there = {f"/{path.parent.relative_to(ROOT).as_posix()}" for path in ROOT.glob("tests/real/modules/*/go.mod")}
    assert watched | _STAYS == there
    assert watched & _STAYS == set()


def test_every_path_that_has_an_owner_is_there() -> None:
    lines = (GITHUB / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    patterns = [line.split()[0] for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"
    assert [pattern for pattern in patterns[1:] if not (ROOT / pattern.lstrip("/")).exists()] == []


def test_hooks_call_what_make_setup_installs_and_fetch_nothing() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    repositories = _read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [one["repo"] for one in repositories] == ["local"]
    for hook in repositories[0]["hooks"]:
        program, first, *_ = shlex.split(hook["entry"])
        assert (program == "make" and first in targets) or (ROOT / program).exists(), hook["entry"]


def test_make_targets_that_pages_for_contributors_name_are_there() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    pages = [ROOT / "CONTRIBUTING.md", GITHUB / "pull_request_template.md"]
    named = {target for page in pages for target in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))}
    assert named
    assert named - targets == set()


def test_tests_that_the_page_for_contributors_names_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    tests = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py"))
    assert named
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []


def test_what_the_pages_for_contributors_and_the_readme_name_in_the_tree_is_there() -> None:
    pages = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *ROOT.glob("docs/decisions/*.md")]
    place_in_the_tree = re.compile(r"`((?:livekit_deploy|tests)/[\w/.-]+)`")
    places = {place for page in pages for place in place_in_the_tree.findall(page.read_text("utf-8"))}
    assert places
    assert [place for place in sorted(places) if not (ROOT / place).exists()] == []


def test_what_the_readme_says_to_change_is_where_it_says() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Where to change what")[2]
    examples = [line.rstrip(" |").split(" | ")[-1] for line in text.splitlines() if line.startswith("| ")]
    named = 0
    for example in examples:
        words = re.findall(r"`([\w/.-]+)`", example)
        defined = {name for word in words if word.endswith(".py") for name in definitions(ROOT / word)}
        for name in (word for word in words if defined and "/" not in word and (word[0].isupper() or "_" in word)):
            assert name in defined, example
            named += 1
    assert named >= 5
