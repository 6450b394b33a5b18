"""The central protocol: what a resource declares, and the four verbs that the engine calls.

A kind is a subclass of `Resource`. Its `Input` fields are the desired state; a field may hold a `Ref` to an `Output`
of another resource, and those references are the edges of the graph. Five laws bind every kind, and the contract
suite tests each of them:

1. At most one mutating call per verb. `update` and `delete` are steps: the engine asks again until no diff remains.
2. Created with its tags. Tags, or a deterministic name, are part of the create call.
3. `read` needs no Ref. It uses the name, the tags, the recorded id and the host's `Live` only.
4. No verb waits. The engine polls `read`.
5. The second run is silent. What AWS or an autoscaler owns is not in `Live.props`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self, cast, dataclass_transform

from livekit_deploy.engine.cloud import KindsCloud
from livekit_deploy.engine.inputs import (
    Change,
    Input,
    Inputs,
    Output,
    Ref,
    place,
    plain,
    references,
    revive,
    substitute,
)
from livekit_deploy.engine.live import Found as Found
from livekit_deploy.engine.live import Live as Live
from livekit_deploy.engine.live import Status as Status
from livekit_deploy.engine.live import joined
from livekit_deploy.engine.ownership import Owned
from livekit_deploy.errors import OddAnswer

MINUTE = 60.0


def settings(*, default: Any = ..., kw_only: bool = True) -> Any:
    """A field of every resource that is not desired state (name, edges, stage)."""
    return default


@dataclass_transform(kw_only_default=True, field_specifiers=(Input, Inputs, settings))
class _Declared:
    """Gives type checkers the constructor that `Resource.__init__` really has."""


class Resource(_Declared, Owned):
    """One object in the cloud: desired state in its Inputs, and the four verbs.

    ``name`` is unique within the kind. ``after`` orders without data. What it ``runtime_depends_on`` goes after it is
    gone; on the way up it may be made before that is there, but does not become ready without it. What it
    ``works_with`` is not waited for, but without it it is of no use: who asks for the one gets the other. What
    ``lives_in`` a host is absent when the host is, with no call made.
    """

    kind: ClassVar[str] = ""
    #: kind of the host whose `Live` `scan` needs, "" for none
    host_kind: ClassVar[str] = ""
    #: seconds after which a create or update, and a delete, has failed
    timeout: ClassVar[float] = 10 * MINUTE
    delete_timeout: ClassVar[float] = 15 * MINUTE
    #: seconds that it usually takes, for display and for the pace of polling
    usual: ClassVar[float] = 2.0
    usual_delete: ClassVar[float] = 2.0
    #: seconds to re-read after a crash before "absent" is believed, for creates with neither token nor natural key
    grace: ClassVar[float] = 0.0
    #: outputs that the environment shows to its users: output → public name, in which ``{name}`` is the instance
    exports: ClassVar[Mapping[str, str]] = {}
    #: outputs that each update gives another value; what refers to them follows in the same run
    renewed: ClassVar[frozenset[str]] = frozenset()
    #: those of them that an update gives their recorded value again, where it only takes back what others did
    regained: ClassVar[frozenset[str]] = frozenset()
    #: outputs that are the same when it is made again at its address, since its name decides them
    lasting: ClassVar[frozenset[str]] = frozenset()
    #: gone with its host: when the host is deleted, the record is dropped and no call is made
    dies_with_host: ClassVar[bool] = False
    #: it is nowhere but in its host: when that goes anyway, nothing of it can stay behind
    stored_in_host: ClassVar[bool] = False
    #: one that is FAILED has never served, also where it was READY before: it is made again
    fails_unused: ClassVar[bool] = False
    #: AWS error codes after which the engine repeats a verb for up to 90 s, with the words the message must hold
    #: (none: any message): an IAM role that is not yet assumable, for instance
    propagation: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    inputs: ClassVar[Mapping[str, Input[Any]]] = {}
    outputs: ClassVar[Mapping[str, Output[Any]]] = {}
    #: the inputs whose digest is part of the name
    immutable: ClassVar[tuple[str, ...]] = ()

    name: str = settings(kw_only=False)
    after: Sequence[Resource] = settings(default=())
    runtime_depends_on: Sequence[Resource] = settings(default=())
    works_with: Sequence[Resource] = settings(default=())
    lives_in: Resource | None = settings(default=None)
    stage: str = settings(default="infrastructure")

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.inputs = {**cls.inputs, **{key: one for key, one in cls.__dict__.items() if isinstance(one, Input)}}
        cls.outputs = {**cls.outputs, **{key: one for key, one in cls.__dict__.items() if isinstance(one, Output)}}
        cls.immutable = tuple(key for key, item in cls.inputs.items() if item.change is Change.IMMUTABLE)

    def __init__(
        self,
        name: str,
        *,
        after: Sequence[Resource] = (),
        runtime_depends_on: Sequence[Resource] = (),
        works_with: Sequence[Resource] = (),
        lives_in: Resource | None = None,
        stage: str = "infrastructure",
        **values: Any,
    ) -> None:
        self.name, self.after, self.runtime_depends_on, self.lives_in = (
            name,
            tuple(after),
            tuple(runtime_depends_on),
            lives_in,
        )
        self.works_with, self.stage = tuple(works_with), stage
        #: how many times the object at this address was made; part of the name of what depends on it
        self.generation = 1
        #: what `read` of the host saw, set by the engine before any verb of a resource that lives in one
        self.host: Live | None = None
        self._address: str | None = None
        if unknown := values.keys() - self.inputs.keys():
            raise TypeError(f"{type(self).__name__} has no input {', '.join(sorted(unknown))}")
        for key, declared in self.inputs.items():
            value = values.get(key, declared.default)
            if value is ...:
                raise TypeError(f"{type(self).__name__}({name!r}) lacks the input {key}")
            setattr(self, key, value)

    # ---- identity

    @property
    def instance(self) -> str:
        """The name with the digest of its immutable inputs, or the name alone where the kind has none."""
        if self._address is not None:
            return self._address.partition("/")[2]
        if not self.immutable:
            return self.name
        declared = {
            key: substitute(self.__dict__[key], lambda ref: f"{ref.address}#{ref.source.generation}.{ref.output}")
            for key in self.immutable
            if self.__dict__[key] is not None
        }
        text = json.dumps(plain(declared), sort_keys=True)
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:4]}"

    @property
    def address(self) -> str:
        """``kind/instance``: the key of the record and the value of the address tag."""
        return self._address or f"{self.kind}/{self.instance}"

    def __repr__(self) -> str:
        return f"<{self.address}>"

    # ---- desired state

    def dependencies(self) -> list[Resource]:
        """The resources that must be ready before this one, each once, in the order of declaration."""
        found: dict[int, Resource] = {}
        for key in self.inputs:
            for ref in references(self.__dict__[key]):
                found.setdefault(id(ref.source), cast(Resource, ref.source))
        hosts = (self.lives_in,) if self.lives_in is not None else ()
        for other in (*self.after, *hosts):
            found.setdefault(id(other), other)
        return list(found.values())

    def desired(self, lookup: Callable[[Ref[Any]], Any]) -> dict[str, Any]:
        """The inputs as plain values; ``lookup`` gives the value of a reference."""
        found = {}
        for key, declared in self.inputs.items():
            value = plain(substitute(self.__dict__[key], lookup))
            if declared.many and not declared.ordered and isinstance(value, list):
                value = sorted(value, key=lambda item: json.dumps(item, sort_keys=True, default=str))
            found[key] = value
        return found

    def resolve(self, lookup: Callable[[Ref[Any]], Any]) -> Self:
        """A copy at the same address in which no reference is left."""
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._address = self.address
        for key in self.inputs:
            copy.__dict__[key] = substitute(self.__dict__[key], lookup)
        return copy

    @classmethod
    def recorded(cls, address: str, inputs: Mapping[str, Any]) -> Self:
        """The resource as its record describes it: what teardown works on when there is no configuration."""
        values: dict[str, Any] = {}
        for key, declared in cls.inputs.items():
            default = declared.default if declared.default is not ... else () if declared.many else None
            value = revive(inputs.get(key, default))
            values[key] = tuple(value) if declared.many and isinstance(value, list) else value
        made = cls(address.partition("/")[2], **values)
        made._address = address
        return made

    def differs(self, key: str, want: Any, have: Any) -> bool:
        """Whether a desired and a live value really differ; kinds compare versions to the precision given."""
        return bool(want != have)

    def refusals(self, live: Live, changed: Iterable[str]) -> dict[str, str]:
        """For each changed field that cannot be changed in place, or not yet: the way out.

        What it is to become may be known only after apply.
        """
        changed = list(changed)
        fixed = {key: self.inputs[key].way_out for key in changed if self.inputs[key].change is Change.FIXED}
        return fixed | {key: why for key in changed if key in live.held and (why := live.held[key]())}

    def foreseen(self, cloud: KindsCloud) -> tuple[str, str]:
        """(what the cloud will refuse of it although its host or its neighbours may be missing yet, what to do).

        Asked by the plan, of what is to be made or changed only; reads, and "" for nothing. Advice alone
        refuses nothing.
        """
        return "", ""

    def irrevocable(self, changed: Iterable[str]) -> str:
        """What should be known before these fields are changed, since nothing brings them back; "" for nothing."""
        theirs = [key for key in changed if key in self.inputs and self.inputs[key].foreign]
        return f"up takes away what somebody else added: {', '.join(sorted(theirs))}" if theirs else ""

    def lasts(self, output: str, address: str) -> bool:
        """Whether it has this output again, when it is made again, as is recorded at an ``address`` of its kind."""
        return address == self.address and output in self.lasting

    def notice(self, live: Live) -> tuple[str, str]:
        """(what is wrong with what is there although it serves, what a person does about it), "" for nothing."""
        return joined([(live.warning, live.remedy), live.noted])

    def check(self) -> None:
        """Raise what would keep it from being made whatever the cloud says, before anything is changed."""

    # ---- what calls say of it

    def arguments(self, *keys: str) -> dict[str, Any]:
        """The inputs, or those that are named, as a request has them, each at its ``api``; None is left out."""
        request: dict[str, Any] = {}
        for key in keys or [key for key, one in self.inputs.items() if one.api]:
            declared = self.inputs[key]
            if (value := declared.in_request(getattr(self, key))) is not None:
                place(request, declared.api, value)
        return request

    @classmethod
    def props_of(cls, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that an answer shows; the kind reads the others itself."""
        return {key: one.in_answer(answer) for key, one in cls.inputs.items() if one.shown}

    @classmethod
    def outputs_of(cls, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs that an answer shows."""
        return {key: one.in_answer(answer) for key, one in cls.outputs.items() if one.shown}

    # ---- the verbs

    def read(self, cloud: KindsCloud, id: str | None) -> Live | None:
        """The object as it is, or None. Never blocks, never mutates."""
        raise TypeError(f"{self.kind} does not say how to read")

    def read_teardown(self, cloud: KindsCloud, id: str | None) -> Live | None:
        """What `delete` has still to remove; differs from `read` only for what stands in for others' objects."""
        return self.read(cloud, id)

    def taken_over(self, live: Live) -> Live:
        """What is recorded of an object that was there although no run of ours meant to make it."""
        return live

    def create(self, cloud: KindsCloud, token: str) -> str:
        """Exactly one mutating call with the tags inside it; returns the id."""
        raise TypeError(f"{self.kind} does not say how to create")

    def update(self, cloud: KindsCloud, live: Live, changed: frozenset[str]) -> None:
        """One mutating call towards the desired state; asked again while a diff remains.

        Raises `OddAnswer` for fields that decide the name: what is shown was not made at this address.
        """
        if not changed or not changed <= set(self.immutable):
            raise TypeError(f"{self.kind} does not say how to update")
        raise OddAnswer(
            f"{self.address} ({live.id}) is shown with another {', '.join(sorted(changed))}, which never changes",
            hint="look at it in the console: somebody made it again with other values, or something other than "
            "AWS answers",
        )

    def delete(self, cloud: KindsCloud, live: Live) -> None:
        """One mutating call towards absence; asked again until absent."""
        raise TypeError(f"{self.kind} does not say how to delete")

    def blockers(self, cloud: KindsCloud, live: Live) -> Iterable[str]:
        """What keeps it from being deleted, by type, id and maker, where the cloud itself does not say."""
        return ()

    def diagnose(self, cloud: KindsCloud, live: Live | None) -> tuple[str, str]:
        """(what is likely behind its failure, what to do about it), from AWS's code and a look around; "" for no idea.

        Reads only.
        """
        return "", ""

    @classmethod
    def scan(cls, cloud: KindsCloud, host: Live | None) -> Iterable[Found]:
        """Every object of this kind that carries the environment's tags, in as few calls as AWS allows."""
        raise TypeError(f"{cls.kind} does not say how to scan")

    @classmethod
    def exists(cls, cloud: KindsCloud, live: Live) -> bool:
        """Whether what `scan` found is there. A kind whose scan takes what it says from a list, which may be late,
        describes it; asked only of what nothing accounts for."""
        return True

    @classmethod
    def vanishing(cls, cloud: KindsCloud) -> Iterable[tuple[str, str]]:
        """(what, when) for objects of ours that are deleted but stay visible until a date."""
        return ()


class Observed(Resource):
    """A resource that somebody else makes: `create` makes no call and returns the name to look for.

    `read` is PENDING until the object is there. In teardown, `read_teardown` is DELETING while its maker may still be
    removing it; after ``patience`` seconds of that with the same props the engine asks `delete` for one step of a
    sweep, and again while something is left.
    """

    patience: ClassVar[float] = 2 * MINUTE

    def create(self, cloud: KindsCloud, token: str) -> str:
        return self.instance

    def update(self, cloud: KindsCloud, live: Live, changed: frozenset[str]) -> None:
        """Nothing to do: what differs is somebody else's to change, and `read` waits for it."""
