"""Makes the calls of a record again, in a sandbox in this process, at the times of the record.

A call is asked first as if no time had passed, then at the moment at which it was recorded, then as long as the
sandbox may need to come to the state in which AWS was: how long things take is not compared, the order of states is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws

from livekit_deploy.recording.names import Names
from livekit_deploy.recording.scrub import Scrubber
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.compare.bindings import TOKEN, Bindings, Unbound, leaves
from livekit_deploy.sandbox.compare.reading import Call, Record
from livekit_deploy.sandbox.compare.states import Sight, States, sights
from livekit_deploy.sandbox.install import install

ACCOUNT = "123456789012"
_STEP, _LONGEST = 15.0, 3600.0  # AWS's seconds
#: conditional writes that came too late: who comes first is chance
_LOST = ("PreconditionFailed", "ConditionalRequestConflict")
_WITHIN = ("Get", "List", "Describe", "Head", "Lookup")


@dataclass
class Heard:
    """What the sandbox answered to a call, in the record's placeholders; ``code`` "" for no error."""

    answer: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    message: str = ""


@dataclass
class Replayed:
    """A call with both answers; ``said`` is AWS's, without what others made.

    ``passing`` are the states that the sandbox still showed when AWS had left them.
    """

    call: Call
    heard: Heard
    said: Any = None
    passing: list[States] = field(default_factory=list)


