"""Each field is declared once: where a request has it, where an answer shows it; and none is declared for nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from livekit_deploy.engine.inputs import Change, Input, Inputs, Output, found_at, place
from livekit_deploy.engine.resource import Resource
from tests.contract.declared import OF_AWS, OURS, WRITTEN, has, methods, spread
from tests.contract.test_described import TOLD, shape_of
from tests.service_operations import operations

#: inputs that a change gives to AWS in another form than a create
_CHANGED_OTHERWISE = {
    "ec2.security_group_rule.first_port": "ModifySecurityGroupRules has a rule in a structure of its own",
    "ec2.security_group_rule.last_port": "the same",
    "ec2.vpc_endpoint.route_table_ids": "ModifyVpcEndpoint takes what is added and what is removed",
    "elasticache.replication_group.replicas": "nodes come and go by IncreaseReplicaCount and DecreaseReplicaCount",
}
#: inputs that no verb reads
_COMPARED_ONLY = {
    "ec2.launch_template.other_settings": "a new version says all that ours does, and nothing else",
    "eks.cluster.zones": "subnets of other zones are refused by it",
}
_DECLARED = [pytest.param(name, key, id=f"{name}.{key}") for name, kind in OURS.items() for key in kind.inputs]


@pytest.mark.parametrize("name", OF_AWS)
def test_each_api_is_a_parameter_of_the_calls_that_are_given_it(name: str) -> None:
    kind = OF_AWS[name]
    calls = {verb: list(spread(kind, node)) for verb, node in methods(kind).items()}
    creates, changes = calls["create"], [one for verb, models in calls.items() if verb != "create" for one in models]
    for key, one in kind.inputs.items():
        if one.api and creates:
            assert any(has(model.input_shape, one.api) for model in creates), f"{key}: no create takes {one.api}"
        if one.api and not (creates and one.change is not Change.MUTABLE) and f"{name}.{key}" not in _CHANGED_OTHERWISE:
            assert any(has(model.input_shape, one.api) for model in changes), f"{key}: no change takes {one.api}"


@pytest.mark.parametrize("name", OF_AWS)
def test_each_field_that_is_shown_is_one_of_the_answer(name: str) -> None:
    kind, shape = OF_AWS[name], shape_of(TOLD[name]["call"])
    shown = {key: one.shown for key, one in kind.inputs.items()} | {key: one.shown for key, one in kind.outputs.items()}
    assert {key: path for key, path in shown.items() if path and not has(shape, path)} == {}


def test_what_is_not_changed_in_place_names_its_parameter() -> None:
    """`test_input_classes` and `test_drift` look for calls that change it by that."""
    fixed = {
        f"{name}.{key}"
        for name, kind in OF_AWS.items()
        for key, one in kind.inputs.items()
        if one.change in (Change.FIXED, Change.IMMUTABLE) and not one.api
    }
    assert fixed == set(WRITTEN)


@pytest.mark.parametrize(("name", "key"), _DECLARED)
def test_every_input_drives_a_verb(name: str, key: str) -> None:
    assert (key in set(driving(OURS[name]))) is (f"{name}.{key}" not in _COMPARED_ONLY)


def driving(kind: type[Resource]) -> Iterator[str]:
    """The inputs that the verbs read, directly or by what they call, or that `update` looks for among the changed."""
    every, seen = methods(kind), set[str]()
    todo: list[str] = [verb for verb in ("create", "update", "delete", "sweep", "left") if verb in every]
    while todo:
        verb = todo.pop()
        seen.add(verb)
        for node in ast.walk(every[verb]):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in ("self", "cls")
            ):
                yield node.attr
                todo += {node.attr} & every.keys() - seen
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            if isinstance(node, ast.Call) and _is_whole(node):
                yield from (key for key, one in kind.inputs.items() if one.api)


def _is_whole(call: ast.Call) -> bool:
    """Whether it makes a request of all inputs."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "arguments" and not call.args


class _Unused(Resource):
    used: Input[str] = Input(api="Used")
    said: Input[str] = Input()
    unused: Input[str] = Input()
    many: Inputs[str] = Inputs(api="Deep.Many", shown="Shown[].Id", to_api=lambda names: names or None)
    first: Input[int] = Input(api="List[0].Size", absent=0)
    never: Input[str | None] = Input(shown="", default=None, api="Never")
    word = Output[str]("Said.Word", absent="")


def test_a_request_is_made_of_the_inputs_and_read_from_an_answer() -> None:
    item = _Unused("x", used="a", said="b", unused="c", many=["z", "y"], first=3)
    assert item.arguments() == {"Used": "a", "Deep": {"Many": ["y", "z"]}, "List": [{"Size": 3}]}
    assert item.arguments("first") == {"List": [{"Size": 3}]}
    assert _Unused("x", used="a", said="b", unused="c", many=[], first=3).arguments("many") == {}
    answer = {"Used": "a", "Shown": [{"Id": "z"}, {"Id": "y"}], "List": [{"Size": 4}], "Said": {"Word": "w"}}
    assert item.props_of(answer) == {"used": "a", "many": ["y", "z"], "first": 4}
    assert item.props_of({"Used": "a"}) == {"used": "a", "many": [], "first": 0}
    assert (item.outputs_of(answer), item.outputs_of({})) == ({"word": "w"}, {"word": ""})
    with pytest.raises(KeyError):
        item.props_of({})


def test_what_is_in_an_entry_of_a_list_has_to_be_there() -> None:
    with pytest.raises(KeyError):
        found_at({"List": [{}]}, "List[0].Size", None)
    assert found_at({"List": []}, "List[0].Size", None) is None


def test_what_is_at_one_place_of_a_request_stands_together() -> None:
    request: dict[str, object] = {}
    place(request, "List[0].Size", 1)
    place(request, "List[0].Deep.Name", "n")
    place(request, "Ids[0]", "i")
    assert request == {"List": [{"Size": 1, "Deep": {"Name": "n"}}], "Ids": ["i"]}


def test_an_api_that_there_is_not_and_an_input_that_drives_nothing_are_found() -> None:
    created = operations("elasticache")["create_replication_group"].input_shape
    assert has(created, "CacheNodeType")
    assert not has(created, "CacheNodeTyp")
    cluster = operations("eks")["create_cluster"].input_shape
    assert has(cluster, "resourcesVpcConfig.subnetIds")
    assert not has(cluster, "resourcesVpcConfig.subnetId")
    assert not has(cluster, "version[0]")
    assert "unused" not in set(driving(_Unused))
