"""Moto's answers are written faster than moto does, and not otherwise."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from moto.core import responses

from tests.kill.helm import stand_in
from tests.kill.standing import environment, stood_up
from tests.kill.world import world


def _untouched() -> ModuleType:
    """Moto's own writers, as nobody has changed them."""
    spec = importlib.util.find_spec("moto.core.serialize")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _answer(written: dict[str, Any]) -> tuple[Any, ...]:
    return written["status_code"], dict(written["headers"]), written["body"]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, Any]]:
    """Operation, what is answered, and the same as moto writes it, of all that AWS is asked."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    moto, seen = _untouched(), list[tuple[str, Any, Any]]()
    write = responses.ActionResult.execute_result

    def both(result: responses.ActionResult, context: Any) -> Any:
        status, headers, body = write(result, context)
        transforms = context.response.RESPONSE_KEY_PATH_TO_TRANSFORMER
        service, operation = context.service_model, context.operation_model
        protocol = context.response.determine_response_protocol(service)
        writer = moto.get_serializer_class(service.service_name, protocol)(
            operation_model=operation, value_picker=moto.XFormedAttributePicker(response_transformers=transforms)
        )
        theirs = writer.serialize(result.result)
        seen.append((operation.name, (status, dict(headers), body), _answer(theirs)))
        return status, headers, body

    monkeypatch.setattr(responses.ActionResult, "execute_result", both)
    return seen


def test_all_answers_of_an_up_and_a_down_are_those_of_moto(tmp_path: Path, answers: list[tuple[str, Any, Any]]) -> None:
    with world(tmp_path) as here, stand_in():
        stood_up(here)
        here.deployer(environment(here), here.fresh).down()
    assert [operation for operation, ours, moto in answers if ours != moto] == []
    assert len({operation for operation, _, _ in answers}) > 100
