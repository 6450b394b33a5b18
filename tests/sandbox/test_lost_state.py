"""The state cannot be written, is damaged, is lost: the command line says what helps, and that does help."""

from __future__ import annotations

import json
import re
import shlex
import stat
import threading
from typing import Any

import pytest

from livekit_deploy.cli.rehearsal import stand_ins
from livekit_deploy.config.charts import CONTROLLER
from tests.sandbox.refusing import Proxy
from tests.sandbox.workspace import STATE_BUCKET, Workspace

KEY = "livekit-deploy/livekit/uat.json"
UAT = ("--env", "uat", "--sandbox")
CHANGED = ("--set", "livekit.settings.room.empty_timeout=60")


def _up_without_a_store(here: Workspace) -> Any:
    """`up` against a store that takes no write any more once the control plane is being made."""
    down = threading.Event()

    def fault(method: str, path: str) -> str | None:
        return "503" if down.is_set() and method == "PUT" and KEY in path else None

    proxy = Proxy(here.sandbox.endpoint_url, fault)
    there = [f"--set={key}={value}" for key, value in stand_ins(here.sandbox, [CONTROLLER]).items()]
    with proxy.running() as url:
        environ = {**here.sandbox.environ(), "AWS_ENDPOINT_URL_S3": url}
        process = here.start("up", "--env", "uat", "--yes", "--json", *there, **environ)
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "started" and event["address"] == "eks.cluster/main":
                down.set()
                break
        return here.end(process)


def _lose(here: Workspace) -> None:
    s3 = here.client("s3")
    for item in s3.list_object_versions(Bucket=STATE_BUCKET)["Versions"]:
        s3.delete_object(Bucket=STATE_BUCKET, Key=item["Key"], VersionId=item["VersionId"])


def _damaged_and_restored(here: Workspace) -> None:
    here.client("s3").put_object(Bucket=STATE_BUCKET, Key=KEY, Body=b'{"format": 1, "lin')
    broken = here.run("plan", *UAT, code=1)
    assert "not a whole state document" in broken.err
    assert "state history" in broken.err
    history = here.run("state", "history", *UAT)
    assert "damaged" in history.out
    last = next(line.split()[0] for line in history.out.splitlines() if ", up)" in line)
    here.run("state", "restore", *UAT, "--version", last, "--yes")
    assert "No changes" in here.run("plan", *UAT, "--detailed-exitcode").out


@pytest.mark.slow
def test_a_state_that_cannot_be_written_is_rescued_and_one_that_is_lost_is_rebuilt(here: Workspace) -> None:
    before = here.inventory()
    here.edit("uat", state={"lease_seconds": 10})
    failed = _up_without_a_store(here)
    assert failed.code == 1
    printed = re.search(
        r"python -m livekit_deploy (state restore --env uat .*?(state/local/errored-uat-\d+\.json))", failed.said
    )
    assert printed is not None, failed.said
    assert stat.S_IMODE((here.folder / printed[2]).stat().st_mode) == 0o600
    written = len(here.document("uat")["records"])
    command, environ = shlex.split(printed[1]), here.sandbox.environ()
    here.run(*command, code=3, **environ)  # nobody can be asked here
    threading.Event().wait(10)  # the run that could not write could not give up its lease either
    restored = here.run(*command, "--yes", code=0, **environ)
    assert "plan --env uat" in restored.err
    assert len(here.document("uat")["records"]) >= written
    assert "LiveKit answers" in here.run("up", *UAT, "--yes").out

    _damaged_and_restored(here)
    here.run("keys", "add", *UAT, "--name", "second", "--yes")
    here.run("up", *UAT, *CHANGED, "--yes")
    assert "No changes" in here.run("plan", *UAT, *CHANGED, "--detailed-exitcode").out
    records = here.document("uat")["records"]
    _lose(here)
    refused = here.run("state", "rebuild", *UAT, "--yes", code=1)
    assert "nothing shows that the document of lineage" in refused.err
    assert "--confirm uat" in refused.err
    rebuilt = here.run("state", "rebuild", *UAT, "--confirm", "uat")
    assert f"{len(records)} records" in rebuilt.out
    assert "No changes" in here.run("plan", *UAT, *CHANGED, "--detailed-exitcode").out
    assert here.document("uat")["records"].keys() == records.keys()
    assert "leftovers: 0" in here.run("down", *UAT, "--yes").out
    after = here.inventory()
    assert after == before


@pytest.mark.slow
def test_the_other_presets_of_one_account_are_rebuilt_with_all_that_is_in_their_clusters(here: Workspace) -> None:
    presets = {env: ("--env", env, "--sandbox") for env in ("dev", "prod")}
    for where in presets.values():
        here.run("up", *where, "--yes")
    here.run("keys", "rotate", *presets["prod"], "--yes")
    lost = {env: here.document(env)["records"].keys() for env in presets}
    _lose(here)
    for env, where in presets.items():
        here.run("state", "rebuild", *where, "--confirm", env)
        assert "No changes" in here.run("plan", *where, "--detailed-exitcode").out
        assert here.document(env)["records"].keys() == lost[env]
