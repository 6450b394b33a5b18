"""What is generated and committed is what the code would generate now."""

from __future__ import annotations

import json

import jsonschema
import pytest

from livekit_deploy.cli.commands import COMMANDS
from livekit_deploy.state.document import Holder, Phase, Record, State, dump
from tests import json_format, troubleshooting
from tests.generate import generated
from tests.places import ROOT


def test_generated_files_are_up_to_date() -> None:
    stale = [path.name for path, text in generated().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run: make schema"


def test_every_json_output_is_declared_by_a_command() -> None:
    declared = {name for command in COMMANDS.values() for name in command.prints}
    assert declared == set(json_format.OUTPUTS)


def test_the_reference_says_what_a_change_means() -> None:
    """What the page says comes from the classes of the inputs; a few that people rely on."""
    lines = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8").splitlines()
    ends = {}
    for line in lines:
        if line.startswith("## "):
            section = line.strip("# `")
        elif line.startswith("| `"):
            ends[f"{section}.{line.split('`')[1]}"] = line.rpartition(" | ")[2].removesuffix(" |")
    assert ends["redis.node_type"] == "in place: `elasticache.replication_group`"
    assert ends["redis.tls"] == "a new one first: `elasticache.replication_group`"
    assert ends["network.cidr"] == "refused: `ec2.subnet`, `ec2.vpc` cannot be changed"
    assert ends["nodes.media.desired"] == "applied once: `eks.node_group`"
    assert ends["nodes.system"] == "made or deleted: `ec2.launch_template`, `eks.node_group`"
    assert ends["livekit.turn.domain"].startswith("a new one first: `acm.certificate`")


def test_the_schema_accepts_a_document_and_refuses_a_wrong_one() -> None:
    schema = json.loads((ROOT / "state" / "schema.json").read_text())
    record = Record(Phase.READY, "ec2.vpc", {"cidr": "10.0.0.0/16"}, id="vpc-1", outputs={"id": "vpc-1"})
    holder = Holder("h", "ada", "laptop", 1, "up", "2026-11-23T00:00:00Z", 90.0)
    document = json.loads(dump(State("l", "p", "e", lease=holder, records={"ec2.vpc/main": record})))
    jsonschema.validate(document, schema)
    document["records"]["ec2.vpc/main"]["phase"] = "somewhere"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_the_troubleshooting_page_quotes_what_the_program_really_says() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "livekit_deploy").rglob("*.py"))
    assert [words for words, _, _ in troubleshooting.OURS if words not in code] == []
