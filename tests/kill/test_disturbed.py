"""Rounds of kill, stop and continue, hang-up, closed pipe and full disk in `up`, a change and `down`, as processes.

A life is one environment: made, changed and taken down, each by a command that is disturbed at a random moment and
then run again; ``--rounds N`` is how many commands are disturbed. Beside it lives what is of others, with names that
begin as ours. After each command there is as much of everything as in an undisturbed life, in the end nothing of ours,
and theirs is as it was.
"""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import pytest

from tests.sandbox.interrupting import DOWN, MARK, UP, all_gone, counted
from tests.sandbox.workspace import Workspace

LEASE = {"state": {"lease_seconds": 30}}
#: what adds to, changes in place, makes anew and takes away
CHANGED = {
    **LEASE,
    "tags": {"team": "media"},
    "network": {"nat": "single", "flow_logs": True},
    "redis": {"node_type": "cache.t4g.small"},
    "nodes": {"media": {"instance_types": ["c6i.xlarge"]}},
}
_CHANGE = "change"
COMMANDS = {"up": UP, _CHANGE: UP, "down": DOWN}
DISTURBANCES = ("kill", "stop and continue", "stopped while another takes over", "hang-up", "closed pipe", "full disk")
_SECONDS = 180
_TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "ec2.amazonaws.com"}}]}'
)


@dataclass(frozen=True)
class Life:
    """What an undisturbed one has after each command, and how many seconds each takes."""

    sets: dict[str, dict[str, int]]
    seconds: dict[str, float]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """AWS takes no time there: what is disturbed is nearly always in the middle of a call, a write or helm."""
    made = Workspace(tmp_path_factory.mktemp("disturbed"), math.inf)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def undisturbed(quick: Workspace) -> Life:
    quick.sandbox  # noqa: B018  starts it
    _begun(quick)
    sets, seconds = {}, {}
    for name, command in COMMANDS.items():
        _edited(quick, name)
        began = time.monotonic()
        quick.run(*command)
        sets[name], seconds[name] = counted(quick), time.monotonic() - began
    return Life(sets, seconds)


def _begun(here: Workspace) -> None:
    """An account with nothing in it but what is of others."""
    here.reset()
    here.edit("dev", **LEASE)
    ec2, iam, logs = here.client("ec2"), here.client("iam"), here.client("logs")
    vpc = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    theirs = {"livekit-deploy:project": "livekit", "livekit-deploy:env": "dev-eu", "Name": "livekit-dev"}
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": key, "Value": value} for key, value in theirs.items()])
    ec2.create_security_group(GroupName="livekit-dev-media", Description="theirs", VpcId=vpc)
    iam.create_role(RoleName="livekit-dev-eu-node", AssumeRolePolicyDocument=_TRUST)
    logs.create_log_group(logGroupName="/aws/eks/livekit-dev-eu/cluster")
    here.client("secretsmanager").create_secret(Name="livekit/dev-eu/api-keys", SecretString="theirs")


def _theirs(here: Workspace) -> list[Any]:
    """All that can be read of what is of others."""
    ec2, where = here.client("ec2"), [{"Name": "vpc-id", "Values": [_vpc(here)]}]
    group = "/aws/eks/livekit-dev-eu/cluster"
    return [
        ec2.describe_vpcs(Filters=where)["Vpcs"],
        ec2.describe_security_groups(Filters=where)["SecurityGroups"],
        here.client("iam").get_role(RoleName="livekit-dev-eu-node")["Role"],
        here.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"],
        here.client("secretsmanager").get_secret_value(SecretId="livekit/dev-eu/api-keys")["VersionId"],
    ]


def _vpc(here: Workspace) -> str:
    where = [{"Name": "tag:livekit-deploy:env", "Values": ["dev-eu"]}]
    return str(here.client("ec2").describe_vpcs(Filters=where)["Vpcs"][0]["VpcId"])


def _edited(here: Workspace, name: str) -> None:
    if name == _CHANGE:
        here.edit("dev", **CHANGED)


