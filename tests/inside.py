"""The outside without sockets: a `Reach` for tests whose sandbox is in their own process."""

from __future__ import annotations

from livekit_deploy.health.reach import Answer, NoAnswer, Reach
from livekit_deploy.sandbox.outside.door import Refused
from livekit_deploy.sandbox.world import World


class InsideReach(Reach):
    """Asks the sandbox's ``world`` as its nameserver and its front do."""

    def __init__(self, world: World) -> None:
        super().__init__()
        object.__setattr__(self, "_world", world)

    def addresses(self, name: str) -> set[str]:
        world: World = self.__dict__["_world"]
        return set(world.lookup(name, "A") or ())

    def ask(self, method: str, host: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        world: World = self.__dict__["_world"]
        try:
            if world.certificate(host, 443) != host:
                raise NoAnswer(f"its certificate is not to be trusted: it is not for {host}")
            status, said = world.respond(host, 443, method, path, {"authorization": f"Bearer {token}"})
        except Refused as refused:
            raise NoAnswer(f"no connection: {refused.status}") from refused
        return Answer(status, said.decode())