class Replay:
    """One record, made again."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._moment = 0.0
        self._scrubber = Scrubber(Names(b"the sandbox"))
        self._zones = sorted({name for call in record.calls for name in _zones(call)})
        self._bindings = Bindings(ACCOUNT, _given(record, self._zones))
        self._later = _later(record)
        self._made: set[str] = set()
        self._hopeless: set[object] = set()
        self._clients: dict[tuple[str, str], Any] = {}
        self._parsed: dict[str, Any] = {}
        #: calls that could not be made, by what was in the way
        self.left_out: dict[str, int] = {}

    def run(self) -> Iterator[Replayed]:
        """Each call that could be made and means something here."""
        with self._sandbox():
            for name in self._zones:
                self._client("route53", "").create_hosted_zone(
                    Name=self._bindings.value(name), CallerReference=f"{name} before"
                )
            for call in self._record.calls:
                try:
                    found = self._replayed(call)
                except Unbound:
                    self._leave("on what others made, or what stood before", call)
                    continue
                if found is not None:
                    yield found

    @contextmanager
    def _sandbox(self) -> Iterator[None]:
        install(SandboxClock(self._record.speed if self._record.speed == float("inf") else 1.0, lambda: self._moment))
        with mock_aws():
            yield

    def _leave(self, why: str, call: Call) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1

    # ---- one call

    def _replayed(self, call: Call) -> Replayed | None:
        if call.code == "Throttled":
            self._leave("that AWS did not answer", call)
            return None
        if call.code in _LOST:
            self._leave("that another writer was ahead of", call)
            return None
        found = Replayed(call, self._asked(call))
        for moment in self._moments(call):
            if not self._behind(call, found.heard):
                break
            self._moment = moment
            if moment > call.at:
                found.passing.append(sights(call, found.heard.answer))
            found.heard = self._asked(call)
        if self._behind(call, found.heard):
            self._hopeless.add(_question(call))
            found.passing.clear()
        if not self._means(call, found.heard):
            self._leave("on what others made, or what stood before", call)
            return None
        if call.answer is not None and not call.operation.startswith(_WITHIN):
            self._made |= _tokens(call.sent) | _tokens(call.answer)
        found.said = self._bindings.without_strangers(call.answer)
        return found

    def _moments(self, call: Call) -> Iterator[float]:
        if self._moment < call.at:
            yield call.at
        if _question(call) not in self._hopeless:
            yield from (self._moment + _STEP for _ in range(int(_LONGEST / _STEP)))

    def _behind(self, call: Call, heard: Heard) -> bool:
        """Whether AWS was further: it did what the sandbox refuses yet, or was in a state that may come here too."""
        reads = call.operation.startswith(_WITHIN)
        if call.code or heard.code:
            return not heard.code if reads else not call.code
        if not reads:
            return False
        said, shown = sights(call, call.answer or {}), sights(call, heard.answer)
        return any(
            said[key] != shown[key] and self._later.get((call, key)) != shown[key] for key in said.keys() & shown.keys()
        )

    def _means(self, call: Call, heard: Heard) -> bool:
        """Whether the sandbox has what the call is about: it, or part of it, was made by the record."""
        if call.answer is None:
            return True
        about = _tokens(call.sent)
        if heard.code:
            return bool(about & self._made) or not about
        items = [item for one in call.answer.values() if isinstance(one, list) for item in one]
        here = [item for one in heard.answer.values() if isinstance(one, list) for item in one]
        return not items or bool(here) or any(_tokens(item) & (self._made - about) for item in items)

    def _asked(self, call: Call) -> Heard:
        client = self._client(call.service, call.region)
        model = client.meta.service_model.operation_model(call.operation)
        sent = self._bindings.value(call.sent)
        self._parsed = {}
        try:
            client._make_api_call(call.operation, sent)
        except ClientError as error:
            said = error.response["Error"]
            return Heard(code=str(said.get("Code", "")), message=str(said.get("Message", "")))
        except BotoCoreError as error:
            return Heard(code=type(error).__name__, message=str(error))
        self._bindings.learn(call.sent, sent, self._scrubber.sent(sent, model))
        scrubbed = self._scrubber.answer(self._parsed, model)
        if call.answer is not None:
            self._bindings.learn(call.answer, self._parsed, scrubbed)
        return Heard(answer=self._bindings.back(scrubbed))

    def _client(self, service: str, region: str) -> Any:
        where = self._bindings.value(region) if region else "us-east-1"
        if (service, where) not in self._clients:
            made = boto3.client(
                service,
                region_name=where,
                aws_access_key_id=f"AKIA{ACCOUNT}",
                aws_secret_access_key="sandbox",
                config=Config(retries={"total_max_attempts": 1}),
            )
            made.meta.events.register_first("response-received", self._keep)
            self._clients[service, where] = made
        return self._clients[service, where]

    def _keep(self, parsed_response: dict[str, Any] | None = None, **_: Any) -> None:
        said = parsed_response or {}
        self._parsed = _copied({key: one for key, one in said.items() if key != "ResponseMetadata"})


def _copied(value: Any) -> Any:
    """As it was parsed: botocore goes on to change it."""
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _question(call: Call) -> tuple[object, ...]:
    """What waiting was for."""
    return call.name, str(call.sent), call.code, *sorted(sights(call, call.answer or {}).items())


def _later(record: Record) -> dict[tuple[Call, Sight], str]:
    """The state that each object comes to next, at each call that shows it: a sandbox that is there is not behind."""
    found: dict[tuple[Call, Sight], str] = {}
    coming: dict[Sight, tuple[str, str]] = {}
    for call in reversed(record.calls):
        for key, state in sights(call, call.answer or {}).items():
            now, after = coming.get(key, (state, ""))
            coming[key] = now, after = (now, after) if now == state else (state, now)
            found[call, key] = after
    return found


def _tokens(value: Any) -> set[str]:
    """The placeholders in it, but for those of the whole account."""
    found = {token for _, leaf in leaves(value) for token in TOKEN.findall(str(leaf))}
    return {one for one in found if not one.startswith(("<account", "<region"))}


def _zones(call: Call) -> Iterator[str]:
    for zone in (call.answer or {}).get("HostedZones", ()):
        if not zone.get("Config", {}).get("PrivateZone"):
            yield zone["Name"]


def _given(record: Record, zones: list[str]) -> set[str]:
    """The placeholders that an answer shows before any call sends them."""
    sent, given = {token for zone in zones for token in TOKEN.findall(zone)}, set[str]()
    for call in record.calls:
        sent |= _tokens(call.sent) - given
        given |= _tokens(call.answer or {}) - sent
    return given