@dataclass
class Disturbed:
    """One command, and what happens to it after some seconds."""

    here: Workspace
    command: tuple[str, ...]
    moment: float

    def by(self, disturbance: str) -> tuple[int, ...]:
        """Disturb it so; the exit codes that it may end with."""
        codes: tuple[int, ...] = getattr(self, f"_{disturbance.replace(' ', '_').replace('-', '_')}")()
        return codes

    def _started(self, *arguments: str, out: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
        self.mark = uuid.uuid4().hex
        return subprocess.Popen(
            self.here.command(*self.command, *arguments),
            cwd=self.here.folder,
            env={**self.here.environ, MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out if out != subprocess.PIPE else subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _reached(self, process: subprocess.Popen[str]) -> bool:
        """Whether it still runs at its moment."""
        try:
            process.wait(self.moment)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _ended(self, process: subprocess.Popen[str], *codes: int) -> tuple[int, ...]:
        said, _ = process.communicate(timeout=_SECONDS)
        all_gone(self.mark)
        assert process.returncode in codes, (process.returncode, codes, said)
        return codes

    def _kill(self) -> tuple[int, ...]:
        process = self._started()
        if self._reached(process):
            os.killpg(process.pid, signal.SIGKILL)
        return self._ended(process, -signal.SIGKILL, 0)

    def _stop_and_continue(self) -> tuple[int, ...]:
        process = self._started()
        if self._reached(process):
            os.killpg(process.pid, signal.SIGSTOP)
            time.sleep(1)
            os.killpg(process.pid, signal.SIGCONT)
        return self._ended(process, 0)

    def _stopped_while_another_takes_over(self) -> tuple[int, ...]:
        """It wakes up when all is done, and must not do anything any more: 5 where it held the lease."""
        process = self._started()
        if self._reached(process):
            os.killpg(process.pid, signal.SIGSTOP)
            self.here.run(*self.command)
            os.killpg(process.pid, signal.SIGCONT)
        return self._ended(process, 0, 5, 8, 1)

    def _hang_up(self) -> tuple[int, ...]:
        process = self._started()
        if self._reached(process):
            process.send_signal(signal.SIGHUP)
        return self._ended(process, 130, 0, -signal.SIGHUP if self.moment < 1 else 0)

    def _closed_pipe(self) -> tuple[int, ...]:
        process = self._started()
        assert process.stdout is not None
        self._reached(process)
        process.stdout.close()
        process.wait(_SECONDS)
        assert process.returncode == 0
        return (0,)

    def _full_disk(self) -> tuple[int, ...]:
        with open("/dev/full", "w", encoding="utf-8") as full:
            return self._ended(self._started("--log-file", "/dev/full", out=full), 0)


def test_disturbed_at_any_moment(
    quick: Workspace, undisturbed: Life, life: int, seed: int, record_property: Callable[[str, Any], None]
) -> None:
    chosen = random.Random(f"{seed}/{life}")

    def told(name: str, disturbance: str, left: int, many: int) -> None:
        passed = int(not left and not many)
        record_property("kill", [f"{disturbance}: {name}", 1, 1, passed, left, many])

    _lived(quick, undisturbed, chosen, told, [chosen.choice(DISTURBANCES) for _ in COMMANDS])


def _lived(
    here: Workspace,
    undisturbed: Life,
    chosen: random.Random,
    told: Callable[[str, str, int, int], None],
    disturbances: list[str],
) -> None:
    _begun(here)
    before, theirs = here.inventory(), _theirs(here)
    for (name, command), disturbance in zip(COMMANDS.items(), disturbances, strict=True):
        _edited(here, name)
        moment = chosen.uniform(0.0, undisturbed.seconds[name])
        print(f"{name}: {disturbance} after {moment:.2f} s")
        Disturbed(here, command, moment).by(disturbance)
        here.run(*command)
        now, wanted = counted(here), undisturbed.sets[name]
        left = (
            sum(len(ids - before.get(what, set())) for what, ids in here.inventory().items()) if name == "down" else 0
        )
        many = sum(max(0, count - wanted.get(what, 0)) for what, count in now.items())
        told(name, disturbance, left, many)
        assert now == wanted
        assert _theirs(here) == theirs
    assert here.inventory() == before
