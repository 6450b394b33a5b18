"""One participant of a room by LiveKit's own client: python participant.py JSON, commands on stdin, answers on stdout.

It publishes a tone, sends a packet of data every 50 ms, and counts what it gets of both from others. Each line that it
prints is a JSON object: an ``event`` when it occurs, or the answer to a command. It ends when stdin closes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import sys
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Any

from livekit import rtc

from tests.real.livekit import container

_RATE, _FRAME, _TONE, _LOUD = 48_000, 480, 440.0, 500
_EVERY = 0.05
_TYPES = ("host", "srflx", "prflx", "relay")  # livekit-rtc's IceCandidateType
_EVENTS = ("reconnecting", "reconnected", "disconnected", "participant_connected", "participant_disconnected")


class Flow:
    """When something came: how often, and the longest time without it."""

    def __init__(self) -> None:
        self._count, self._longest, self._last = 0, 0.0, 0.0

    def came(self) -> None:
        now = time.monotonic()
        if self._last:
            self._longest = max(self._longest, now - self._last)
        self._count, self._last = self._count + 1, now

    def told(self) -> dict[str, float]:
        """Since it was last told; a time without it that still lasts counts."""
        longest = max(self._longest, time.monotonic() - self._last) if self._last else 0.0
        told = {"count": self._count, "gap": longest}
        self._count, self._longest = 0, 0.0
        return told


class Participant:
    """The client in one room."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._said, self._room = said, rtc.Room()
        self._flows = {"data": Flow(), "sound": Flow()}
        self._tasks: set[asyncio.Task[None]] = set()
        for name in _EVENTS:
            self._room.on(name, self._event(name))
        self._room.on("data_received", lambda packet: self._flows["data"].came())
        self._room.on("track_subscribed", lambda track, *_: self._spawn(self._listen(track)))

    async def join(self) -> None:
        """Be in the room, and publish."""
        kind = rtc.IceTransportType.TRANSPORT_RELAY if self._said["relay"] else rtc.IceTransportType.TRANSPORT_ALL
        configuration = rtc.RtcConfiguration(ice_transport_type=kind)
        if self._said["turn"]:
            url, username, credential = self._said["turn"]
            configuration.ice_servers = [rtc.IceServer(urls=[url], username=username, password=credential)]
        options = rtc.RoomOptions(rtc_config=configuration)
        await self._room.connect(self._said["url"], self._said["token"], options)
        source = rtc.AudioSource(_RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("tone", source)
        await self._room.local_participant.publish_track(track)
        self._spawn(self._sing(source))
        self._spawn(self._beat())
        say(event="joined")

    async def answer(self, command: str) -> dict[str, Any]:
        """What came of a command."""
        if command == "flows":
            return {name: flow.told() for name, flow in self._flows.items()}
        if command == "path":
            return await self._path()
        if command == "others":
            return {"others": sorted(self._room.remote_participants)}
        if command == "leave":
            await self._room.disconnect()
            return {}
        scenario = getattr(rtc.SimulateScenarioKind, command)
        await self._room.simulate_scenario(scenario)
        return {}

    async def _path(self) -> dict[str, Any]:
        """The nominated pairs: type and protocol of our candidate, address and port of the server's."""
        stats = await self._room.get_rtc_stats()
        found = []
        for side in (stats.publisher_stats, stats.subscriber_stats):
            by_id = {getattr(one, one.WhichOneof("stats")).rtc.id: one for one in side}
            for one in side:
                if one.WhichOneof("stats") == "candidate_pair" and one.candidate_pair.candidate_pair.nominated:
                    pair = one.candidate_pair.candidate_pair
                    ours = by_id[pair.local_candidate_id].local_candidate.candidate
                    theirs = by_id[pair.remote_candidate_id].remote_candidate.candidate
                    found.append([_TYPES[ours.candidate_type], theirs.protocol, theirs.address, theirs.port])
        return {"pairs": found}

    def _event(self, name: str) -> Callable[..., None]:
        return lambda *given: say(event=name, of=[getattr(one, "identity", str(one)) for one in given])

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sing(self, source: rtc.AudioSource) -> None:
        wave = array("h", (round(8000 * math.sin(2 * math.pi * _TONE * at / _RATE)) for at in range(_RATE)))
        for at in itertools.cycle(range(0, _RATE, _FRAME)):
            await source.capture_frame(rtc.AudioFrame(wave[at : at + _FRAME].tobytes(), _RATE, 1, _FRAME))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self._room.local_participant.publish_data(b"beat", reliable=False)

    async def _listen(self, track: rtc.Track) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            async for event in rtc.AudioStream(track, sample_rate=_RATE, num_channels=1):
                if max(event.frame.data) > _LOUD:
                    self._flows["sound"].came()


def say(**told: Any) -> None:
    """One line for whoever started us."""
    print(json.dumps({"at": time.monotonic(), **told}), flush=True)


async def _obey(said: Mapping[str, Any]) -> None:
    participant, reader = Participant(said), asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        await participant.join()
    except rtc.ConnectError as error:
        say(event="refused", of=[str(error)])
    while command := (await reader.readline()).decode().strip():
        try:
            say(answer=await participant.answer(command))
        except RuntimeError as error:
            say(answer={"error": str(error)})


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    container.know(given["hosts"])
    asyncio.run(_obey(given))
