"""The whole sandbox in this process and without a thread of its own: it can be copied by a fork at any moment.

AWS is moto with the sandbox's corrections. A cluster's API is called directly instead of over TLS, and its controllers
run only while somebody waits, so that nothing happens between two calls of the product.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock
from urllib.parse import urlsplit

import boto3
import kubernetes.client
import urllib3
import urllib3.exceptions
import yaml
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.utils import get_service_model

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud, mutates
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.state_bucket.bucket import default_bucket, ensure_bucket
from livekit_deploy.checks.reach import KINDS, Answer, NoAnswer, Reach
from livekit_deploy.config import Environment
from livekit_deploy.deployer import Deployer
from livekit_deploy.engine import snapshot
from livekit_deploy.k8s.helm import charts
from livekit_deploy.sandbox.aws.eks import hooks
from livekit_deploy.sandbox.bridge.clusters import Clusters
from livekit_deploy.sandbox.charts.repository import Repository
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.cluster.cluster import Cluster
from livekit_deploy.sandbox.install import install
from livekit_deploy.sandbox.outside.door import Refused
from livekit_deploy.sandbox.outside.world import World as SandboxWorld
from livekit_deploy.state.store import S3Store
from tests.fakes import FakeClock
from tests.inventory import inventory
from tests.kill.calls import ACCOUNT, KEY, REGION, call, short

ZONE = "example.com"
_MOST_ROUNDS = 50
#: whoever is inside AWS or a cluster holds it: a fork that holds it copies a world in which nobody is half way
lock = threading.RLock()
_served: dict[str, StillCluster] = {}

#: called around every request of the product: what it is, and whether it changes something
Passing = Callable[[str, bool], None]


class StillCluster(Cluster):
    """A cluster in which nothing moves until `step`."""

    _quiet: tuple[int, int] = (-1, -1)  # nobody had anything to do in it, with AWS as it was then

    def start(self) -> None:
        _served[self.endpoint] = self

    def stop(self) -> None:
        _served.pop(self.endpoint, None)
        self._front.server_close()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        host = {"Host": f"127.0.0.1:{self._front.server_address[1]}"}
        said = self._front.answer(method, target, {**headers, **host}, body)
        return said.code, said.body

    def step(self) -> None:
        """Let the controllers work until they have nothing to do."""
        for _ in range(_MOST_ROUNDS):
            seen = self.store.version, _aws.changes
            if self._quiet == seen:
                return
            if self._controllers._round() and self.store.version == seen[0]:
                self._quiet = seen


def time_passes() -> None:
    """The controllers of every cluster do what they have to do."""
    with lock:
        for cluster in list(_served.values()):
            cluster.step()


def controller_is_refused() -> bool:
    """Whether AWS refuses whatever the load balancer controller of a cluster asks."""
    return any(cluster._controllers._port.controller_problem() for cluster in _served.values())


@dataclass
class _Aws:
    """How often AWS has been asked for something that may change what a cluster sees of it."""

    changes: int = 0

    def asked(self, request: Any) -> None:
        if request.method in ("GET", "HEAD") or "s3" in urlsplit(request.url).netloc.split("."):
            return
        said = request.headers.get("X-Amz-Target") or request.body or ""
        self.changes += not _READS.search(said if isinstance(said, str) else said.decode())


_READS = re.compile(r"(^|&)Action=(Describe|Get|List)|\.(Describe|Get|List)\w+$")
_aws = _Aws()


class KillClock(FakeClock):
    """Moves by what is waited for, and the clusters with it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits += bool(_served)
        time_passes()
        return super().wait(event, seconds)


