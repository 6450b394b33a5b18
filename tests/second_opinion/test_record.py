"""What an emulator that nobody here wrote answers is recorded, and compared with what the sandbox answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.recording.recorder import Recorder
from livekit_deploy.sandbox.compare.__main__ import main
from tests.aws.rig import REGION
from tests.contract.cases import CASES
from tests.contract.test_resource import built
from tests.second_opinion.account import Account
from tests.second_opinion.emulator import Emulator


class Recorded(Account):
    """An account whose calls are recorded."""

    def __init__(self, emulator: Emulator, folder: Path, recorder: Recorder) -> None:
        self._recorder = recorder
        super().__init__(emulator, folder)

    def new_clients(self) -> Clients:
        made = super().new_clients()
        self._recorder.listen(made.session().events)
        return made


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path / "life.jsonl").begin("up", "0")
    yield made
    made.close()


def test_the_making_of_nodes_is_recorded_without_whose_it_is_and_compared(
    account: Account, emulator: Emulator, recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = Recorded(emulator, tmp_path / "recorded", recorder)
    (case,) = [one for one in CASES if one.kind.kind == "eks.node_group"]
    recorded.up(built(case)[1])
    recorded.up(built(case)[1])
    made = {record.id for record in recorded.records.values() if record.id}
    text = recorder.path.read_text(encoding="utf-8")
    assert len(made) >= 9
    assert [id for id in made if id in text] == []
    assert recorded.number not in text
    assert REGION not in text
    assert not re.search(r"\b[a-z]+-[0-9a-f]{17}\b", re.sub(r"<[^<>]*>", "", text))

    assert main([str(recorder.path), "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["compared"] > 50
    # MiniStack makes nothing wait
    orders = {one["call"]: (one["aws"], one["sandbox"]) for one in said["differences"] if one["kind"] == "states"}
    assert orders["eks.CreateCluster"] == ("ACTIVE", "CREATING → ACTIVE")
    assert orders["eks.CreateNodegroup"] == ("ACTIVE", "CREATING → ACTIVE")
