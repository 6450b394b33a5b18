"""What a record keeps of a value, tried on every shape of every operation that the product asks for."""

from __future__ import annotations

import ipaddress
import json
import re

import botocore.session
import pytest
from botocore.model import OperationModel

from livekit_deploy.aws.access import tags
from livekit_deploy.recording.forms import TAG_KEYS
from livekit_deploy.recording.names import KEY, Names
from livekit_deploy.recording.scrub import Field, Scrubber
from tests.recording import canaries


@pytest.fixture
def scrubber() -> Scrubber:
    return Scrubber(Names(b"key"))


def _model(service: str, operation: str) -> OperationModel:
    return botocore.session.get_session().get_service_model(service).operation_model(operation)


def _traces(said: object) -> list[str]:
    text = json.dumps(said, ensure_ascii=False)
    return [one for one in canaries.TRACES if one in text]


@pytest.mark.parametrize("text", canaries.FORMS)
def test_nothing_of_ours_is_kept_of_any_shape(scrubber: Scrubber, text: str) -> None:
    found: dict[str, list[str]] = {}
    for model in canaries.operations():
        sent = scrubber.sent(canaries.value(model.input_shape, text, answered=False) or {}, model)
        answer = scrubber.answer(canaries.value(model.output_shape, text, answered=True) or {}, model)
        found |= {
            f"{model.service_model.service_name}.{model.name}": left for left in [_traces([sent, answer])] if left
        }
    assert len(canaries.operations()) > 100
    assert found == {}


@pytest.mark.parametrize("text", canaries.FORMS)
def test_nothing_of_ours_is_kept_of_a_message(scrubber: Scrubber, text: str) -> None:
    for said in (
        f"The subnet '{text}' has dependencies and cannot be deleted.",
        f"User: {text} is not authorized to perform: ec2:RunInstances on resource: {text}",
        f"{text}: {text}.",
    ):
        assert _traces(scrubber.sentence(said)) == []


def test_the_words_of_a_message_that_are_those_of_aws_stay(scrubber: Scrubber) -> None:
    said = "The subnet 'subnet-0ca9a70ca9a70ca9a' has dependencies and cannot be deleted."
    kept = scrubber.sentence(said)
    assert re.fullmatch(r"The subnet '<word-\w{8}>' has dependencies and cannot be deleted\.", kept)
    said = "You are not authorized to perform: ec2:RunInstances"
    assert scrubber.sentence(said) == said


def test_a_name_that_is_also_a_word_of_aws_is_replaced_in_messages_once_it_was_seen(scrubber: Scrubber) -> None:
    model = _model("eks", "DescribeCluster")
    scrubber.sent({"name": "production"}, model)
    assert "production" not in scrubber.sentence("No cluster found for name: production.")


def test_what_a_model_calls_sensitive_is_replaced_whatever_it_is(scrubber: Scrubber) -> None:
    seen = 0
    for model in canaries.operations():
        for shape in canaries.sensitive(model.output_shape):
            seen += 1
            field = Field(answered=True)
            assert scrubber._value("available", shape, field) == "<secret>"
    assert seen > 5


def test_what_is_aws_own_stays(scrubber: Scrubber) -> None:
    said = scrubber.answer(
        {
            "cluster": {
                "status": "ACTIVE",
                "version": "1.36",
                "platformVersion": "eks.3",
                "health": {"issues": [{"code": "NewCodeOfNextYear", "message": "The cluster has no subnet."}]},
                "accessConfig": {"authenticationMode": "API"},
                "arn": f"arn:aws:eks:us-east-1:{canaries.ACCOUNT}:cluster/canary",
            }
        },
        _model("eks", "DescribeCluster"),
    )["cluster"]
    assert (said["status"], said["version"], said["platformVersion"]) == ("ACTIVE", "1.36", "eks.3")
    (issue,) = said["health"]["issues"]
    assert issue == {"code": "NewCodeOfNextYear", "message": "The cluster has no subnet."}
    assert re.fullmatch(r"arn:aws:eks:<region-\w+>:<account-\w+>:cluster/<name-\w+>", said["arn"])
    sent = {
        "Filters": [{"Name": "vpc-id", "Values": ["vpc-0ca9a70c"]}, {"Name": "tag:livekit-deploy:env", "Values": ["7"]}]
    }
    by_id, by_tag = scrubber.sent(sent, _model("ec2", "DescribeSubnets"))["Filters"]
    assert (by_id["Name"], by_tag["Name"]) == ("vpc-id", "tag:livekit-deploy:env")
    assert by_tag["Values"][0].startswith("<")  # a number in a tag is somebody's
    group = {"ReplicationGroups": [{"Status": "state of next year", "CacheNodeType": "cache.m7g.large"}]}
    assert scrubber.answer(group, _model("elasticache", "DescribeReplicationGroups")) == group
    policy = {"roleArn": "x", "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"}
    kept = scrubber.sent(policy, _model("eks", "AssociateAccessPolicy"))
    assert kept["policyArn"] == policy["policyArn"]


def test_what_is_in_a_tag_is_somebodys_whatever_it_looks_like(scrubber: Scrubber) -> None:
    """As a number or a word of AWS does elsewhere."""
    for given in ("4711", "available", "true"):
        tags = [{"ResourceType": "vpc", "Tags": [{"Key": given, "Value": given}]}]
        (sent,) = scrubber.sent({"TagSpecifications": tags}, _model("ec2", "CreateVpc"))["TagSpecifications"]
        assert sent["ResourceType"] == "vpc"
        assert given not in json.dumps(sent["Tags"])
        assert given not in json.dumps(scrubber.sent({"tags": {given: given}}, _model("eks", "CreateCluster")))


def test_relations_stay_and_nobody_can_go_back() -> None:
    names, others = Names(b"key"), Names(b"another")
    assert names.of("id", "vpc-1") == names.of("id", "vpc-1") != names.of("id", "vpc-2")
    assert names.of("id", "vpc-1") != others.of("id", "vpc-1")
    assert names.network("10.20.0.0/16") != others.network("10.20.0.0/16")
    assert Names.from_environ({}).family != Names.from_environ({}).family
    assert Names.from_environ({KEY: "a"}).family == Names.from_environ({KEY: "a"}).family


@pytest.mark.parametrize(
    ("outer", "inner"), [("10.20.0.0/16", "10.20.48.0/20"), ("2001:db8::/56", "2001:db8:0:7::/64")]
)
def test_a_network_lies_within_the_one_that_it_lay_in(outer: str, inner: str) -> None:
    def parsed(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        digits, length = re.fullmatch(r"<cidr-(\w+)/(\d+)>", Names(b"key").network(text)).groups()  # type: ignore[union-attr]
        raw = bytes.fromhex(digits)
        return ipaddress.ip_network((raw, int(length)))

    one, two = parsed(outer), parsed(inner)
    assert one.network_address != ipaddress.ip_network(outer).network_address
    assert two.subnet_of(one)  # type: ignore[arg-type]
    assert not parsed("10.21.0.0/16").overlaps(one)
    assert Names(b"key").network("0.0.0.0/0") == "0.0.0.0/0"


def test_the_keys_of_our_marks_are_known() -> None:
    assert {tags.PROJECT, tags.ENV, tags.LINEAGE, tags.ADDRESS} <= TAG_KEYS
