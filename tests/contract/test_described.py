"""Every field that AWS tells of an object: compared with what we want, or not, with the reason; from botocore's models.

A field that AWS begins to tell fails here until somebody has decided about it: what widens access must be compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml

import livekit_deploy.stack  # noqa: F401  (registers every kind)
from livekit_deploy.engine.resource import Observed, kinds
from tests.contract.test_marks import IN_THE_CLUSTER

TOLD: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "described.yaml").read_text(encoding="utf-8"))


def _fields(call: str, parts: set[str]) -> set[str]:
    """What the model of the operation's answer has; ``call`` is service, operation and where in the answer.

    A structure of which ``parts`` are told is told by all of its parts.
    """
    service, operation, *path = call.split()
    found = botocore.session.get_session().get_service_model(service).operation_model(operation).output_shape
    for name in path:
        found = found.members[name]
    members = (found.member if found.type_name == "list" else found).members
    split = {name.partition(".")[0] for name in parts if "." in name}
    return (set(members) - split) | {f"{name}.{part}" for name in split for part in members[name].members}


def test_every_kind_of_aws_is_looked_at() -> None:
    ours = {kind.kind for kind in kinds().values() if kind.__module__.startswith("livekit_deploy.")}
    observed = {name for name in ours if issubclass(kinds()[name], Observed)}
    assert ours - observed - IN_THE_CLUSTER == set(TOLD)


@pytest.mark.parametrize("kind", TOLD)
def test_every_field_is_compared_or_there_is_a_reason(kind: str) -> None:
    told = TOLD[kind]
    compared, named = told.get("compared", {}), told.get("named", "").split()
    left = [*named, *(name for names in told["left"].values() for name in names.split())]
    there = _fields(told["call"], {*left, *compared})
    assert len(left) == len(set(left))
    assert not set(left) & set(compared)
    assert there - set(left) - set(compared) == set(), "neither compared nor left with a reason"
    assert {*left, *compared} <= there, "AWS does not tell it any more"
    assert set(compared.values()) <= set(kinds()[kind].inputs)


@pytest.mark.parametrize("kind", TOLD)
def test_what_is_an_input_is_compared(kind: str) -> None:
    """Where AWS tells a field by the name that it takes it by: whoever adds the input moves the field."""
    left = {name for names in TOLD[kind]["left"].values() for name in names.split()}
    assert [name for name, one in kinds()[kind].inputs.items() if one.api in left] == []
