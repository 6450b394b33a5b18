"""Secrets appear nowhere: the generated ones are looked for in everything that a whole life leaves behind or shows."""

from __future__ import annotations

import base64
import contextlib
import gzip
import itertools
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tests.binaries import kubectl
from tests.sandbox.workspace import STATE_BUCKET, Workspace
from tests.unit.cli.commands import COMMANDS
from tests.unit.texts.commands import command

UAT = ("--env", "uat", "--sandbox")
LOUD = ("-vv", "--log-format", "json")
CHANGE = ("--set", "livekit.settings.room.empty_timeout=60", "--set", "redis.node_type=cache.m7g.large")
_SAMPLE_SECONDS, _LOOKS = 0.02, 10
#: the cluster's own copies, where they belong
_HELD = "where it is kept"
#: a token for the cluster (base64 of a presigned URL), a signature, a session's token, a header that carries one
_CREDENTIAL = re.compile(
    rb"k8s-aws-v1\.[\w-]{20}|X-Amz-Signature|AWS4-HMAC|X-Amz-Security-Token|Authorization\b|Bearer "
)
_HOLD_THEM = {("livekit", "livekit-api-keys"), ("livekit", "livekit-redis")}


#: options that name a file which is read
_READ = {"config", "plan_file"}


def _writes(arguments: tuple[str, ...]) -> set[str]:
    """The options by which the command that arguments begin with writes a file, or a folder of them."""
    found = command(list(arguments))[0]
    options = [one for one in found.params if isinstance(one, click.Option) and one.name not in _READ]
    return {one.opts[0] for one in options if isinstance(one.type, click.Path | click.File)}


