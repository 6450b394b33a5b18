"""What is asked of an answer that lacks it, or holds what cannot be, is told with the call and the path to it."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from livekit_deploy.aws.access.answers import Answer, Checked
from livekit_deploy.aws.access.tags import mapping
from livekit_deploy.errors import OddAnswer, WrongAccount

ACCOUNT = "123456789012"
VPC = {"VpcId": "vpc-1", "State": "available", "Tags": [{"Key": "Name", "Value": "x"}]}
CLUSTER = {"name": "c", "arn": f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/c", "tags": {"a": "b"}, "logging": {}}


def checked(service: str, operation: str, said: dict[str, Any]) -> Answer:
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    return Checked(f"{service}:{operation}", ACCOUNT).answer(said, model)


def vpcs(*items: Any) -> Answer:
    return checked("ec2", "DescribeVpcs", {"Vpcs": list(items), "ResponseMetadata": {"RequestId": "r"}})


def test_an_answer_as_it_should_be_is_what_it_was() -> None:
    said = vpcs(VPC)
    assert said == {"Vpcs": [VPC], "ResponseMetadata": {"RequestId": "r"}}
    assert json.loads(json.dumps(said)) == said
    for twin in (pickle.loads(pickle.dumps(said)), copy.deepcopy(said)):
        assert twin == said
        with pytest.raises(OddAnswer, match=r"Vpcs\[0\]\.CidrBlock is missing"):
            twin["Vpcs"][0]["CidrBlock"]
    assert said["Vpcs"].only["VpcId"] == "vpc-1"
    assert said["Vpcs"][0].get("CidrBlock") is None


def test_what_is_missing_is_told_by_call_and_field() -> None:
    said = vpcs({"State": "available"})
    with pytest.raises(OddAnswer) as caught:
        said["Vpcs"][0]["VpcId"]
    assert caught.value.message == "ec2:DescribeVpcs: the answer cannot be right: Vpcs[0].VpcId is missing"
    assert "run the same command again" in caught.value.hint
    with pytest.raises(OddAnswer, match=r"ec2:DescribeVpcs: .*: Vpcs is empty"):
        vpcs()["Vpcs"][0]
    with pytest.raises(OddAnswer, match=r"Vpcs\[0\].Tags\[0\].Key is missing"):
        mapping(vpcs({"Tags": [{"Value": "x"}]})["Vpcs"][0]["Tags"])


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ({"VpcId": None}, r"Vpcs\[0\].VpcId is null"),
        ({"VpcId": 5}, r"Vpcs\[0\].VpcId is not a text"),
        ({"VpcId": ["vpc-1"]}, r"Vpcs\[0\].VpcId is not a text"),
        ({"IsDefault": "no"}, r"Vpcs\[0\].IsDefault is not true or false"),
        ({"Tags": {}}, r"Vpcs\[0\].Tags is not a list"),
        ({"Tags": [None]}, r"Vpcs\[0\].Tags\[0\] is null"),
        (None, r"Vpcs\[0\] is null"),
    ],
)
def test_what_cannot_be_is_told_also_to_those_who_could_do_without(item: Any, told: str) -> None:
    said = vpcs(item)
    with pytest.raises(OddAnswer, match=told):
        said.get("Vpcs")[0].get(next(iter(item)))


def test_nobody_meets_an_odd_field_without_asking_for_it() -> None:
    assert vpcs({"VpcId": "vpc-1", "IsDefault": "no"})["Vpcs"][0]["VpcId"] == "vpc-1"


def test_a_list_that_was_asked_for_one_thing_says_what_else_it_has() -> None:
    said = vpcs(VPC, {**VPC, "VpcId": "vpc-2"})
    with pytest.raises(OddAnswer, match="Vpcs has 2 entries where one was asked for: vpc-1, vpc-2"):
        _ = said["Vpcs"].only
    assert vpcs(VPC, VPC)["Vpcs"].only["VpcId"] == "vpc-1"


def test_what_is_in_another_account_is_not_taken() -> None:
    other = CLUSTER["arn"].replace(ACCOUNT, "210987654321")  # type: ignore[attr-defined]
    said = checked("eks", "DescribeCluster", {"cluster": {**CLUSTER, "arn": other}})
    with pytest.raises(
        WrongAccount, match=r"eks:DescribeCluster: cluster.arn is in account 210987654321.* 123456789012"
    ):
        said["cluster"]["arn"]
    assert said["cluster"]["name"] == "c"


def test_what_others_are_let_into_and_what_nobody_owns_may_be_anywhere() -> None:
    entry = {
        "principalArn": "arn:aws:iam::210987654321:role/x",
        "tags": {"someArn": "arn:aws:iam::210987654321:role/x"},
    }
    said = checked("eks", "DescribeAccessEntry", {"accessEntry": entry})
    assert said["accessEntry"] == entry
    policy = {"PolicyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}
    assert checked("iam", "ListAttachedRolePolicies", {"AttachedPolicies": [policy]})["AttachedPolicies"][0] == policy


def test_a_map_is_asked_for_whole() -> None:
    said = checked("eks", "DescribeCluster", {"cluster": {**CLUSTER, "tags": {"a": None}}})
    with pytest.raises(OddAnswer, match=r"cluster.tags.a is null"):
        said["cluster"].get("tags", {})


def test_a_list_that_xml_leaves_out_is_empty_only_in_an_answer() -> None:
    assert checked("s3", "ListObjectsV2", {"Name": "b", "KeyCount": 0}).entries("Contents") == []
    with pytest.raises(OddAnswer, match=r"s3:ListObjectsV2: .*: Contents is missing"):
        checked("s3", "ListObjectsV2", {"ResponseMetadata": {}}).entries("Contents")


def test_times_and_texts_that_botocore_reads_itself_are_what_they_are() -> None:
    role = {"Role": {"AssumeRolePolicyDocument": {"Version": "2012-10-17"}, "CreateDate": datetime.now(UTC)}}
    assert checked("iam", "GetRole", role) == role
