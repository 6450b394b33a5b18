"""The faults of the matrix: which calls of a kind each strikes, and what the run must make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from livekit_deploy.sandbox.faults.endings import ENDINGS
from tests.contract.cases import CASES
from tests.contract.kinds.case import Case

#: kinds without a column: what makes them is in the cluster
NO_COLUMN = {"elbv2.load_balancer": "the load balancer controller makes it: tests/sandbox stops that one instead"}
TRIED = [case for case in CASES if case.kind.kind not in NO_COLUMN]


@dataclass(frozen=True)
class Calls:
    """What a kind calls, as ``service:Operation``: when it is made, changed and deleted, and what it reads for that."""

    ups: tuple[str, ...]
    changes: tuple[str, ...]
    downs: tuple[str, ...]
    reads: tuple[str, ...]
    reads_down: tuple[str, ...]
    #: how many calls a run has made when its create has been answered
    until_created: int

    @property
    def create(self) -> str:
        return self.ups[0] if self.ups else ""

    @property
    def delete(self) -> str:
        return self.downs[-1] if self.downs else ""


@dataclass(frozen=True)
class Row:
    """One fault at one verb. ``plan`` gives the faults for a kind's calls, or the reason why there are none."""

    name: str
    plan: Callable[[Case, Calls], list[dict[str, Any]] | str]
    verb: str = "up"
    #: the run itself must come to its end under the fault
    survives: bool = False
    #: each of its faults by itself, one run after the other
    in_turn: bool = False
    #: the run must not come to its end
    refused: bool = False
    #: it may be that the request never came: a create that is sent once only fails then
    sent: bool = False


def _create(fault: str, **more: Any) -> Callable[[Case, Calls], list[dict[str, Any]] | str]:
    return lambda case, calls: [{"fault": fault, "call": calls.create, **more}] if calls.create else "makes no call"


def _delete(fault: str, **more: Any) -> Callable[[Case, Calls], list[dict[str, Any]] | str]:
    return lambda case, calls: [{"fault": fault, "call": calls.delete, **more}] if calls.delete else "deletes nothing"


def _reads(fault: str, **more: Any) -> Callable[[Case, Calls], list[dict[str, Any]] | str]:
    return lambda case, calls: (
        [{"fault": fault, "call": one, **more} for one in calls.reads] if calls.reads else "reads nothing of its own"
    )


def _change(fault: str, **more: Any) -> Callable[[Case, Calls], list[dict[str, Any]] | str]:
    return lambda case, calls: (
        [{"fault": fault, "call": one, **more} for one in calls.changes] or "nothing of it changes in place"
    )


def _each(fault: str, which: Callable[[Calls], tuple[str, ...]]) -> Callable[[Case, Calls], list[dict[str, Any]] | str]:
    return lambda case, calls: [{"fault": fault, "call": one} for one in which(calls)] or "makes no call of its own"


def _expired(case: Case, calls: Calls) -> list[dict[str, Any]] | str:
    """From the kind's own call on, nothing is answered any more."""
    if not calls.create:
        return "makes no call"
    return [{"fault": "expired", "call": "*:*", "after": calls.until_created}]


def _fails(case: Case, calls: Calls) -> list[dict[str, Any]] | str:
    if case.kind.kind == "acm.issued":
        return "it fails as its certificate does: test_runs.py"
    if calls.create not in ENDINGS:
        return "AWS has no failed state for it"
    code = {"code": "INVALID_PUBLIC_DOMAIN"} if calls.create.startswith("acm") else {}
    return [{"fault": "fails", "call": calls.create, **code}]


def _no_capacity(case: Case, calls: Calls) -> list[dict[str, Any]] | str:
    if case.kind.kind not in ("eks.node_group", "elasticache.replication_group"):
        return "takes no capacity of a zone"
    return [{"fault": "no-capacity", "call": calls.create}]


def _role(case: Case, calls: Calls) -> list[dict[str, Any]] | str:
    if not {"role_arn", "node_role_arn"} & set(case.kind.inputs):
        return "names no role"
    return [{"fault": "role-not-ready", "call": calls.create, "times": 3}]


def _dependency(case: Case, calls: Calls) -> list[dict[str, Any]] | str:
    """EC2 and ElastiCache do not see at once what was made a moment ago, and say so in the call that refers to it."""
    service = calls.create.partition(":")[0]
    missing = [key for key in case.kind.inputs if key in _NOT_FOUND]
    if service not in ("ec2", "elasticache") or not missing:
        return "refers to nothing that EC2 or ElastiCache has just made"
    code = _NOT_FOUND[missing[0]] if service == "ec2" else _CACHE_NOT_FOUND[case.kind.kind]
    return [{"fault": "not-found", "call": calls.create, "times": 3, "code": code}]


_CACHE_NOT_FOUND = {
    "elasticache.subnet_group": "InvalidSubnet",
    "elasticache.replication_group": "CacheSubnetGroupNotFoundFault",
}
_NOT_FOUND = {
    "vpc_id": "InvalidVpcID.NotFound",
    "subnet_id": "InvalidSubnetID.NotFound",
    "subnet_ids": "InvalidSubnetID.NotFound",
    "group_id": "InvalidGroup.NotFound",
    "security_group_ids": "InvalidGroup.NotFound",
    "route_table_ids": "InvalidRouteTableId.NotFound",
}

ROWS = [
    Row("throttled, 3 times", _create("throttling", times=3), survives=True),
    Row("throttled, always", _create("throttling")),
    Row("reads throttled, 3 times", _reads("throttling", times=3), survives=True),
    Row("500, twice", _create("error-500", times=2), survives=True, sent=True),
    Row("503, always", _create("error-503")),
    Row("reset before", _create("reset-before", times=1), survives=True, sent=True),
    Row("reset after", _create("reset-after", times=1), survives=True),
    Row("hang", _create("hang", times=1), survives=True, sent=True),
    Row(
        "each action of up denied",
        _each("denied", lambda calls: (*calls.ups, *calls.reads)),
        in_turn=True,
        refused=True,
    ),
    Row("expired in the middle", _expired),
    Row("quota reached", _create("quota")),
    Row("role not spread", _role, survives=True),
    Row("dependency not spread", _dependency, survives=True),
    Row("not visible for 3 reads", _create("not-visible", reads=3, times=1), survives=True),
    Row("ends failed", _fails),
    Row("no capacity in a zone", _no_capacity),
    Row("change throttled, 3 times", _change("throttling", times=3), verb="change", survives=True),
    Row("change: reset after", _change("reset-after", times=1), verb="change", survives=True),
    Row("each action of a change denied", _change("denied"), verb="change", in_turn=True, refused=True),
    Row("delete throttled, 3 times", _delete("throttling", times=3), verb="down", survives=True),
    Row("delete: 503, always", _delete("error-503"), verb="down"),
    Row("delete: reset after", _delete("reset-after", times=1), verb="down", survives=True),
    Row(
        "each action of down denied",
        _each("denied", lambda calls: (*calls.downs, *calls.reads_down)),
        verb="down",
        in_turn=True,
        refused=True,
    ),
]