class Outside(Reach):
    """How users see it, without DNS and HTTPS in between."""

    def __init__(self, seen: SandboxWorld) -> None:
        super().__init__()
        self.__dict__["_seen"] = seen

    def addresses(self, name: str, *kinds: str) -> set[str]:
        return {one for kind in kinds or KINDS for one in self.__dict__["_seen"].lookup(name, kind) or ()}

    def nameservers(self, domain: str) -> set[str]:
        return set(self.__dict__["_seen"].lookup(domain, "NS") or ())

    def ask(self, method: str, host: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        try:
            said = self.__dict__["_seen"].respond(host, 443, method, path, {"authorization": f"Bearer {token}"})
        except Refused as error:
            raise NoAnswer(str(error)) from error
        return Answer(said[0], said[1].decode())


@dataclass
class _Response:
    status: int
    body: bytes
    # undated: its clock is ours
    headers: ClassVar[urllib3.HTTPHeaderDict] = urllib3.HTTPHeaderDict({"Audit-Id": "kill"})

    def read(self) -> bytes:
        return self.body

    @property
    def response(self) -> urllib3.HTTPResponse:
        """The same for who reads it bit by bit."""
        return urllib3.HTTPResponse(io.BytesIO(self.body), status=self.status, preload_content=False)


class KillAccount:
    """One account with a hosted zone, and the ways to run the product on it. ``passing`` hears of its requests."""

    def __init__(self, folder: Path, reach: Reach, fresh: Clients | None) -> None:
        self.folder, self.reach = folder, reach
        self.passing: Passing | None = None
        self.clock = KillClock()
        known = fresh and fresh.session()
        self._session = known or boto3.Session(KEY, "kill", region_name=REGION)  # its service models are read once
        self._charts = _charts()
        self.fresh = fresh or self.clients()
        for client in self.fresh._made.values():  # what is read once in a process is read before it is copied
            client.can_paginate(next(iter(client.meta.method_to_api_mapping)))
            get_service_model(client.meta.service_model.service_name)

    # ---- the product on it

    def clients(self, watch: Callable[[Any], None] | None = None) -> Clients:
        """Clients that are made and have been used by nobody."""
        made = Clients(REGION, instrument=watch, opened=self._session)
        for service in ("ec2", "eks", "iam", "sts", "s3", "kms", "logs", "elasticache", "secretsmanager", "acm"):
            made(service)
        for service in ("route53", "elbv2"):
            made(service)
        made("ec2", retries=False)
        made("kms", retries=False)
        return made

    def watched(self) -> Clients:
        """The same, whose calls are heard of."""

        def watch(client: Any) -> None:
            client.meta.events.register("before-call.*.*", self._before)
            client.meta.events.register("after-call.*.*", self._after)

        return self.clients(watch)

    def _before(self, model: Any, **_: Any) -> None:
        self._pass(f"before {model.service_model.service_name}.{model.name}", mutates(model.name))

    def _after(self, model: Any, **_: Any) -> None:
        self._pass(f"after {model.service_model.service_name}.{model.name}", mutates(model.name))

    def _pass(self, what: str, mutating: bool) -> None:
        if self.passing is not None:
            self.passing(what, mutating)

    def deployer(self, env: Environment, clients: Clients, later: float = 0.0) -> Deployer:
        """As a process has it that starts ``later`` seconds from now."""
        cloud = Cloud(clients, OwnershipTags(env.project, env.name))
        bucket = default_bucket(ACCOUNT, REGION)
        store = S3Store(
            cloud.s3,
            bucket,
            f"livekit-deploy/{env.project}/{env.name}.json",
            owner=ACCOUNT,
            prepare=lambda: ensure_bucket(cloud, bucket),
            now=lambda: time.time() + later,
        )
        return Deployer(env, store=store, clients=clients, clock=self.clock, lock_timeout=0, reach=self.reach)

    def environment(self, values: dict[str, Any]) -> Path:
        """An environment file that takes its controller chart from this machine."""
        path = self.folder / "dev.yaml"
        given = values.get("load_balancer_controller", {})
        chart = {"repo": "http://127.0.0.1/charts", "digest": self._charts[given.get("chart_version", "3.5.0")]}
        whole = {**values, "load_balancer_controller": {**given, **chart}}
        path.write_text(yaml.safe_dump(whole), encoding="utf-8")
        return path

    # ---- the cluster's API without a socket

    def request(self, method: str, url: str, headers: dict[str, str], body: Any = None, **_: Any) -> _Response:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        cluster = _served.get(f"{parts.scheme}://{parts.netloc}")
        if cluster is None:
            raise urllib3.exceptions.HTTPError("connection refused")
        data = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        what, changes = f"{method} {parts.path}", method != "GET"
        self._pass(f"before {what}", changes)
        with lock:
            status, said = cluster.answer(method, target, headers, data.encode())
        self._pass(f"after {what}", changes)
        return _Response(status, said)


@contextlib.contextmanager
def world(folder: Path, fresh: Clients | None = None) -> Iterator[KillAccount]:
    """A sandbox of its own, instant, in this process; with clients of another one it does not begin from nothing."""
    install(SandboxClock(math.inf))
    inside = BotocoreStubber.process_request

    def alone(stubber: BotocoreStubber, request: Any) -> Any:
        with lock:
            _aws.asked(request)
            call(request.url)
            return inside(stubber, request)

    with (
        mock_aws(),
        mock.patch.object(BotocoreStubber, "process_request", alone),
        short(),
        mock.patch.object(hooks, "cluster_active", None),  # the world before is told again when this one is over
        mock.patch.object(hooks, "cluster_deleted", None),
        mock.patch.object(snapshot, "together", _in_turn),
    ):
        made = KillAccount(folder, Outside(SandboxWorld(Clusters(SandboxClock(math.inf), makes=StillCluster))), fresh)
        with mock.patch.object(
            kubernetes.client.ApiClient,
            "call_api",
            lambda self, method, url, headers=None, body=None, **more: made.request(method, url, headers, body),
        ):
            boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")
            inventory()  # its clients are made once
            yield made


def _in_turn(call: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """AWS answers one call at a time here: threads that read side by side would only wait for each other."""
    return [call(item) for item in items]


def _charts() -> dict[str, str]:
    """Digests of the stand-in controller chart by its version: this machine has fetched it before, and its next."""
    repository = Repository()
    archive = next(archive for name, archive in repository._files.items() if name.endswith(".tgz"))
    found = {
        "3.5.0": archive,
        "3.6.0": gzip.compress(gzip.decompress(archive).replace(b": 3.5.0", b": 3.6.0"), mtime=0),
    }
    for archive in found.values():
        charts._keep(charts._cached(hashlib.sha256(archive).hexdigest()), archive)
    return {version: hashlib.sha256(archive).hexdigest() for version, archive in found.items()}
