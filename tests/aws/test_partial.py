"""What an answer that is no error tells of failures is an error, wherever botocore's models have such a place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.model import Shape

from livekit_deploy.aws.access.answers import Checked
from livekit_deploy.aws.access.reported_failures import PLACES, raise_failures
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import InUse, ResourceError
from tests.aws.rig import AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import Base, closure
from tests.service_authorization import SERVICES, operations, written

#: places that tell of an object and not of the call: who reads them
OF_AN_OBJECT = {
    "cluster.health.issues[]": "eks.cluster",
    "nodegroup.health.issues[]": "eks.node_group",
    "addon.health.issues[]": "eks.addon",
    "VpcEndpoint.LastError": "ec2.vpc_endpoint, which looks again",
    "VpcEndpoints[].LastError": "ec2.vpc_endpoint",
    "Reservations[].Instances[].StateReason": "nobody: a node group replaces its instances, and reports its health",
}
_CODE, _MESSAGE = ("Code", "code", "ErrorCode", "errorCode"), ("Message", "message", "ErrorMessage", "errorMessage")


def _failures(shape: Shape, path: str, seen: frozenset[str]) -> Iterator[tuple[str, Shape]]:
    """Every structure of an answer that has a code and a message."""
    if shape.name in seen:
        return
    inner = seen | {shape.name}
    if shape.type_name == "list":
        yield from _failures(shape.member, f"{path}[]", inner)
    elif shape.type_name == "structure":
        members = shape.members
        if path and set(_CODE) & set(members) and set(_MESSAGE) & set(members):
            yield path, shape
        for name, member in members.items():
            yield from _failures(member, f"{path}.{name}" if path else name, inner)


def _places() -> Iterator[tuple[str, str, str, Shape]]:
    """(service, method, place, shape) in the answers of the operations that the product names."""
    names = {action.partition(":")[2] for action in written()}
    for service in SERVICES:
        model = botocore.session.get_session().get_service_model(service)
        for method, operation in operations(service).items():
            output = model.operation_model(operation).output_shape
            if operation in names and output is not None:
                for place, shape in _failures(output, "", frozenset()):
                    yield service, method, place, shape


def test_each_place_of_the_models_is_read() -> None:
    places = {place for _, _, place, _ in _places()}
    assert places == {*PLACES, *OF_AN_OBJECT}


_TOLD = [pytest.param(*one, id=f"{one[0]}.{one[1]}") for one in _places() if one[2] in PLACES]


@pytest.mark.parametrize(("service", "method", "place", "shape"), _TOLD)
def test_a_failure_in_an_answer_is_raised_in_the_words_of_aws(
    service: str, method: str, place: str, shape: Any
) -> None:
    code = next(name for name in _CODE if name in shape.members)
    message = next(name for name in _MESSAGE if name in shape.members)
    model = botocore.session.get_session().get_service_model(service)
    said: Any = {code: "DependencyViolation", message: "words of AWS"}
    for part in reversed(place.split(".")):
        name, many = re.sub(r"\[\]$", "", part), part.endswith("[]")
        said = {name: [said] if many else said}
    answer = Checked(f"{service}:{method}", "").answer(
        {**said, "ResponseMetadata": {"RequestId": "r-1"}}, model.operation_model(operations(service)[method])
    )
    with pytest.raises(ResourceError, match="words of AWS") as failure:
        raise_failures(answer, service, method)
    assert (failure.value.code, failure.value.request_id) == ("DependencyViolation", "r-1")
    assert failure.value.hint


def test_an_endpoint_that_ec2_could_not_delete_is_kept_and_its_reason_told(rig: AwsRig) -> None:
    (case,) = [case for case in CASES if case.kind.kind == "ec2.vpc_endpoint"]
    everything: list[Resource] = closure(case.make(Base()))
    rig.up(everything)
    (id,) = [one["VpcEndpointId"] for one in boto3.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]]
    told = {"Unsuccessful": [{"ResourceId": id, "Error": {"Code": "InvalidParameter", "Message": "it is busy"}}]}
    original = rig.cloud.clients("ec2")._make_api_call

    def call(operation: str, parameters: Any) -> Any:
        return told if operation == "DeleteVpcEndpoints" else original(operation, parameters)

    rig.cloud.clients("ec2")._make_api_call = call
    with pytest.raises(ResourceError, match=f"{id}: it is busy") as failure:
        rig.down()
    assert not isinstance(failure.value, InUse)
    assert "ec2.vpc_endpoint/x" in rig.records
