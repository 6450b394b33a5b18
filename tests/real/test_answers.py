"""A real kube-apiserver answers what `tests/k8s/answers.json` says, to which the sandbox's is held.

To write the file anew, for another version: ``python -m pytest tests/real/test_answers.py --record-answers``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.k8s.asked import ANSWERS, Ask, answers
from tests.real.plane.keys import Keys
from tests.real.plane.processes import Processes


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Ask]:
    keys = Keys(tmp_path)
    processes = Processes(tmp_path, 1, keys)  # nobody comes with a token
    processes.serve()
    pool = urllib3.PoolManager(
        retries=False,
        ca_certs=str(tmp_path / "ca.crt"),
        cert_file=str(tmp_path / "admin.crt"),
        key_file=str(tmp_path / "admin.key"),
    )

    def ask(method: str, path: str, body: Any, type: str) -> tuple[int, Mapping[str, str], str]:
        data = None if body is None else json.dumps(body).encode()
        said = pool.request(method, processes.endpoint + path, body=data, headers={"Content-Type": type})
        return said.status, said.headers, said.data.decode()

    yield ask
    pool.clear()
    processes.stop()


def test_the_recorded_answers_are_a_real_servers(asked: Ask, request: pytest.FixtureRequest) -> None:
    found = answers(asked)
    if request.config.getoption("--record-answers"):
        ANSWERS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(ANSWERS.read_text(encoding="utf-8"))
