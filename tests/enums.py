"""Which enums of AWS's answers the product looks at, by botocore's models: each must have a stated meaning.

In a test every answer notes what is looked at; `tests/conftest.py` holds every test to it. A kind that begins to read
an enum fails its own contract suite until `aws/kinds/states.py` has the enum, or `NOT_A_STATE` says why it needs no
meaning.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import botocore.session
import pytest
from botocore.model import Shape

from livekit_deploy.aws.access import answers
from livekit_deploy.aws.kinds import states
from livekit_deploy.aws.kinds.eks import issues
from livekit_deploy.aws.kinds.states import States


def _inside(service: str, name: str) -> dict[tuple[str, str], str]:
    """The enums of a structure of which every field is compared."""
    found: dict[tuple[str, str], str] = {}
    todo, seen = [botocore.session.get_session().get_service_model(service).shape_for(name)], set[str]()
    while todo:
        shape = todo.pop()
        if getattr(shape, "enum", ()):
            found[service, shape.name] = "compared with what is wanted"
        if shape.name not in seen:
            seen.add(shape.name)
            todo += [*getattr(shape, "members", {}).values(), *filter(None, [getattr(shape, "member", None)])]
    return found


#: enums whose members are no states: they are values that are compared with what is wanted, asked for, or told
NOT_A_STATE: dict[tuple[str, str], str] = {
    ("acm", "CertificateType"): "only Amazon's own are validated by DNS",
    ("acm", "FailureReason"): "told, and a code for the table of causes",
    ("acm", "RevocationReason"): "told",
    ("ec2", "InternetGatewayBlockMode"): "a setting: whatever is not off blocks",
    ("ec2", "InternetGatewayExclusionMode"): "a setting, compared with what is wanted",
    ("ec2", "ManagedBy"): "told: the account, or its organization",
    ("ec2", "VpcBlockPublicAccessExclusionsAllowed"): "a setting: what the remedy is",
    ("kms", "KeyManagerType"): "AWS's own keys need no policy",
    ("ec2", "InstanceLifecycleType"): "which quota counts an instance",
    ("ec2", "InstanceType"): "compared with what is wanted",
    ("ec2", "NetworkInterfaceStatus"): "told; of the CNI's those are swept that are available, and no others",
    ("ec2", "NetworkInterfaceType"): "told",
    ("ec2", "VpcEndpointType"): "a gateway costs nothing, whatever else there is does",
    ("ec2", "VpnState"): "told of what is left; a deleted one is gone",
    ("elasticache", "ChangeType"): "told: whether a parameter waits for a reboot",
    ("eks", "AccessScopeType"): "told, where it is not the whole cluster",
    ("eks", "AMITypes"): "compared with what is wanted",
    ("eks", "CapacityTypes"): "compared with what is wanted",
    ("eks", "ErrorCode"): "told, as the failure that it is",
    ("eks", "LogType"): "compared with what is wanted",
    ("elasticache", "TransitEncryptionMode"): "compared with what is wanted",
    ("elbv2", "TargetHealthReasonEnum"): "told, with a cause where one is known",
    ("iam", "PolicyEvaluationDecisionType"): "whatever is not allowed is refused",
    ("route53", "RRType"): "compared with what is wanted",
    ("s3", "BucketVersioningStatus"): "a setting, compared with what is wanted",
    ("service-quotas", "ErrorCode"): "told, as the failure that it is",
    **_inside("ec2", "ResponseLaunchTemplateData"),
}
#: fields that look like a state, but have no enum in the model
_FREE = re.compile(r".*(State|Status)$")


@dataclass(frozen=True)
class Looked:
    """One look: ``path`` is where in the answer, ``enum`` its name in the model, "" where the model has free text."""

    service: str
    operation: str
    path: str
    enum: str
    members: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """How `States` names it: by its enum, or by the end of its path in the answer."""
        return (self.service, self.enum or self.path)


Note = Callable[[Looked], object]


@functools.cache
def tables() -> dict[tuple[str, str], States]:
    """Every table of the product."""
    found = [one for module in (states, issues) for one in vars(module).values() if isinstance(one, States)]
    return {(one.service, one.enum): one for one in found}


def unmapped(looked: Looked) -> bool:
    """Whether nothing says what the members of this enum mean."""
    return looked.key not in tables() and looked.key not in NOT_A_STATE


class Watched(answers.Answer):
    """A structure of an answer, which notes the enums that are looked at."""

    shape: Shape | None = None
    where: tuple[str, str, str] = ("", "", "")
    note: Note = staticmethod(lambda looked: None)

    def __getitem__(self, key: str) -> Any:
        return self._looked(key, super().__getitem__(key))

    def get(self, key: str, default: Any = None) -> Any:
        return self._looked(key, super().get(key, default))

    def items(self) -> Any:
        return [(key, self[key]) for key in self]

    def values(self) -> Any:
        return [self[key] for key in self]

    def _looked(self, key: str, value: Any) -> Any:
        shape = getattr(self.shape, "members", {}).get(key)
        service, operation, path = self.where
        path = f"{path}.{key}" if path else key
        while shape is not None and shape.type_name == "list":
            shape, path = shape.member, f"{path}[]"
        if shape is None or shape.type_name != "string" or key not in self:
            return value
        enum = tuple(getattr(shape, "enum", ()))
        if not enum and not _FREE.fullmatch(path):
            return value
        other = self.note(Looked(service, operation, path, shape.name if enum else "", enum))
        return other if isinstance(other, str) and isinstance(value, str) else value


def _dress(value: Any, shape: Shape | None, where: tuple[str, str, str], note: Note) -> None:
    """Tell every structure of an answer what it is in the model."""
    service, operation, path = where
    if isinstance(value, list) and shape is not None:
        for one in list.__iter__(value):
            _dress(one, shape.member, (service, operation, f"{path}[]"), note)
    elif isinstance(value, Watched):
        value.shape, value.where, value.note = shape, where, note
        for key, one in dict.items(value):
            below = getattr(shape, "members", {}).get(key)
            _dress(one, below, (service, operation, f"{path}.{key}" if path else key), note)


def watch(monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    """Let every answer note each look at an enum; a text that ``note`` gives is read in its place."""
    answer = answers.Checked.answer

    def watched(checked: answers.Checked, said: Any, operation: Any) -> answers.Answer:
        made = answer(checked, said, operation)
        _dress(made, operation.output_shape, (operation.service_model.service_name, operation.name, ""), note)
        return made

    monkeypatch.setattr(answers, "Answer", Watched)
    monkeypatch.setattr(answers.Checked, "answer", watched)


@functools.cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def members(service: str, enum: str) -> set[str]:
    """The members that botocore's model of a service gives an enum."""
    model = _session().get_service_model(service)
    return set(model.shape_for(enum).enum)


def field(service: str, path: str) -> Iterator[Shape]:
    """The shapes of every field of an answer of the service that ends in this path."""
    model = _session().get_service_model(service)
    for name in model.operation_names:
        shape = model.operation_model(name).output_shape
        for part in path.split("."):
            step = getattr(shape, "members", {}).get(part.removesuffix("[]"))
            shape = step.member if step is not None and part.endswith("[]") else step
        if shape is not None:
            yield shape
