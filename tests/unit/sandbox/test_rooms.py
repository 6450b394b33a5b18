"""The sandbox's AWS keeps its own rule: a folder per service, what corrects moto apart from what moto lacks."""

from __future__ import annotations

import ast
from pathlib import Path

import boto3
import moto
import pytest
from botocore import xform_name

from livekit_deploy.sandbox.aws.eks import operations as eks
from livekit_deploy.sandbox.aws.elasticache import operations as elasticache
from livekit_deploy.sandbox.aws.every_service.patching import operations_of
from tests.places import ROOT

_AWS = ROOT / "livekit_deploy" / "sandbox" / "aws"
_SERVICES = sorted(one for one in _AWS.iterdir() if one.is_dir() and one.name not in ("every_service", "__pycache__"))


@pytest.mark.parametrize("service", _SERVICES, ids=lambda one: one.name)
def test_a_service_is_called_as_moto_calls_it(service: Path) -> None:
    lacking = {"pricing"}  # all of it is an addition
    assert (not (Path(moto.__file__).parent / service.name).is_dir()) == (service.name in lacking)
    assert {one.stem for one in service.iterdir()} & {"corrections", "additions"}


def test_what_moto_is_put_right_by_is_under_one_of_the_two_names() -> None:
    """Only `operations`, which replaces a whole service, and what belongs to no service are elsewhere."""
    elsewhere = [
        path.relative_to(_AWS)
        for path in _AWS.glob("*/**/*.py")
        if "Corrections()" in path.read_text(encoding="utf-8")
        and not {"corrections", "additions"} & {*path.parts, path.stem}
    ]
    assert elsewhere == []


def test_no_file_of_a_service_lies_on_the_floor() -> None:
    assert [one.name for one in _AWS.glob("*.py")] == ["__init__.py"]


def _texts() -> dict[str, str]:
    """file → what it says of itself, of those that put a service right."""
    files = [path for path in _AWS.rglob("*.py") if "Corrections()" in path.read_text(encoding="utf-8")]
    files = [path for path in files if not {"every_service", "additions"} & {*path.parts, path.stem}]
    return {
        str(path.relative_to(_AWS)): str(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
        for path in sorted(files)
    }


@pytest.mark.parametrize("file", _texts())
def test_a_correction_says_what_moto_does_and_which_page_it_follows(file: str) -> None:
    assert "moto" in _texts()[file]
    assert "Source" in _texts()[file]


@pytest.mark.parametrize(
    ("service", "owners"), [("eks", eks.OWNERS), ("elasticache", elasticache.OWNERS)], ids=("eks", "elasticache")
)
def test_what_answers_an_operation_is_named_as_it(service: str, owners: tuple[type, ...]) -> None:
    client = boto3.Session(region_name="eu-central-1").client(service, aws_access_key_id="a", aws_secret_access_key="b")
    operations = {xform_name(name) for name in client.meta.service_model.operation_names}
    answered = [name for owner in owners for name in operations_of(owner)]
    assert len(answered) == len(set(answered))
    assert set(answered) <= operations
