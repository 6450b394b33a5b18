"""What the printed policy may tag, and that no right to tag reaches what is not ours."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from livekit_deploy import permissions
from livekit_deploy.aws.access.tags import ENV
from livekit_deploy.aws.kinds.ec2.launch_templates import TAGGED
from livekit_deploy.aws.kinds.ec2.resource import Ec2Resource
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.sandbox.aws.iam.policy_statements import applies
from tests.places import ROOT
from tests.service_authorization import ACCOUNT, privilege
from tests.service_authorization import PRESETS as NAMES
from tests.service_authorization import preset as _env
from tests.unit.permissions.policies import FULL

# ---- what is tagged when it is made


def _tagged_by_code() -> set[tuple[str, str]]:
    """Which call of EC2's tags which type of object: the calls of each kind that are given its whole request."""
    found, ec2 = set(), botocore.session.get_session().get_service_model("ec2")
    for kind in _kinds(Ec2Resource):
        nodes = ast.walk(ast.parse(inspect.getsource(kind)))
        calls = (one for one in nodes if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute))
        given = {ast.unparse(call.func) for call in calls if any(word.arg is None for word in call.keywords)}
        names = (re.sub(r"cloud\.(once\.)?ec2\.", "", one).replace("_", " ").title().replace(" ", "") for one in given)
        known = set(names) & set(ec2.operation_names)
        tags = {name for name in known if "TagSpecifications" in ec2.operation_model(name).input_shape.members}
        found |= {(name, kind.tagged_as) for name in tags}
    return found


def _kinds(above: type[Ec2Resource]) -> Iterator[type[Ec2Resource]]:
    for kind in above.__subclasses__():
        if hasattr(kind, "tagged_as") and kind.__module__.startswith("livekit_deploy."):
            yield kind
        yield from _kinds(kind)


def test_what_the_code_tags_at_creation_it_may_tag_and_nothing_else(tmp_path: Path) -> None:
    """In the call that makes it, and of instances what the launch template tags: by the account's own EKS."""
    path = tmp_path / "here.yaml"
    path.write_text(FULL)
    everything = load_environment(path, environ={})
    tagged = _tagged_by_code()
    assert ("CreateVpc", "vpc") in tagged
    assert ("AuthorizeSecurityGroupIngress", "security-group-rule") in tagged
    wanted = tagged | {("RunInstances", kind) for kind in TAGGED}
    for env in (everything, *(_env(name) for name in NAMES)):
        statements = permissions.policy(env, account=ACCOUNT)["Statement"]
        made = {action for one in statements for action in one["Action"]}
        here = {(call, kind) for call, kind in wanted if f"ec2:{call}" in made}
        refused = [pair for pair in here if not any(_may_tag(one, *pair) for one in statements)]
        assert refused == []
        kinds = {kind for _, kind in here}
        (tag,) = [one for one in statements if one["Sid"] == "Ec2TagWhatIsMade"]
        assert {one.split(":")[5].partition("/")[0] for one in tag["Resource"]} == kinds
        assert set(tag["Condition"]["StringEquals"]["ec2:CreateAction"]) == {call for call, _ in here}
    assert {call for call, _ in tagged} <= {one.removeprefix("ec2:") for one in _actions(everything)}


def _actions(env: Environment) -> list[str]:
    return permissions.actions(permissions.policy(env, account=ACCOUNT))


def _may_tag(statement: dict[str, Any], call: str, kind: str) -> bool:
    arn = f"arn:aws:ec2:us-east-1:{ACCOUNT}:{kind}/*"
    return applies(statement, "ec2:CreateTags", arn, {"ec2:createaction": [call]})


# ---- rights to tag

#: types that a right to tag can bring inside the fence of our tags: AWS does not tell the tags of a create call from
#: others there, and the object has no name of ours. docs/security.md says so.
OPEN = {
    "kms:key": "Service Authorization Reference, no key says what call tags: kms:TagResource",
    "acm:certificate": "the same: acm:AddTagsToCertificate",
    "iam:oidc-provider": "the same: iam:TagOpenIDConnectProvider",
}


def _reached(env: Environment, tags: dict[str, str]) -> set[str]:
    """The types of foreign objects, tagged so, that a right to tag brings inside a fence of our tags."""
    statements = permissions.policy(env, account=ACCOUNT)["Statement"]
    ours = {"livekit-deploy:project": env.project, "livekit-deploy:env": env.name}
    context = {f"aws:resourcetag/{key}": [value] for key, value in tags.items()}
    context |= {f"aws:requesttag/{key}": [value] for key, value in ours.items()}
    context |= {"aws:requestedregion": [env.region]}
    fenced = [one for one in statements if f"aws:ResourceTag/{'livekit-deploy:env'}" in _equals(one)]
    marking = [(one, act) for one in statements for act in one["Action"] if privilege(act)["access_level"] == "Tagging"]
    found = set()
    for resource in {resource for one in fenced for resource in one["Resource"]}:
        if env.resource_prefix in resource or f"{env.project}/{env.name}" in resource:
            continue  # the name is ours: what carries it is no foreign object
        foreign = resource.replace("*", "foreign")
        service, kind = foreign.split(":")[2], foreign.split(":")[5].partition("/")[0]
        if any(applies(one, act, foreign, context) for one, act in marking if act.startswith(f"{service}:")):
            found.add(f"{service}:{kind}")
    return found


def _equals(statement: dict[str, Any]) -> set[str]:
    return set(statement.get("Condition", {}).get("StringEquals", {}))


def test_no_right_to_tag_brings_a_foreign_object_inside_the_fence() -> None:
    reached = {kind for name in NAMES for kind in _reached(_env(name), {})}
    assert reached == set(OPEN)
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert [one for one in OPEN.values() if one.rpartition(" ")[2] not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_another_environment_made_is_out_of_reach_of_a_right_to_tag(name: str) -> None:
    env = _env(name)
    other = {"livekit-deploy:project": env.project, "livekit-deploy:env": f"{env.name}-2"}
    assert _reached(env, other) == set()


def test_a_role_of_another_environment_whose_name_begins_as_ours_is_out_of_reach() -> None:
    env = _env("uat")
    role = f"arn:aws:iam::{ACCOUNT}:role/{env.resource_prefix}-2-node"
    theirs = {"livekit-deploy:project": env.project, "livekit-deploy:env": "uat-2"}
    context = {f"aws:resourcetag/{key}": [value] for key, value in theirs.items()}
    context |= {"aws:requesttag/livekit-deploy:project": [env.project], "aws:requesttag/livekit-deploy:env": [env.name]}
    statements = permissions.policy(env, account=ACCOUNT)["Statement"]
    assert not any(applies(one, "iam:TagRole", role, context) for one in statements)


@pytest.mark.parametrize("name", NAMES)
def test_no_change_reaches_a_neighbour_whose_name_begins_as_ours(name: str) -> None:
    """``livekit-uat-*`` is also what uat-eu has: where IAM asks for no tags, names are whole."""
    env = _env(name)
    open_ = {
        (statement["Sid"], resource)
        for statement in permissions.policy(env, account=ACCOUNT)["Statement"]
        for resource in statement["Resource"]
        if f"{env.resource_prefix}-*" in resource and ENV not in json.dumps(statement.get("Condition", {}))
        if any(privilege(action)["access_level"] not in ("Read", "List") for action in statement["Action"])
    }
    # a new group needs these besides its own, which is asked for our tags
    assert {sid for sid, _ in open_} == {"CacheUse"}
