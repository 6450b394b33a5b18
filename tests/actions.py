"""Runs the shell lines of this repository's workflow and action as GitHub's runner does, without GitHub."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.places import ROOT

ACTION = ROOT / ".github" / "actions" / "livekit-deploy" / "action.yml"
DEPLOY = ROOT / ".github" / "workflows" / "deploy.yml"
RELEASE = ROOT / ".github" / "workflows" / "release.yml"

#: whether a step of the job, or a job that it needs, has failed
FAILED = "job.failed"

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"\b(?:inputs|matrix|needs|steps|vars|github)(?:\.[\w-]+)+")
_STRING = re.compile(r"'[^']*'")


def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
    """A GitHub expression; what has no value is ""."""
    texts: list[str] = []

    def keep(match: re.Match[str]) -> str:
        texts.append(match[0])
        return f"\0{len(texts) - 1}\0"

    code = _STRING.sub(keep, expression)
    code = _NAME.sub(lambda match: f"value({match[0]!r})", code)
    code = code.replace("&&", " and ").replace("||", " or ")
    code = re.sub(r"!(?!=)", " not ", code)
    code = re.sub("\0(\\d+)\0", lambda match: texts[int(match[1])], code)
    functions: dict[str, Any] = {
        "value": lambda name: values.get(name, ""),
        "format": lambda text, *given: text.format(*given),
        "contains": lambda items, item: item in items,
        "fromJSON": yaml.safe_load,
        "success": lambda: not values.get(FAILED),
        "failure": lambda: bool(values.get(FAILED)),
    }
    return eval(" ".join(code.split()), {"__builtins__": {}}, functions)


def substitute(text: str, values: Mapping[str, Any]) -> str:
    """The text with every ``${{ … }}`` replaced."""
    return _EXPRESSION.sub(lambda match: str(evaluate(match[1], values)), text)


@dataclass
class Runner:
    """``environ`` and ``folder`` are those of the job."""

    folder: Path
    environ: dict[str, str]
    values: dict[str, Any]
    temp: Path
    workflow: Path = DEPLOY

    def wanted(self, job: str) -> bool:
        """Whether the job's condition holds."""
        return bool(evaluate(str(self._job(job).get("if", "True")), self.values))

    def job(self, job: str, *, fails: bool = False) -> list[subprocess.CompletedProcess[str]]:
        """Run a job's steps in order, each under its condition; it must end as ``fails`` says."""
        done: list[subprocess.CompletedProcess[str]] = []
        self.values[FAILED] = False
        for step in self._job(job)["steps"]:
            if not evaluate(step.get("if", "success()"), self.values):
                continue
            inputs = {key: substitute(str(value), self.values) for key, value in step.get("with", {}).items()}
            if step.get("uses", "").startswith("./"):
                done.append(self._ended(self.start(inputs)))
                outputs = self._outputs()
                self.values |= {f"steps.{step.get('id')}.outputs.{name}": value for name, value in outputs.items()}
            elif "run" in step:
                environ = {key: substitute(value, self.values) for key, value in step.get("env", {}).items()}
                done.append(self._ended(self._shell(step["run"], environ)))
            self.values[FAILED] |= bool(done and done[-1].returncode)
        assert self.values[FAILED] is fails, [(one.stdout, one.stderr) for one in done]
        self.values[f"needs.{job}.result"] = "failure" if fails else "success"
        for name, expression in self._job(job).get("outputs", {}).items():
            self.values[f"needs.{job}.outputs.{name}"] = substitute(expression, self.values)
        return done

    def start(self, inputs: Mapping[str, str], step: str = "Run") -> subprocess.Popen[str]:
        """Begin one step of our action."""
        action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
        defaults = {name: declared.get("default", "") for name, declared in action["inputs"].items()}
        values = {f"inputs.{name}": value for name, value in {**defaults, **inputs}.items()}
        values["github.action_path"] = str(ACTION.parent)
        found = next(one for one in action["runs"]["steps"] if one.get("name") == step)
        environ = {key: substitute(value, values) for key, value in found["env"].items()}
        assert "${{" not in found["run"]  # an expression in a script is an injection
        return self._shell(found["run"], environ)

    def finish(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """Wait for it; it must succeed."""
        done = self._ended(process)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def _ended(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        out, err = process.communicate(timeout=180)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def _job(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.workflow.read_text(encoding="utf-8"))["jobs"][name]
        return found

    def _shell(self, script: str, environ: Mapping[str, str]) -> subprocess.Popen[str]:
        path = self.temp / "step.sh"
        path.write_text(script, encoding="utf-8")
        (self.temp / "output").write_text("")
        return subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(path)],
            cwd=self.folder,
            env={
                **self.environ,
                "GITHUB_ACTIONS": "true",
                "CI": "true",
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(self.temp / "output"),
                "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
                **environ,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _outputs(self) -> dict[str, str]:
        lines = (self.temp / "output").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)
