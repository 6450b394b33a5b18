"""The fault plan as data: which calls go wrong, how, and how often. One plan per process, empty until somebody asks.

- fault: throttling            # a name of the catalogue
  call: ec2:CreateSubnet       # service:operation as AWS names them; * stands for any
  after: 2                     # how many matching calls pass first
  times: 3                     # then strike so many; without it, until the plan is cleared
  rate: 5                      # strike only above this many calls per second
  where: {CidrBlock: 10.20.*}  # only calls with this parameter, at any depth
  reads: 2                     # not-visible, late-lists: how many reads, or answers of each list, are out of date
  seconds: 15                  # api-silent only: how long it lasts
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import yaml

from livekit_deploy.errors import UsageError
from livekit_deploy.sandbox.aws.every_service.parameters import leaves
from livekit_deploy.sandbox.faults.catalogue import CATALOGUE, Effect

_KEYS = ("fault", "call", "after", "times", "rate", "where", "code", "message", "reads", "seconds")
_READS, _SECONDS = 2, 15
#: the cluster: its operations are the verbs of its API, and what a kubelet does: `START_POD`, `PULL_IMAGE`
KUBERNETES, START_POD, PULL_IMAGE = "kubernetes", "StartPod", "PullImage"
_PLACES = {Effect.STOP: "kubelet", Effect.REFUSE_HERE: "api", Effect.SILENCE: "api"}


@dataclass(frozen=True)
class Call:
    """One call as it reaches AWS; ``service`` is boto3's name of it, ``operation`` the API's."""

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def values(self, name: str) -> Iterator[str]:
        """Every value that a parameter of that name has, however deep it is."""
        yield from _named(self.parameters, name)


def _named(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if str(key).partition(".")[0] == name:
                yield from map(str, leaves(item))
            else:
                yield from _named(item, name)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _named(item, name)


@dataclass(frozen=True)
class Fault:
    """One line of the plan; ``code`` and ``message`` replace what the catalogue has AWS say."""

    fault: str
    service: str = "*"
    operation: str = "*"
    after: int = 0
    times: int | None = None
    rate: int | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    reads: int = _READS
    seconds: int = _SECONDS
    #: of a fault that strikes: how often it struck before
    turn: int = 0

    @property
    def late(self) -> bool:
        """Whether it is one of lists, which strikes what they answer and no call."""
        return CATALOGUE[self.fault].effect is Effect.LATE

    def matches(self, call: Call) -> bool:
        """Whether it is for this call, however often it has struck."""
        return (
            _PLACES.get(CATALOGUE[self.fault].effect, "aws") == _place(call)
            and fnmatchcase(call.service, self.service)
            and fnmatchcase(call.operation, self.operation)
            and all(any(fnmatchcase(v, want) for v in call.values(key)) for key, want in self.where.items())
        )

    def plain(self) -> dict[str, Any]:
        """The form in which it is written."""
        found: dict[str, Any] = {"fault": self.fault, "call": f"{self.service}:{self.operation}"}
        optional: dict[str, Any] = {
            "after": self.after,
            "times": self.times,
            "rate": self.rate,
            "where": dict(self.where),
        }
        optional |= {"code": self.code, "message": self.message, "reads": self.reads if self.reads != _READS else 0}
        optional |= {"seconds": self.seconds if self.seconds != _SECONDS else 0}
        return found | {key: value for key, value in optional.items() if value}


def _place(call: Call) -> str:
    if call.service != KUBERNETES:
        return "aws"
    return "kubelet" if call.operation in (START_POD, PULL_IMAGE) else "api"


def parsed(given: Mapping[str, Any]) -> Fault:
    """A fault from its written form. Raises `UsageError` that names what is wrong and what is allowed."""
    if unknown := sorted(map(str, given.keys() - set(_KEYS))):
        raise UsageError(f"a fault has no {unknown[0]}", hint=f"its keys are {', '.join(_KEYS)}")
    name = str(given.get("fault", ""))
    if name not in CATALOGUE:
        near = get_close_matches(name, CATALOGUE, 1)
        raise UsageError(
            f"there is no fault {name!r}" + (f"; did you mean {near[0]}?" if near else ""),
            hint=f"choose one of: {', '.join(CATALOGUE)}",
        )
    service, colon, operation = str(given.get("call") or CATALOGUE[name].call).partition(":")
    if not (service and colon and operation):
        raise UsageError(
            f"{service} is not a call", hint="write it as SERVICE:OPERATION, such as ec2:CreateSubnet or ec2:*"
        )
    where = given.get("where") or CATALOGUE[name].where
    if not isinstance(where, Mapping):
        raise UsageError("where is not a list of parameters", hint="write it as where: {SubnetId: subnet-0a1}")
    return Fault(
        name,
        service or "*",
        operation or "*",
        after=_count(given, "after") or 0,
        times=_count(given, "times"),
        rate=_count(given, "rate"),
        where={str(key): str(value) for key, value in where.items()},
        code=str(given.get("code") or ""),
        message=str(given.get("message") or ""),
        reads=_count(given, "reads") or _READS,
        seconds=_count(given, "seconds") or _SECONDS,
    )


def _count(given: Mapping[str, Any], key: str) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{key} is {value!r}", hint="write how many: 0, 1, 2, …")
    return value


def read(text: str, where: str) -> list[Fault]:
    """The faults of a YAML file. Raises `UsageError` naming the file and the entry."""
    try:
        found = yaml.safe_load(text) or []
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UsageError(
            f"{where}{place}: {getattr(error, 'problem', None) or 'this is no YAML'}", hint="write a list of faults"
        ) from error
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise UsageError(f"{where}: this is not readable YAML", hint="write a list of faults") from error
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise UsageError(f"{where} is not a list of faults", hint="write each as: - fault: throttling")
    faults = []
    for number, one in enumerate(found, 1):
        try:
            faults.append(parsed(one))
        except UsageError as error:
            raise UsageError(f"{where}, entry {number}: {error.message}", hint=error.hint) from error
    return faults


class FaultPlan:
    """The faults that are set, and how often each has met a call and struck; ``now`` gives seconds for their rates."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._met: list[int] = []
        #: of each fault with a rate: calls that may pass at once, and since when so many
        self._room: dict[int, tuple[float, float]] = {}
        self.now: Callable[[], float] = time.monotonic
        #: set whenever faults are lifted: a call that hangs stops hanging
        self.lifted = threading.Event()

    def add(self, faults: Iterable[Fault]) -> None:
        with self._lock:
            for fault in faults:
                self._faults.append(fault)
                self._met.append(0)
            self.lifted.clear()

    def clear(self) -> None:
        with self._lock:
            self._faults, self._met, self._room = [], [], {}
            self.lifted.set()

    @property
    def active(self) -> bool:
        """Whether any fault is set."""
        return bool(self._faults)

    def listed(self) -> list[dict[str, Any]]:
        """Each fault in its written form, with how often it struck."""
        with self._lock:
            pairs = zip(self._faults, self._met, strict=True)
            return [{**fault.plain(), "struck": _struck(fault, met)} for fault, met in pairs]

    def strike(self, call: Call) -> Fault | None:
        """The fault that this call meets, counted; the first that is set and not spent."""
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.late or not fault.matches(call) or self._passes(number, fault):
                    continue
                self._met[number] += 1
                struck = self._met[number] - fault.after
                if struck > 0 and (fault.times is None or struck <= fault.times):
                    return replace(fault, turn=struck - 1)
        return None

    @property
    def lists_are_late(self) -> bool:
        """Whether any list is behind."""
        return any(fault.late for fault in self._faults)

    def late(self, call: Call) -> int:
        """For how many answers a list is behind that this call asks for, 0 when it is not; counted."""
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.late and fault.matches(call):
                    self._met[number] += 1
                    return fault.reads
        return 0

    def _passes(self, number: int, fault: Fault) -> bool:
        """Whether a call is within the rate: AWS's own bucket, which holds the calls of one second."""
        if not fault.rate:
            return False
        now = self.now()
        room, since = self._room.get(number, (float(fault.rate), now))
        room = min(room + (now - since) * fault.rate, fault.rate)
        self._room[number] = (room - 1 if room >= 1 else room, now)
        return room >= 1


def _struck(fault: Fault, met: int) -> int:
    struck = max(0, met - fault.after)
    return struck if fault.times is None else min(struck, fault.times)


#: the plan of this process
current = FaultPlan()
