"""Adds, rotates and removes LiveKit's API keys; old and new keys are valid side by side in between.

The secret in Secrets Manager is the truth, and a change of it is one call under the lease, with the intent on record
before it. Its new version then shows in every plan as a change of the cluster's Secret and of the release, whose pods
roll; so whoever dies in between has lost nothing: `up`, or the same command again, continues. A change is a function of
what is there: made twice, it makes no second call.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.secret_values import held
from livekit_deploy.aws.kinds import api_keys
from livekit_deploy.aws.kinds.api_keys import Pair
from livekit_deploy.aws.kinds.secrets import Secret, of_version
from livekit_deploy.base.clock import utc_now
from livekit_deploy.checks import verify
from livekit_deploy.engine.ownership_tags import require
from livekit_deploy.engine.waits import Expired, Waits
from livekit_deploy.errors import OutOfTime, StateError, UsageError
from livekit_deploy.events import Emit, KeyChanged, Notice
from livekit_deploy.k8s.access.client import Api
from livekit_deploy.operations.pod_secrets import Holders, holders, versions
from livekit_deploy.provisioners.addresses import API_KEYS, RELEASE
from livekit_deploy.state.document import Phase, Record, State
from livekit_deploy.state.session import Session

#: what has to follow a change: the copy in the cluster, and the release whose pods roll
_FOLLOWERS = ("k8s.secret/livekit-api-keys", RELEASE)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_SECRET = "api-keys"
#: seconds for which a token is good that a server gives to those who are in a call, so that they can reconnect: it is
#: signed with any of the server's keys (livekit-server, pkg/service/roommanager.go)
_RECONNECT = 600.0


@dataclass(frozen=True)
class ApiKey:
    """One API key; ``name`` says what it is for, ``first`` that webhooks and `verify` use it. Never its secret.

    ``since`` is UTC, ISO 8601, "" where it is not known.
    """

    key: str
    name: str
    since: str
    first: bool


@dataclass(frozen=True)
class Keys:
    """The keys there are, in ``version`` of the secret ``secret_name``; ``pods`` counts those of LiveKit, and
    ``following`` those of them that were started with this version."""

    secret_name: str
    version: str
    keys: tuple[ApiKey, ...]
    pods: int
    following: int


@dataclass(frozen=True)
class Rotation:
    """A key that is being deleted, and the one of the same name that takes its place."""

    old: str
    new: str


class Keyring:
    """The API keys of one environment; ``session`` opens a run under the lease, ``kube`` the cluster's API.

    What has to be waited for is waited for ``limit`` seconds of the clock at most.
    """

    def __init__(
        self,
        cloud: Cloud,
        state: Callable[[], State | None],
        session: Callable[[str], AbstractContextManager[tuple[Session, Cloud]]],
        kube: Callable[[], Api],
        emit: Emit,
        waits: Waits,
        limit: float = math.inf,
    ) -> None:
        self._cloud, self._state, self._session, self._kube, self._emit = cloud, state, session, kube, emit
        self._waits, self._limit = waits, limit

    def present(self) -> Keys:
        """What there is. Raises `StateError` when there are no keys yet."""
        state = self._state()
        record = _recorded(state)
        pairs, version = self._held(record)
        keys = tuple(ApiKey(one.key, one.name, one.since, one is pairs[0]) for one in pairs)
        started = versions(self._kube(), _SECRET) if self.followers else []
        return Keys(str(record.outputs["secret_name"]), version, keys, len(started), started.count(version))

    @property
    def followers(self) -> tuple[str, ...]:
        """The addresses that have to follow a change, as targets of a plan; none while LiveKit is not there."""
        state = self._state()
        return _FOLLOWERS if state is not None and verify.serves(state) else ()

    def add(self, name: str) -> str:
        """See to it that there is a key of this name; returns it. Raises `UsageError` for a name that is none."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is not a valid name for a key", hint="use lower-case letters, digits, '.', '_' and '-'"
            )

        def more(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
            return pairs if _named(pairs, name) else (*pairs, api_keys.draw(name, utc_now()))

        return _named(self._change(f"add {name}", more), name)[-1].key

    def rotate(self, name: str) -> Rotation:
        """See to it that there is a second key of this name. The old one is good until it is removed.

        Raises `UsageError` when there is no key of the name.
        """

        def doubled(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
            there = _named(pairs, name)
            if not there:
                names = ", ".join(dict.fromkeys(one.name for one in pairs))
                raise UsageError(f"there is no key named {name}", hint=f"there are: {names}")
            if len(there) > 1:
                return pairs
            behind = pairs.index(there[0]) + 1
            return (*pairs[:behind], api_keys.draw(name, utc_now()), *pairs[behind:])

        old, new, *_ = _named(self._change(f"rotate {name}", doubled), name)
        return Rotation(old.key, new.key)

    def remove(self, key: str, *, now: bool = False) -> None:
        """See to it that there is no such key.

        Unless it is to be ``now``, it waits for the pods that were started with earlier keys: while they drain calls,
        and ten minutes more, those calls reconnect with tokens that may be signed with this key. Raises `UsageError`
        for the last key, for one that never was, and when pods do not have the present keys; `OutOfTime`.
        """

        if self.in_use(key) and not now:
            self._await_calls(key)
        self._change(f"remove {key}", lambda pairs: self._without(pairs, key))

    def in_use(self, key: str) -> bool:
        """Whether there is such a key, and pods that have it. Raises `UsageError` as `remove` does."""
        pairs = self._held(_recorded(self._state()))[0]
        return self._without(pairs, key) != pairs and bool(self.followers)

    # ---- the pieces

    def _without(self, pairs: tuple[Pair, ...], key: str) -> tuple[Pair, ...]:
        left = tuple(one for one in pairs if one.key != key)
        if not left:
            raise UsageError(
                f"{key} is the only key: LiveKit does not start without one", hint="first: livekit-deploy keys add"
            )
        if left == pairs and self._settled():
            raise UsageError(f"there is no key {key}", hint="see: livekit-deploy keys list")
        return left

    def _await_calls(self, key: str) -> None:
        """Wait until no call can have a token that is signed by a pod with earlier keys."""
        told = [""]

        def look() -> float:
            version = str(_recorded(self._state()).outputs["version"])
            there = holders(self._kube(), _SECRET, version)
            if there.running and not there.rolling:
                raise UsageError(
                    f"{there.running} of {there.present + there.others} pods do not have the present keys",
                    hint="first: livekit-deploy up; --now does not wait for it",
                )
            passed = there.gone * self._waits.clock.speed if there.gone is not None else _RECONNECT
            left = math.inf if there.others else max(_RECONNECT - passed, 0.0)
            if left and (said := _waits_for(there, key)) != told[0]:
                told[0] = said
                self._emit(Notice(level="info", message=said))
            return left

        try:
            self._waits.settle(look, lambda left: not left, timeout=self._limit)
        except Expired:
            raise OutOfTime(
                f"the time limit of {self._limit:g} s is over, and nothing was changed: {told[0]}",
                hint="run the same command again, with more time; --now does not wait",
            ) from None

    def _change(self, what: str, make: Callable[[tuple[Pair, ...]], tuple[Pair, ...]]) -> tuple[Pair, ...]:
        make(self._held(_recorded(self._state()))[0])  # what is wrong with it is said before anybody waits for a lease
        with self._session(f"keys {what.partition(' ')[0]}") as (session, cloud):
            record = _recorded(session.state)
            before, version = self._held(record)
            after = make(before)
            if after != before:
                _require_ours(cloud, record)
                session.intend(API_KEYS, replace(record, phase=Phase.UPDATING))
                version = self._put(cloud, record, after, version, what)
            outputs = {**record.outputs, **of_version(str(record.id), version)}
            ready = replace(record, phase=Phase.READY, outputs=outputs)
            if ready != session.record(API_KEYS):
                session.write({API_KEYS: ready})
        for verb, ones in (("added", set(after) - set(before)), ("removed", set(before) - set(after))):
            for one in ones:
                self._emit(KeyChanged(address=API_KEYS, verb=verb, key=one.key, name=one.name))
        return after

    def _put(self, cloud: Cloud, record: Record, pairs: tuple[Pair, ...], version: str, what: str) -> str:
        """The new version. Its token says what is done to which version: it can be done once, whoever asks again."""
        token = uuid.uuid5(uuid.NAMESPACE_URL, f"{record.id} {version} {what}")
        said = cloud.secretsmanager.put_secret_value(
            SecretId=record.id, ClientRequestToken=str(token), SecretString=api_keys.dump(pairs)
        )
        cloud.account.wrote(str(record.id), str(said["VersionId"]))
        return str(said["VersionId"])

    def _held(self, record: Record) -> tuple[tuple[Pair, ...], str]:
        """The present pairs, and the version that holds them; kept nowhere."""
        found = held(self._cloud.secretsmanager, str(record.id))
        return api_keys.load(found), found.version

    @property
    def followed(self) -> bool:
        """Whether the cluster has the present version, and pods have it too where there are any."""
        if not self._settled():
            return False
        found = self.present()
        return bool(found.following) or not found.pods

    def _settled(self) -> bool:
        """Whether the cluster has what Secrets Manager has, by what is recorded."""
        state = self._state()
        record = _recorded(state)
        follower = state.records.get(_FOLLOWERS[0]) if state is not None else None
        has = follower.inputs["values"]["keys"]["version"] if follower is not None else record.outputs["version"]
        return record.phase is Phase.READY and has == record.outputs["version"]


def _recorded(state: State | None) -> Record:
    records: Mapping[str, Record] = state.records if state is not None else {}
    record = records.get(API_KEYS)
    if record is None or record.phase not in (Phase.READY, Phase.UPDATING):
        raise StateError("there are no API keys yet", hint="run: livekit-deploy up, which makes the first one")
    return record


def _require_ours(cloud: Cloud, record: Record) -> None:
    """Raise `NotOurs` unless the recorded secret carries our tags now: a record is no proof of whose it is."""
    secret = Secret.recorded(API_KEYS, record.inputs)
    if (live := secret.read(cloud, record.id)) is not None:
        require(secret, cloud, record, live)


def _named(pairs: tuple[Pair, ...], name: str) -> list[Pair]:
    return [one for one in pairs if one.name == name]


def _waits_for(there: Holders, key: str) -> str:
    if not there.others:
        return f"no pod has earlier keys any more: {key} is removed in ten minutes, when their last tokens have run out"
    drain = f"{there.draining} drain calls until {there.until}" if there.draining else "they are being replaced"
    which = f"{there.others} {'pod has' if there.others == 1 else 'pods have'} earlier keys, {drain}"
    return (
        f"{which}: {key} is removed ten minutes after they have ended, so that their calls can reconnect (--now: now)"
    )
