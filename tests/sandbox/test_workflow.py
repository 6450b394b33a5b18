"""The deploy workflow, line by line: planned, applied exactly as planned, cancelled as a runner cancels, destroyed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from livekit_deploy.cli.rehearsal import stand_ins, variable
from livekit_deploy.config.charts import CONTROLLER
from tests.actions import ACTION, DEPLOY, Runner
from tests.places import ROOT
from tests.sandbox.workspace import Workspace

_TOOL = '#!/bin/sh\nexec "{python}" -m livekit_deploy "$@"\n'


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _runner(here: Workspace, temp: Path, **inputs: str | bool) -> Runner:
    """A job's machine whose AWS is the sandbox, by variables only."""
    said = here.run("sandbox", "env", "--env", "dev", "--sandbox").out
    environ = dict(line.removeprefix("export ").split("=", 1) for line in said.splitlines())
    environ |= {variable(key): value for key, value in stand_ins(here.sandbox, [CONTROLLER]).items()}
    _program(temp / "livekit-deploy" / "bin" / "livekit-deploy", _TOOL.format(python=sys.executable))
    values = {"github.event_name": "workflow_dispatch", "inputs.plan-only": False}
    values |= {f"inputs.{name.replace('_', '-')}": value for name, value in inputs.items()}
    return Runner(here.folder, {**here.environ, **environ}, values, temp)


def _cancel(process: subprocess.Popen[str]) -> int:
    """What GitHub's runner does to a cancelled step: SIGINT, 7.5 s later SIGTERM, 2.5 s later SIGKILL."""
    for number, patience in ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5), (signal.SIGKILL, 5.0)):
        os.kill(process.pid, number)
        try:
            process.communicate(timeout=patience)
            break
        except subprocess.TimeoutExpired:
            continue
    return process.returncode


@pytest.mark.slow
def test_a_cancelled_job_goes_on_and_what_was_planned_is_applied(here: Workspace, tmp_path: Path) -> None:
    before = here.inventory()
    runner = _runner(here, tmp_path, environment="dev", step="all")
    process = runner.start({"command": "up", "environment": "dev", "arguments": "--yes\n"})
    assert process.stderr is not None
    assert any("eks.cluster/main" in line for line in process.stderr)
    assert _cancel(process) == 130
    assert here.document("dev")["lease"] is None

    assert runner.wanted("plan")
    assert not runner.wanted("preview")
    assert not runner.wanted("look")
    runner.job("plan")
    assert runner.wanted("apply")
    applied = runner.job("apply")[-1]
    assert "LiveKit answers at wss://livekit.dev.example.com" in applied.stdout
    assert "::group::" in applied.stderr
    summary = (tmp_path / "summary").read_text()
    assert "LiveKit answers at `wss://livekit.dev.example.com`" in summary
    assert "| `eks.cluster/main` |" in summary

    again = _runner(here, tmp_path, environment="dev", step="all")
    again.job("plan")
    assert again.values["needs.plan.outputs.changes"] == "0"
    assert not again.wanted("apply")

    destroy = _runner(here, tmp_path, environment="dev", step="destroy")
    destroy.job("plan")
    assert destroy.wanted("apply")
    assert "leftovers: 0" in destroy.job("apply")[-1].stdout
    assert here.inventory() == before


def test_a_pull_request_gets_one_comment_with_every_plan(here: Workspace, tmp_path: Path) -> None:
    runner = _runner(here, tmp_path, environment="")
    told = tmp_path / "gh-arguments"
    _program(tmp_path / "bin" / "gh", f'#!/bin/sh\necho "$@" >> "{told}"; case "$*" in *--jq*) echo $FOUND;; esac\n')
    runner.environ["PATH"] = f"{tmp_path / 'bin'}:{runner.environ['PATH']}"
    runner.values |= {
        "github.event_name": "pull_request",
        "vars.AWS_PLAN_ROLE_ARN": "arn:aws:iam::123456789012:role/plan",
        "github.event.pull_request.head.repo.full_name": "acme/media",
        "github.repository": "acme/media",
        "github.event.pull_request.number": 7,
    }
    assert runner.wanted("preview")
    runner.values["matrix.environment"] = "dev"
    runner.job("preview")
    runner.environ["LIVEKIT_DEPLOY__GUARD__MAX_MONTHLY_COST"] = "100"
    for environment in ("uat", "gone"):
        runner.values["matrix.environment"] = environment
        runner.job("preview", fails=True)
    assert runner.wanted("comment")
    runner.job("comment")
    said = (here.folder / "comment.md").read_text()
    assert said.startswith("<!-- livekit_deploy: plan -->\n### dev: ")
    assert "### uat: refused: " in said
    assert "> guard.max\\_monthly\\_cost is 100, and with this plan uat costs about $" in said
    assert "### gone: no plan, see the log of this run\n" in said
    assert "### uat: refused: " in (tmp_path / "summary").read_text()
    assert "+ eks.cluster/main" in said
    looked, added = told.read_text().splitlines()
    assert looked.startswith("api --paginate repos/acme/media/issues/7/comments --jq ")
    assert "<!-- livekit_deploy: plan -->" in looked
    assert added == "pr comment 7 --body-file comment.md"
    runner.environ["FOUND"] = "1234"
    runner.job("comment")
    edited = told.read_text().splitlines()[-1]
    assert edited == "api --silent --method PATCH repos/acme/media/issues/comments/1234 --field body=@comment.md"
    runner.values["github.event.pull_request.head.repo.full_name"] = "somebody/fork"
    assert not runner.wanted("preview")


def test_nothing_runs_beside_a_run_and_none_is_cancelled() -> None:
    jobs = yaml.safe_load(DEPLOY.read_text(encoding="utf-8"))["jobs"]
    for name in ("plan", "apply", "look"):
        assert jobs[name]["concurrency"] == {
            "group": "deploy-${{ inputs.environment }}",
            "cancel-in-progress": False,
        }
    for name in ("apply", "look"):  # with the rights of the role that changes, or to see whether it has them
        assert jobs[name]["environment"] == "${{ inputs.environment }}"
        assert jobs[name]["steps"][-1]["with"]["role-arn"] == "${{ vars.AWS_ROLE_ARN }}"


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_workflows_are_valid(path: Path) -> None:
    _checked("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)


def test_the_action_is_valid() -> None:
    _checked("check-jsonschema", "--builtin-schema", "vendor.github-actions", ACTION)


def test_zizmor_finds_nothing() -> None:
    _checked("zizmor", "--offline", "--min-severity", "medium", ROOT / ".github")


def _checked(program: str, *arguments: str | Path) -> None:
    command = [str(Path(sys.executable).parent / program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_action_installs_itself(here: Workspace, tmp_path: Path) -> None:
    runner = _runner(here, tmp_path, environment="dev", step="all")
    (tmp_path / "livekit-deploy" / "bin" / "livekit-deploy").unlink()
    runner.finish(runner.start({"command": "plan", "environment": "dev"}, step="Install"))
    done = runner.finish(runner.start({"command": "plan", "environment": "dev"}))
    assert "+ eks.cluster/main" in done.stdout
