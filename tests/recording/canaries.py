"""Values that say whose they are, in every form that AWS has, and a value of any shape that is full of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import OperationModel, Shape

from tests.service_authorization import SERVICES, written

ACCOUNT = "998877665544"
FORMS = (
    "canary",
    "canary-team/canary",
    "tag:canary",
    "alias/canary",
    "kubernetes.io/cluster/canary",
    f"arn:aws:iam::{ACCOUNT}:role/canary/canary-role",
    f"arn:canary:eks:eu-canary-1:{ACCOUNT}:cluster/canary",
    "canary.quokka.example",
    "*.canary.quokka.example.",
    "canary.s3.amazonaws.com",
    "com.amazonaws.vpce.eu-canary-1.vpce-svc-0ca9a70ca9a70ca9a",
    ACCOUNT,
    "192.0.2.77",
    "192.0.2.0/25",
    "2001:db8::77",
    "i-0ca9a70ca9a70ca9a",
    "0ca9a70c-0ca9-0ca9-0ca9-0ca9a70ca9a7",
    "canary@quokka.example",
    "https://canary.example/x?X-Amz-Signature=canary",
    "-----BEGIN CERTIFICATE-----\ncanary",
    '{"a": "canary"}',
    "%7B%22canary%22%3A1%7D",
    "a canary with spaces",
    "02:ca:9a:70:ca:9a",
    "Y2FuYXJ5" * 30,
)
#: what no record may hold
TRACES = ("canary", "quokka", ACCOUNT, "192.0.2", "2001:db8", "0ca9a70", "02:ca", "Y2FuYXJ5", "\ncanary")
_DEEP = 12


@functools.cache
def operations() -> tuple[OperationModel, ...]:
    """Every operation that the product asks for."""
    session = botocore.session.get_session()
    asked = set(written())
    found = []
    for service, prefix in SERVICES.items():
        model = session.get_service_model(service)
        found += [model.operation_model(name) for name in model.operation_names if f"{prefix}:{name}" in asked]
    return tuple(found)


def value(shape: Shape | None, text: str, *, answered: bool, name: str = "", deep: int = 0) -> Any:
    """A value of this shape with every member there, and this text wherever AWS does not choose it itself."""
    if shape is None or deep > _DEEP:
        return None
    match shape.type_name:
        case "structure":
            members: dict[str, Shape] = shape.members
            return {key: value(one, text, answered=answered, name=key, deep=deep + 1) for key, one in members.items()}
        case "list":
            inner = value(shape.member, text, answered=answered, name=name, deep=deep + 1)
            return [inner]
        case "map":
            inner = value(shape.value, text, answered=answered, name=name, deep=deep + 1)
            return {text: inner}
        case "string":
            enum: list[str] = shape.enum
            chosen = answered and (enum or name.lower().endswith(("state", "status")))
            return (enum or ["available"])[0] if chosen else text
        case "blob" | "timestamp":
            return text.encode()
        case "boolean":
            return True
    return 7


def sensitive(shape: Shape | None, deep: int = 0) -> Iterator[Shape]:
    """The shapes in it that their model calls sensitive."""
    if shape is None or deep > _DEEP:
        return
    if shape.metadata.get("sensitive"):
        yield shape
    for part in (
        *getattr(shape, "members", {}).values(),
        getattr(shape, "member", None),
        getattr(shape, "value", None),
    ):
        yield from sensitive(part, deep + 1)
