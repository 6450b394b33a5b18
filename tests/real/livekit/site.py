"""A deployment to be looked at: network, Redis, nodes with LiveKit, and people who call."""

from __future__ import annotations

import itertools
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from livekit_deploy.aws.kinds.api_keys import Pair, draw
from livekit_deploy.sandbox.serving.authority import Authority
from tests.real import programs
from tests.real.livekit import web
from tests.real.livekit.balancer import Balancer
from tests.real.livekit.caller import Caller, NotJoined, admin, token
from tests.real.livekit.kubelet import Container, Image, Kubelet
from tests.real.livekit.manifests import Manifests, rendered
from tests.real.livekit.network import Host, Network
from tests.real.livekit.redis import TOKEN, Redis

#: where the published image, an Alpine, has the authorities that its programs trust
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

#: what a server ends with that cannot start: since 1.13.10 what others do
START_ERROR = {"v1.13.7": 0, "v1.13.11": 1}


class Site:
    """``binary`` is the real livekit-server of this ``version``. Everything ends with `close`."""

    def __init__(self, folder: Path, binary: Path, version: str) -> None:
        self._folder, self.version = folder, version
        for needed in (programs.root, programs.ip, programs.nft, programs.redis_server):
            needed()
        self.network, self.authority = Network(), Authority("Amazon of the tests")
        self.pairs: list[Pair] = [draw("main", "")]
        self.image = self.trusting(Image({"/livekit-server": binary}, ("/livekit-server",), _VARIABLES), self.authority)
        self._ends: list[Any] = []
        self._fronts: dict[Container, Balancer] = {}
        self._count = 0

    def trusting(self, image: Image, authority: Authority) -> Image:
        """The image with this one among the authorities that its programs trust."""
        bundle = self._folder / f"{id(authority)}.pem"
        bundle.write_bytes(authority.pem)
        return replace(image, files={**image.files, BUNDLE: bundle})

    def redis(self, *, tls: bool = True, auth: bool = True, name: str = "redis") -> Redis:
        """A Redis of its own, for one fleet."""
        authority = self.authority if tls else None
        folder = self._folder / name
        found = Redis(self.network, folder, authority=authority, token=TOKEN if auth else "", name=name)
        self._ends.append(found.kill)
        return found

    def manifests(self, redis: Redis, preset: str = "uat", settings: Mapping[str, Any] | None = None) -> Manifests:
        """What the product puts into the cluster."""
        return rendered(preset, settings, redis=redis.address, token=redis.token, pairs=self.pairs)

    def kubelet(self) -> Kubelet:
        """A new public node."""
        self._count += 1
        return Kubelet(self.network.node(), self._folder / f"node-{self._count}")

    def start(self, given: Manifests, image: Image | None = None) -> Container:
        """A pod on a new node; not waited for."""
        kubelet = self.kubelet()
        self.network.open(kubelet.host, given.open)
        found = kubelet.start(given, image or self.image)
        self._ends.append(found.close)
        return found

    def fleet(self, given: Manifests, size: int = 2) -> list[Container]:
        """Pods, each on its own node, that have started."""
        return [pod.started() for pod in [self.start(given) for _ in range(size)]]

    def balancer(self, pods: list[Container], port: int = 7880, *, certified: ssl.SSLContext | None = None) -> Balancer:
        """A public load balancer before ``port`` of these pods, on 443 where it ends TLS."""
        targets = [(pod.host.address, port) for pod in pods]
        host, front = self.network.node(), 80 if certified is None else 443
        self.network.open(host, [("tcp", front, front)])
        found = Balancer(host, front, targets, certified=certified)
        self._ends.append(found.close)
        return found

    def call(self, *where: Any, **options: Any) -> Caller:
        """A participant that is in the room when this returns, else as `dial`."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                return self.dial(*where, **options).joined()
            except NotJoined as refused:  # as a client does that is told that a server failed
                if _FAILED not in str(refused) or time.monotonic() > end:
                    raise

    def dial(
        self, through: Container | Balancer, room: str, name: str, host: Host | None = None, **options: Any
    ) -> Caller:
        """A participant that is about to join; ``options`` are those of `Caller`, and ``pair``, whose key signs."""
        pair = options.pop("pair", self.pairs[0])
        url = (through if isinstance(through, Balancer) else self.front(through)).url
        hosts = self._folder / "hosts"
        hosts.write_text(self.network.host_file(), encoding="utf-8")
        found = Caller(host or self.network.client(), hosts, url, token(pair, room, name), **options)
        self._ends.append(found.close)
        return found

    def front(self, pod: Container) -> Balancer:
        """A load balancer before this pod alone: clients reach its signalling through one only."""
        if pod not in self._fronts:
            self._fronts[pod] = self.balancer([pod], pod.ports["http"])
        return self._fronts[pod]

    def tunnel(self, host: Host, target: tuple[str, int], name: str) -> Balancer:
        """A port on ``host`` that speaks TLS to a server of this name, for programs that do not trust our authority."""
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        found = Balancer(host, 5443, [target], trusting=(context, name))
        self._ends.append(found.close)
        return found

    def close(self) -> None:
        """End everything, the last first."""
        for end in reversed(self._ends):
            end()
        self.network.close()


#: what a server says on a machine so busy that another one answers late, or has not said for seconds that it is alive
_LATE = "it did not answer in time"
_BUSY = ("no response from servers", "could not find any available nodes", _LATE)
#: what it says for the same reasons to who joins
_FAILED = "500 Internal Server Error"
_PATIENCE = 90.0
_VARIABLES = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait for something. Raises `TimeoutError`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"there was no {what} in {seconds:g} s")
        time.sleep(0.05)


def firewalled(host: Host, dropped: str, way: str = "output") -> Host:
    """The host behind a firewall that does not let this out, or in where ``way`` is input (an expression of nft(8))."""
    chain = f"type filter hook {way} priority filter\n {dropped} drop"
    host.namespace.run(["nft", "-f", "-"], f"table ip fire {{\n chain one {{\n {chain}\n }}\n}}\n")
    return host


def api(pod: Container, pair: Pair, method: str, asked: Mapping[str, Any]) -> Any:
    """A call of LiveKit's RoomService (LiveKit documentation, "RoomService API"). Raises `RuntimeError`."""
    headers = {"Authorization": f"Bearer {admin(pair)}", "Content-Type": "application/json"}
    path = f"/twirp/livekit.RoomService/{method}"
    end = time.monotonic() + _PATIENCE
    while True:
        answer = _answer(pod, path, json.dumps(asked), headers)
        if answer.status == 200:
            return json.loads(answer.text)
        if not any(words in answer.text for words in _BUSY) or time.monotonic() > end:
            raise RuntimeError(f"{method}: {answer.status} {answer.text}")
        time.sleep(0.5)


def _answer(pod: Container, path: str, body: str, headers: Mapping[str, str]) -> web.Answer:
    try:
        return web.ask(pod.host, pod.host.address, pod.ports["http"], path, body=body, headers=headers)
    except TimeoutError:
        return web.Answer(0, _LATE)


def room_on(pod: Container, through: Container, redis: Redis, pair: Pair) -> str:
    """The name of a new room that lives on ``pod``: the server draws a node for each."""
    end = time.monotonic() + _PATIENCE
    for number in itertools.count():
        name = f"room-{number}-on-{pod.node_id}"
        api(through, pair, "CreateRoom", {"name": name})
        if redis.ask("HGET", "room_node_map", name) == pod.node_id:
            return name
        if time.monotonic() > end:
            break
        time.sleep(0.1)  # for seconds a server may count as away that has not said that it is alive
    raise RuntimeError(f"of {number + 1} rooms none is on {pod.node_id}")
