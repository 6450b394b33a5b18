"""What is generated and committed is what the code would generate now."""

from __future__ import annotations

import json

import jsonschema
import pytest

from livekit_deploy.state.document import Holder, Phase, Record, State, dump
from tests.generate import ROOT, generated


@pytest.mark.parametrize("path", sorted(generated()), ids=lambda path: path.name)
def test_generated_files_are_up_to_date(path: object) -> None:
    from pathlib import Path

    assert isinstance(path, Path)
    assert path.read_text() == generated()[path], "run: make schema"


def test_the_schema_accepts_a_document_and_refuses_a_wrong_one() -> None:
    schema = json.loads((ROOT / "state" / "schema.json").read_text())
    record = Record(Phase.READY, "ec2.vpc", {"cidr": "10.0.0.0/16"}, id="vpc-1", outputs={"id": "vpc-1"})
    holder = Holder("h", "ada", "laptop", 1, "up", "2026-11-23T00:00:00Z", 90.0)
    document = json.loads(dump(State("l", "p", "e", lease=holder, records={"ec2.vpc/main": record})))
    jsonschema.validate(document, schema)
    document["records"]["ec2.vpc/main"]["phase"] = "somewhere"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)
