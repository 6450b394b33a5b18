"""Somebody writes an address of theirs into the state, where the cluster's is: no command sends anything there."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace

import click
import pytest

from livekit_deploy.cli.entry import cli
from livekit_deploy.provisioners.addresses import CLUSTER
from livekit_deploy.state import document
from tests.sandbox.workspace import STATE_BUCKET, Workspace

_KEY = "livekit-deploy/livekit/uat.json"
#: those that ask the cluster, and change nothing
INSIDE = {"logs", "events", "keys list", "verify", "kubeconfig", "token"}
#: what a command has to be given
_GIVEN = {
    "keys remove": ["APIx", "--now"],
    "state show": [CLUSTER],
    "state import": [CLUSTER, "livekit-uat-main"],
    "state forget": ["route53.record/signal"],
    "state restore": ["edited.json"],
    "down": ["--confirm", "uat"],
}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that is about one environment, ``down`` last: it leaves nothing to look at."""
    context = click.Context(cli)

    def of(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from of(f"{path} {name}".strip(), inner)
        elif any("--env" in one.opts for one in command.params):
            yield path, command

    return iter(sorted(of("", cli), key=lambda pair: pair[0] == "down"))


class Listener:
    """Takes every connection, and says nothing."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port, self.heard = self._server.getsockname()[1], list[bytes]()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._server.accept()
                with connection:
                    self.heard.append(connection.recv(100))

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def _edit(here: Workspace, listener: Listener) -> None:
    """As whoever can write the object and nothing else: the document stays whole."""
    s3 = here.client("s3")
    found = document.load(s3.get_object(Bucket=STATE_BUCKET, Key=_KEY)["Body"].read(), _KEY)
    record = found.records[CLUSTER]
    theirs = {**record.outputs, "endpoint": f"https://127.0.0.1:{listener.port}"}
    edited = found.with_records({CLUSTER: replace(record, outputs=theirs)})
    s3.put_object(Bucket=STATE_BUCKET, Key=_KEY, Body=document.dump(edited))
    (here.folder / "edited.json").write_bytes(document.dump(edited))


def _asked(here: Workspace, listener: Listener, found: Iterable[tuple[str, click.Command]]) -> None:
    for path, command in found:
        _edit(here, listener)
        agreed = ["--yes"] if any("--yes" in one.opts for one in command.params) else []
        done = here.run(*path.split(), *_GIVEN.get(path, []), "--env", "uat", "--sandbox", *agreed, code=None)
        assert listener.heard == [], path
        assert str(listener.port) not in done.said or path in ("state show", "outputs", "status"), (path, done.said)


def _marks(here: Workspace) -> tuple[str, dict[str, str]]:
    said = here.client("eks").describe_cluster(name="livekit-uat-main")["cluster"]
    return said["arn"], said["tags"]


def test_a_written_address_gets_no_token_and_a_cluster_without_our_marks_neither(
    here: Workspace, listener: Listener
) -> None:
    here.run("up", "--env", "uat", "--sandbox", "--yes")
    _asked(here, listener, (pair for pair in commands() if pair[0] in INSIDE))
    here.run("kubeconfig", "--env", "uat", "--sandbox", "--out", "written")
    said = here.client("eks").describe_cluster(name="livekit-uat-main")["cluster"]
    text = (here.folder / "written").read_text()
    assert said["endpoint"] in text
    assert said["certificateAuthority"]["data"] in text

    arn, tags = _marks(here)
    here.client("eks").untag_resource(resourceArn=arn, tagKeys=["livekit-deploy:lineage"])
    for command in sorted(INSIDE - {"verify"}):
        done = here.run(*command.split(), "--env", "uat", "--sandbox", code=1)
        assert "livekit-uat-main does not carry our tags: no token is sent to it" in done.err
        assert "--adopt eks.cluster/main" in done.err
        assert "k8s-aws-v1" not in done.said
    shown = here.run("plan", "--env", "uat", "--sandbox", "--refresh-only").out
    assert "tags removed: livekit-deploy:lineage" in shown
    done = here.run("up", "--env", "uat", "--sandbox", "--yes", code=7)
    assert "No changes" in done.out
    assert "not carry our tags" in done.err
    here.run("up", "--env", "uat", "--sandbox", "--yes", "--adopt", "eks.cluster/main")
    assert _marks(here) == (arn, tags)


@pytest.mark.slow
def test_no_command_sends_a_token_to_an_address_that_is_written_in_the_state(
    here: Workspace, listener: Listener
) -> None:
    here.run("up", "--env", "uat", "--sandbox", "--yes")
    assert {path for path, _ in commands()} > {*INSIDE, "up", "down"}
    _asked(here, listener, commands())
    assert not here.document("uat")["records"]
