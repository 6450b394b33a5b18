"""Every field that AWS tells of an object: compared with what we want, or not, with the reason; from botocore's models.

A field that AWS begins to tell fails here until somebody has decided about it: what widens access must be compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml

import livekit_deploy.stack  # noqa: F401  (imports every kind)
from livekit_deploy.engine.resource import Observed
from tests.contract.coverage import owned
from tests.contract.marks import IN_THE_CLUSTER
from tests.kinds import kinds

TOLD: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "described.yaml").read_text(encoding="utf-8"))


def shape_of(call: str) -> Any:
    """The structure that an answer has of one object; ``call`` is service, operation and where in the answer."""
    service, operation, *path = call.split()
    found = botocore.session.get_session().get_service_model(service).operation_model(operation).output_shape
    for name in path:
        found = found.members[name]
    return found.member if found.type_name == "list" else found


def _fields(call: str, parts: set[str]) -> set[str]:
    """What the model of the operation's answer has. A structure of which ``parts`` are told is told by all of them."""
    members = shape_of(call).members
    split = {name.partition(".")[0] for name in parts if "." in name}
    return (set(members) - split) | {f"{name}.{part}" for name in split for part in members[name].members}


def compared(kind: str) -> dict[str, str]:
    """field → input: what the kind declares, and what the file says that it reads itself."""
    read: dict[str, str] = TOLD[kind].get("compared", {})
    members, declared = shape_of(TOLD[kind]["call"]).members, {}
    for key, one in kinds()[kind].inputs.items():
        if one.shown:
            head, _, rest = one.shown.partition(".")
            plain = "[" in head or head in read or members[head].type_name != "structure"
            declared[head.partition("[")[0] if plain else f"{head}.{rest}"] = key
    return {**declared, **read}


def test_every_kind_of_aws_is_looked_at() -> None:
    ours = {kind.kind for kind in kinds().values() if kind.__module__.startswith("livekit_deploy.")}
    observed = {name for name in ours if issubclass(kinds()[name], Observed)}
    assert ours - observed - IN_THE_CLUSTER == set(TOLD)


@pytest.mark.parametrize("kind", TOLD)
def test_every_field_is_compared_or_there_is_a_reason(kind: str) -> None:
    told, fields = TOLD[kind], compared(kind)
    named = told.get("named", "").split()
    left = [*named, *(name for names in told["left"].values() for name in names.split())]
    there = _fields(told["call"], {*left, *fields})
    assert len(left) == len(set(left))
    assert not set(left) & set(fields), "left, although it is compared"
    assert there - set(left) - set(fields) == set(), "neither compared nor left with a reason"
    assert {*left, *fields} <= there, "AWS does not tell it any more"


@pytest.mark.parametrize("kind", TOLD)
def test_every_input_is_read_from_a_field_or_from_another_call(kind: str) -> None:
    """So that no field is left out of the comparison which an input is compared by."""
    declared = {key for key, one in kinds()[kind].inputs.items() if one.shown}
    read, elsewhere = set(TOLD[kind].get("compared", {}).values()), set(TOLD[kind].get("elsewhere", {}))
    unread = {name.rpartition(".")[2] for name, why in owned().items() if name.rpartition(".")[0] == kind}
    inputs = set(kinds()[kind].inputs)
    assert inputs - unread <= declared | read | elsewhere
    assert not elsewhere & (declared | read)
    assert read | elsewhere <= inputs
