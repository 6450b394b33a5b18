"""The product against an account of MiniStack's: engine, kinds and clients are the real ones, waits take no time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from livekit_deploy.aws.access.clients import Clients
from tests.aws.rig import REGION, AwsRig, sharing
from tests.inventory import inventory
from tests.second_opinion.additions import Additions
from tests.second_opinion.emulator import Emulator


class Account(AwsRig):
    """One environment in a new account."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.number, self.endpoint_url = emulator.account(), emulator.endpoint_url
        self._emulator, self._additions = emulator, Additions()
        super().__init__(folder)

    def new_clients(self) -> Clients:
        session = sharing(self.number, self._emulator.secret_key)
        return Clients(REGION, endpoint_url=self.endpoint_url, instrument=self._watch, clock=self.clock, opened=session)

    def client(self, service: str) -> Any:
        """AWS's own client, with nothing of ours added."""
        return self._emulator.client(service, self.number)

    def everything(self) -> dict[str, set[str]]:
        """Whatever there is in the account, by the lists of the services themselves."""
        return inventory(self.client)

    def _watch(self, client: Any) -> None:
        super()._watch(client)
        self._additions.watch(client)