class Processes:
    """What the process list says of every process that starts, every 20 ms until it has become what it stays."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._looks = dict.fromkeys(_running(), _LOOKS)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(_SAMPLE_SECONDS):
            for process in _running():
                looks = self._looks.get(process, 0)
                if looks < _LOOKS:
                    self._looks[process] = looks + 1
                    with contextlib.suppress(OSError):
                        folder = Path("/proc", process)
                        self.seen.add((folder / "cmdline").read_bytes() + b"\n" + (folder / "environ").read_bytes())


def _running() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]


def _canaries(here: Workspace) -> dict[str, bytes]:
    """The secrets themselves, and every form in which they could slip through."""
    manager = here.client("secretsmanager")
    names = [item["Name"] for item in manager.list_secrets()["SecretList"]]
    held = {name: manager.get_secret_value(SecretId=name)["SecretString"] for name in names}
    keys = json.loads(held.pop("livekit/uat/api-keys"))
    plain = {f"the API secret of {one['api_key']}": one["api_secret"] for one in keys["pairs"]}
    plain["the Redis token"] = held.pop("livekit/uat/redis-token")
    assert held == {}
    coded = {f"{name} in base64": base64.b64encode(value.encode()).decode() for name, value in plain.items()}
    coded["the keys in base64"] = base64.b64encode(keys["keys"].encode()).decode()
    return {name: value.encode() for name, value in (plain | coded).items()}


def _versions(here: Workspace) -> Iterator[tuple[str, bytes]]:
    s3 = here.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=STATE_BUCKET):
        for item in page.get("Versions", []):
            body = s3.get_object(Bucket=STATE_BUCKET, Key=item["Key"], VersionId=item["VersionId"])["Body"].read()
            yield f"version {item['VersionId']} of {item['Key']}", body


def _in_the_cluster(here: Workspace) -> Iterator[tuple[str, bytes]]:
    kinds = "configmaps,secrets,pods,deployments,replicasets,services,ingresses,events,serviceaccounts,namespaces"
    environ = {**here.environ, "KUBECONFIG": str(here.folder / "kubeconfig-uat"), "HOME": str(here.folder)}
    command = [str(kubectl()), "get", kinds, "-A", "-o", "json"]
    done = subprocess.run(command, env=environ, cwd="/", capture_output=True, check=True, timeout=60)
    for item in json.loads(done.stdout)["items"]:
        place = (item["metadata"].get("namespace", ""), item["metadata"]["name"])
        holds = item["kind"] == "Secret" and place in _HOLD_THEM
        name = f"{item['kind']} {'/'.join(place)}"
        yield (_HELD if holds else name), json.dumps(item).encode()
        if item.get("type") == "helm.sh/release.v1":
            packed = base64.b64decode(base64.b64decode(item["data"]["release"]))
            yield f"helm's record in {name}", gzip.decompress(packed)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield f"file {path.relative_to(folder)}", path.read_bytes()


@contextlib.contextmanager
def _recorded(here: Workspace, written: set[str]) -> Iterator[list[tuple[str, bytes]]]:
    """Everything that a command says, from now on; it is also told to write each file that it can write."""
    said: list[tuple[str, bytes]] = []
    run, number = here.run, itertools.count()
    (here.folder / "written").mkdir(exist_ok=True)

    def recording(*arguments: str, code: int | None = 0, **environ: str) -> Any:
        more = {one: f"written/{next(number)}{one}" for one in sorted(_writes(arguments) - {*arguments})}
        done = run(*arguments, *itertools.chain(*more.items()), code=code, **environ)
        written.update(one for one, file in more.items() if (here.folder / file).exists())
        said.extend(
            [(f"stdout of {arguments[0]}", done.out.encode()), (f"stderr of {arguments[0]}", done.err.encode())]
        )
        return done

    here.run = recording  # type: ignore[method-assign]
    try:
        yield said
    finally:
        del here.run


#: some of where secrets are looked for
_SEEN = {
    *("file plan.json", "file up.log", "file keys.log", "file kubeconfig-uat"),
    *("file github-output", "file github-summary", "stdout of keys", "stderr of up", "ConfigMap livekit/livekit"),
}


def _fails_to_write_its_state(here: Workspace) -> None:
    """A run whose state cannot be written any more leaves an error and a rescue copy."""
    here.fail({"fault": "denied", "call": "s3:PutObject", "after": 3})
    here.run("up", *UAT, *LOUD, *CHANGE, "--yes", "--log-file", "failed.log", code=4)
    assert list((here.folder / "state" / "local").glob("errored-uat-*.json"))
    here.fail()
    here.run("state", "unlock", *UAT, "--yes")


@pytest.mark.slow
def test_no_secret_is_anywhere_but_where_it_is_kept(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = here.folder / "scratch"
    scratch.mkdir(exist_ok=True)
    monkeypatch.setitem(here.environ, "TMPDIR", str(scratch))
    monkeypatch.setattr(here, "forks", False)  # the arguments of a process are looked at
    written: set[str] = set()
    files = {"GITHUB_OUTPUT": "github-output", "GITHUB_STEP_SUMMARY": "github-summary"}
    in_github = {"GITHUB_ACTIONS": "true"} | {name: str(here.folder / file) for name, file in files.items()}
    with _recorded(here, written) as found, Processes() as processes:
        here.run("plan", *UAT, *LOUD, "--out", "plan.json")
        here.run("up", *UAT, *LOUD, "--json", "--plan", "plan.json", "--yes", "--log-file", "up.log")
        here.run("keys", "rotate", *UAT, *LOUD, "--json", "--yes", "--log-file", "keys.log")
        here.run("keys", "list", *UAT, *LOUD)
        for name in ("logs", "events", "status", "outputs", "verify", "prerequisites", "iam-policy", "graph"):
            here.run(name, *UAT, *LOUD)
        for name in ("list", "show", "history"):
            here.run("state", name, *UAT, *LOUD)
        here.run("plan", *UAT, *CHANGE, code=0, **in_github)
        canaries = _canaries(here)

        _fails_to_write_its_state(here)
        here.run("kubeconfig", *UAT, "--out", "kubeconfig-uat")
        here.run("kubeconfig", *UAT)
        found += list(_in_the_cluster(here))
        here.run("down", *UAT, *LOUD, "--json", "--yes")

    found += [*_versions(here), *_files(here.folder), *(("a process", said) for said in processes.seen)]
    assert len(found) > 100
    assert {what for what, _ in found} >= _SEEN
    assert written == {option for path in COMMANDS for option in _writes(path)}, "each was written by some command"
    assert any(b"helm" in said and b"upgrade" in said for said in processes.seen)
    assert {what for what, said in found if _CREDENTIAL.search(said)} <= {"a process"}, "what signs or is signed"
    leaks = {(name, what) for name, canary in canaries.items() for what, said in found if canary in said}
    assert {what for _, what in leaks} == {_HELD}  # they are found where they are to be, and nowhere else
    assert {name for name, _ in leaks} == {"the Redis token in base64", "the keys in base64"}
    assert not list(scratch.glob("livekit-deploy-helm-*"))  # nor is there a token left
