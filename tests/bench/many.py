"""Hundreds of environments side by side in one process, each a Deployer of its own, as a program would keep them."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from moto import mock_aws

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.config import Environment
from livekit_deploy.engine.inputs import Input, Output
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.state.store import FileStore
from tests.places import ROOT

RESOURCES = 4


class Held(Resource):
    """An object in this process that is ready as soon as it is asked for, one for each environment and address."""

    kind = "bench.held"
    made: ClassVar[dict[tuple[str, str], dict[str, Any]]] = {}

    parent: Input[str | None] = Input(default=None)

    id = Output[str]()

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        props = self.made.get((cloud.ownership.env, self.address))
        return None if props is None else Live(self.address, Status.READY, props, {"id": self.address})

    def create(self, cloud: Cloud, token: str) -> str:
        self.made[cloud.ownership.env, self.address] = {"parent": self.parent}
        return self.address

    @classmethod
    def scan(cls, cloud: Any, host: Live | None) -> Iterator[Found]:
        if not isinstance(cloud, Cloud):  # another test's cloud: the registry of kinds is one for all
            return
        for (env, address), props in list(cls.made.items()):
            if env == cloud.ownership.env:
                yield Found(address, Live(address, Status.READY, props, {"id": address}))


def line() -> list[Resource]:
    """Each after the one before it."""
    found: list[Held] = [Held("h0")]
    for number in range(1, RESOURCES):
        found.append(Held(f"h{number}", parent=found[-1].id))
    return list(found)


def life(env: Environment, clients: Clients, folder: Path) -> None:
    """Up, and a plan that finds nothing to do."""
    with Deployer(env, resources=line(), store=FileStore(folder / f"{env.name}.json"), clients=clients) as deployer:
        deployer.up()
        assert not deployer.plan().changes


def everywhere(envs: list[Environment], clients: Clients, folder: Path) -> None:
    """One thread for each environment, all at once; the first error is raised."""
    errors: list[BaseException] = []

    def one(env: Environment) -> None:
        try:
            life(env, clients, folder)
        except BaseException as error:  # noqa: BLE001 - handed to the caller, which raises it
            errors.append(error)

    threads = [threading.Thread(target=one, args=(env,)) for env in envs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error


def main(count: int) -> None:
    """Print seconds of a first round, and the most MB that the process had before, in it, and in a second one."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = "testing"
    base = load_environment(ROOT / "manifests/environments/dev.yaml", environ={})
    envs = [base.model_copy(update={"name": f"e{number}"}) for number in range(count)]
    with mock_aws(), tempfile.TemporaryDirectory() as folder:
        clients = Clients(base.region)
        life(base, clients, Path(folder))  # imports, and the one client
        before, began = _peak(), time.perf_counter()
        everywhere(envs, clients, Path(folder))
        seconds, first = time.perf_counter() - began, _peak()
        everywhere(envs, clients, Path(folder))
    sys.stdout.write(f"{seconds:.2f} {before:.0f} {first:.0f} {_peak():.0f}\n")


def _peak() -> float:
    """The most memory that this process had so far, in MB; what getrusage says begins with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 2**10


if __name__ == "__main__":
    main(int(sys.argv[1]))
