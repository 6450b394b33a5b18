"""A working directory with environment files and a sandbox of its own, and the command line run in it as users do."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml

from livekit_deploy.checks.reach import Reach
from livekit_deploy.sandbox import server
from livekit_deploy.sandbox.server import Sandbox
from tests.inventory import inventory
from tests.places import ROOT
from tests.sandbox import forked

ACCOUNT, REGION, ZONE = "123456789012", "us-east-1", "example.com"
STATE_BUCKET = f"livekit-deploy-{ACCOUNT}-{REGION}"
_RUN_SECONDS = 120


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


class Workspace:
    """``folder`` is where commands run; ``speed`` is the sandbox's."""

    #: what runs as its sandbox
    module = server.PROCESS
    #: whether a command that is waited for is a fork of a process that has imported all; else it is an interpreter
    forks = sys.platform == "linux"

    def __init__(self, folder: Path, speed: float) -> None:
        self.folder, self.speed = folder, speed
        shutil.copytree(ROOT / "manifests" / "environments", folder / "manifests" / "environments")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIVEKIT_DEPLOY_"))}
        self.environ = {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
        for name in ("GITHUB_ACTIONS", "CI", "GITHUB_STEP_SUMMARY"):
            self.environ.pop(name, None)

    @property
    def _local(self) -> Path:
        return self.folder / "state" / "local" / "sandbox"

    @functools.cached_property
    def sandbox(self) -> Sandbox:
        return server.connect(ACCOUNT, REGION, speed=self.speed, zone=ZONE, folder=self._local, module=self.module)

    @property
    def reach(self) -> Reach:
        """The way to what users see."""
        return Reach(self.sandbox.nameserver, self.sandbox.https_proxy, self.sandbox.ca_bundle)

    def reset(self) -> None:
        """An empty account again, with its hosted zone, and environment files as they are shipped."""
        server.reset(self._local)
        server.connect(ACCOUNT, REGION, zone=ZONE, folder=self._local)
        shutil.copytree(
            ROOT / "manifests" / "environments", self.folder / "manifests" / "environments", dirs_exist_ok=True
        )

    def stop(self) -> None:
        server.stop(self._local)

    def fail(self, *plan: dict[str, Any]) -> None:
        """Set these faults and no others."""
        server.faults(plan, clear=True, folder=self._local)

    # ---- commands

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "livekit_deploy", *arguments]

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """A command that runs on, in a session of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def end(self, process: subprocess.Popen[str], *, seconds: float = _RUN_SECONDS) -> Done:
        """The command when it has ended, which must be within so many seconds."""
        out, err = process.communicate(timeout=seconds)
        return Done(process.returncode, out, err)

    def run(self, *arguments: str, code: int | None = 0, **environ: str) -> Done:
        """Run to the end; ``code`` is the exit code that it must have (None: any)."""
        if self.forks:
            done = Done(*forked.run(list(arguments), self.folder, {**self.environ, **environ}, _RUN_SECONDS))
        else:
            done = self.end(self.start(*arguments, **environ))
        assert code is None or done.code == code, f"exit {done.code}\n{done.said}"
        return done

    def program(self, text: str, env: str) -> Done:
        """A Python program run to its end, which reaches the sandbox by the variables that `sandbox env` prints."""
        said = self.run("sandbox", "env", "--env", env, "--sandbox").out
        environ = dict(line.removeprefix("export ").split("=", 1) for line in said.splitlines())
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def kill(self, process: subprocess.Popen[str]) -> None:
        """SIGKILL to its whole process group, as a machine that is lost."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    # ---- what there is, seen by others

    def client(self, service: str) -> Any:
        return _client(service, self.sandbox.endpoint_url, self.sandbox.access_key)

    def inventory(self) -> dict[str, set[str]]:
        return inventory(self.client)

    def calls(self) -> list[dict[str, Any]]:
        return self.sandbox.calls()

    def changes(self, since: int) -> list[dict[str, Any]]:
        """The mutating calls since so many calls were there, those to S3 for the state apart."""
        return [call for call in self.calls()[since:] if call["mutating"] and call["service"] != "s3"]

    def document(self, env: str) -> dict[str, Any]:
        """The state document as it is in the bucket."""
        body = self.client("s3").get_object(Bucket=STATE_BUCKET, Key=f"livekit-deploy/livekit/{env}.json")["Body"]
        found: dict[str, Any] = json.loads(body.read())
        return found

    def recorded(self, env: str) -> bool:
        """Whether there is a state document."""
        s3 = self.client("s3")
        if STATE_BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
            return False
        found = s3.list_objects_v2(Bucket=STATE_BUCKET, Prefix=f"livekit-deploy/livekit/{env}.json")
        return bool(found["KeyCount"])

    def edit(self, env: str, **values: Any) -> Path:
        """Set top-level keys of an environment file."""
        path = self.folder / "manifests" / "environments" / f"{env}.yaml"
        found = {**yaml.safe_load(path.read_text(encoding="utf-8")), **values}
        path.write_text(yaml.safe_dump(found), encoding="utf-8")
        return path


@functools.cache
def _client(service: str, endpoint: str, key: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key="inventory",
    )
