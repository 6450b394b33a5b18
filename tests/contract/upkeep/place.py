"""One environment of the whole infrastructure, with its state in S3."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import boto3

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.state_bucket.bucket import default_bucket
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.deployer import Deployer
from livekit_deploy.engine.resource import Resource
from livekit_deploy.events import Event
from livekit_deploy.operations.state_repair import Upkeep
from livekit_deploy.stack import Infrastructure
from livekit_deploy.state.document import State, load, sealed
from tests.aws.rig import REGION, _boto
from tests.fakes import FakeClock

ACCOUNT = "123456789012"
BUCKET = default_bucket(ACCOUNT, REGION)
SMALL = """
preset: dev
region: us-east-1
livekit: {domain: livekit.dev.example.com, hosted_zone: example.com}
"""
WHOLE = SMALL + "network: {nat: single}\ncluster: {secrets_key: true, logs: [api]}\n"
VPC, GATEWAY = "ec2.vpc/main", "ec2.internet_gateway/main"


@functools.cache
def _clients() -> Clients:
    """Made once for all tests: to make them takes longer than to use them."""
    made = Clients(REGION, opened=_boto())
    return made


class Place:
    """One environment; each command is a Deployer of its own, as in a process of its own."""

    def __init__(self, env: Environment, choose: Callable[[list[Resource]], list[Resource]]) -> None:
        self.env, self._choose = env, choose
        self.s3 = boto3.client("s3", region_name=REGION)
        self.key = f"livekit-deploy/{env.project}/{env.name}.json"

    def deployer(self, *adopt: str, on_event: Callable[[Event], None] | None = None) -> Deployer:
        resources = self._choose(Infrastructure(self.env).resources)
        return Deployer(
            self.env,
            resources=resources,
            clients=_clients(),
            clock=FakeClock(),
            adopt=adopt,
            lock_timeout=0,
            on_event=on_event,
        )

    @property
    def upkeep(self) -> Upkeep:
        return self.deployer().upkeep

    @property
    def state(self) -> State:
        return load(self.body(), "here")

    def body(self) -> bytes:
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=self.key)["Body"].read())

    def write(self, body: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=self.key, Body=body)

    def lose(self) -> None:
        """Nothing is left of the document, its versions and its history."""
        found = self.s3.list_object_versions(Bucket=BUCKET)
        for item in (*found.get("Versions", []), *found.get("DeleteMarkers", [])):
            self.s3.delete_object(Bucket=BUCKET, Key=item["Key"], VersionId=item["VersionId"])

    def rebuild(self, **options: Any) -> State:
        made = self.deployer()
        return made.upkeep.carry_out(made.upkeep.rebuild(made.declared, **options), "state rebuild")


def environment(folder: Path, text: str, name: str = "dev") -> Environment:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return load_environment(path, environ={})


def essence(state: State) -> dict[str, dict[str, Any]]:
    """The records without what belongs to the run that made them."""
    return {a: asdict(replace(r, since="", token=None, spent=None)) for a, r in state.records.items()}


# ---- documents that are refused


def with_checksum(raw: dict[str, Any]) -> bytes:
    """As somebody writes it who keeps the checksum right: an older or newer version of ours, or one with a defect."""
    raw.pop("sha256")
    return sealed((json.dumps(raw, indent=1, sort_keys=True) + "\n").encode())


def edited(**changes: Any) -> Callable[[bytes], bytes]:
    """The document with top-level keys changed."""
    return lambda body: with_checksum({**json.loads(body), **changes})


def record(**changes: Any) -> Callable[[bytes], bytes]:
    """The document with the gateway's record changed; None drops a key."""

    def edit(body: bytes) -> bytes:
        raw = json.loads(body)
        item = {**raw["records"][GATEWAY], **changes}
        raw["records"][GATEWAY] = {key: value for key, value in item.items() if value is not ...}
        return with_checksum(raw)

    return edit
