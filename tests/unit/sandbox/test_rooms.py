"""The sandbox's AWS keeps its own rule: a folder per service, what corrects moto apart from what moto lacks."""

from __future__ import annotations

from pathlib import Path

import moto
import pytest

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
