"""IAM roles with their trust and attachments, and customer managed policies with their versions.

Both are found by name, which IAM keeps unique in an account, and are ours by their tags. What a role may do is always
a managed policy: an inline policy is somebody else's, shows as drift and is removed. AWS's own policies are written by
name (``AmazonEKSClusterPolicy``), which holds in every partition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.naming import fit
from livekit_deploy.aws.access.tags import ADDRESS, mapping, pairs
from livekit_deploy.aws.kinds.iam.policy_documents import normal, render, text
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output, Ref
from livekit_deploy.engine.plan import UNKNOWN, unknown
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import Absent

_PAGE = 1000  # IAM's largest page
ROLE_NAME, _POLICY_NAME, _POLICY_VERSIONS = 64, 128, 5
_AWS_MANAGED = re.compile(r"arn:[\w-]+:iam::aws:policy/(.+)")
_PATH_WAY_OUT = "IAM cannot move it to another path: put iam.path back, or run down and then up."


def _own(cloud: Cloud) -> dict[str, str]:
    """What the placeholders of a document stand for here."""
    who = cloud.identity
    return {
        "partition": who.partition,
        "account": who.account,
        "region": cloud.region,
        "prefix": cloud.ownership.prefix,
    }


def _short(policy: str) -> str:
    """An attachment as the plan shows it: AWS's own policies by name, others by ARN."""
    found = _AWS_MANAGED.fullmatch(policy)
    return found[1] if found else policy


def _arn(policy: str, partition: str) -> str:
    return policy if policy.startswith("arn:") else f"arn:{partition}:iam::aws:policy/{policy}"


class Role(Resource):
    """An IAM role. Its first missing or foreign attachment is one step, the next one the next.

    ``trust`` is the trust policy, with ``${name}`` for each of ``values`` (which may be references: the ARN and the
    issuer of an OIDC provider). ``managed`` are the policies attached to it. ``boundary`` is the ARN of its permissions
    boundary, ``inline_policies`` are those that somebody else put into it. Source: IAM API reference, CreateRole.
    """

    kind = "iam.role"
    usual = 3.0
    propagation = {"NoSuchEntity": (), "MalformedPolicyDocument": ("invalid principal",)}
    lasting = frozenset({"arn", "role_name"})

    trust: Input[Mapping[str, Any]] = Input(api="AssumeRolePolicyDocument")
    values: Input[Mapping[str, str | Ref[str]]] = Input(default={})
    managed: Inputs[str] = Inputs(api="PolicyArn", default=())
    inline_policies: Inputs[str] = Inputs(api="DeleteRolePolicy.PolicyName", default=(), foreign=True)
    boundary: Input[str | None] = Input(api="PermissionsBoundary", default=None)
    path: Input[str] = Input(api="Path", change=Change.FIXED, default="/", way_out=_PATH_WAY_OUT)

    arn = Output[str]()
    role_name = Output[str]()

    def desired(self, lookup: Callable[[Ref[Any]], Any]) -> dict[str, Any]:
        """The inputs, with the trust policy as one document."""
        found = super().desired(lookup)
        values = found.pop("values")
        found["trust"] = UNKNOWN if unknown(values) else normal(render(found["trust"], values))
        found["managed"] = sorted(item if unknown(item) else _short(item) for item in found["managed"])
        return found

    def _name(self, cloud: Cloud) -> str:
        return fit(cloud.name(self.instance), ROLE_NAME)

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        name = id or self._name(cloud)
        try:
            role = cloud.iam.get_role(RoleName=name)["Role"]
            if id is None:
                cloud.ownership.claim(mapping(role.get("Tags", [])), self.address, f"the IAM role {name}")
            return _role(cloud, role)
        except Absent:
            return None

    def create(self, cloud: Cloud, token: str) -> str:
        name = self._name(cloud)
        boundary = {"PermissionsBoundary": self.boundary} if self.boundary else {}
        cloud.iam.create_role(
            RoleName=name,
            Path=self.path,
            AssumeRolePolicyDocument=self._trust(cloud),
            Tags=pairs(cloud.ownership.tags(self.address, name)),
            **boundary,
        )
        return name

    def _trust(self, cloud: Cloud) -> str:
        return text(render(self.trust, self.values), _own(cloud))  # type: ignore[arg-type]

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        if "trust" in changed:
            cloud.iam.update_assume_role_policy(RoleName=live.id, PolicyDocument=self._trust(cloud))
        elif "boundary" in changed and self.boundary:
            cloud.iam.put_role_permissions_boundary(RoleName=live.id, PermissionsBoundary=self.boundary)
        elif "boundary" in changed:
            cloud.iam.delete_role_permissions_boundary(RoleName=live.id)
        elif "managed" in changed:
            self._attach(cloud, live)
        elif inline := live.props["inline_policies"]:
            cloud.iam.delete_role_policy(RoleName=live.id, PolicyName=inline[0])

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.iam.tag_role(RoleName=live.id, Tags=pairs(tags))

    def _attach(self, cloud: Cloud, live: Live) -> None:
        have, want = set(live.props["managed"]), {_short(item) for item in self.managed}
        partition = str(live.outputs["arn"]).split(":")[1]
        if missing := sorted(want - have):
            cloud.iam.attach_role_policy(RoleName=live.id, PolicyArn=_arn(missing[0], partition))
        elif foreign := sorted(have - want):
            cloud.iam.detach_role_policy(RoleName=live.id, PolicyArn=_arn(foreign[0], partition))

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Detach one policy, or remove one inline policy or instance profile; when none is left, delete the role."""
        partition = str(live.outputs["arn"]).split(":")[1]
        if attached := live.props["managed"]:
            cloud.iam.detach_role_policy(RoleName=live.id, PolicyArn=_arn(attached[0], partition))
        elif inline := live.props["inline_policies"]:
            cloud.iam.delete_role_policy(RoleName=live.id, PolicyName=inline[0])
        elif profiles := cloud.iam.pages("list_instance_profiles_for_role", "InstanceProfiles", RoleName=live.id):
            name = profiles[0]["InstanceProfileName"]
            cloud.iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=live.id)
        else:
            cloud.iam.delete_role(RoleName=live.id)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        for summary in _candidates(cloud, "list_roles", "Roles", "RoleName"):
            try:
                role = cloud.iam.get_role(RoleName=summary["RoleName"])["Role"]
                tags = mapping(role.get("Tags", []))
                if cloud.ownership.ours(tags):
                    yield Found(tags.get(ADDRESS, ""), _role(cloud, role))
            except Absent:  # deleted between the list and the look
                continue


def _role(cloud: Cloud, role: Mapping[str, Any]) -> Live:
    name = role["RoleName"]
    attached = cloud.iam.pages("list_attached_role_policies", "AttachedPolicies", RoleName=name)
    props = {
        "trust": normal(role["AssumeRolePolicyDocument"], _own(cloud)),
        "managed": sorted(_short(item["PolicyArn"]) for item in attached),
        "inline_policies": sorted(cloud.iam.pages("list_role_policies", "PolicyNames", RoleName=name)),
        "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "path": role["Path"],
    }
    outputs = {"arn": role["Arn"], "role_name": name}
    return Live(name, Status.READY, props, outputs, tags=mapping(role.get("Tags", [])), made=role.get("RoleId", ""))


def _candidates(cloud: Cloud, operation: str, key: str, name: str, **more: Any) -> Iterator[Mapping[str, Any]]:
    """What a list shows under our prefix; the tags, which no IAM list tells, decide afterwards."""
    if cloud.ownership.lineage is None:
        return
    for item in cloud.iam.pages(operation, key, MaxItems=_PAGE, **more):
        if item[name].startswith(f"{cloud.ownership.prefix}-"):
            yield item


class Policy(Resource):
    """A customer managed policy. A changed document is a new default version; IAM keeps at most five of them.

    ``document`` may say ``${partition}``. Source: IAM API reference, CreatePolicy and CreatePolicyVersion.
    """

    kind = "iam.policy"
    propagation = {"NoSuchEntity": ()}
    lasting = frozenset({"arn"})

    document: Input[Mapping[str, Any]] = Input(api="PolicyDocument")
    path: Input[str] = Input(api="Path", change=Change.FIXED, default="/", way_out=_PATH_WAY_OUT)

    arn = Output[str]()

    def desired(self, lookup: Callable[[Ref[Any]], Any]) -> dict[str, Any]:
        """The inputs, with the document in its comparable form."""
        found = super().desired(lookup)
        found["document"] = normal(found["document"])
        return found

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        arn = id or self._arn(cloud)
        try:
            policy = cloud.iam.get_policy(PolicyArn=arn)["Policy"]
            if id is None:
                cloud.ownership.claim(mapping(policy.get("Tags", [])), self.address, f"the IAM policy {arn}")
            return _policy(cloud, policy)
        except Absent:
            return None

    def _name(self, cloud: Cloud) -> str:
        return fit(cloud.name(self.instance), _POLICY_NAME)

    def _arn(self, cloud: Cloud) -> str:
        who = cloud.identity
        return f"arn:{who.partition}:iam::{who.account}:policy{self.path}{self._name(cloud)}"

    def create(self, cloud: Cloud, token: str) -> str:
        name = self._name(cloud)
        said = cloud.iam.create_policy(
            PolicyName=name,
            Path=self.path,
            PolicyDocument=text(self.document, _own(cloud)),
            Tags=pairs(cloud.ownership.tags(self.address, name)),
        )
        return str(said["Policy"]["Arn"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """Make the new default version; where five are kept already, first remove the oldest that is not in force."""
        if "document" not in changed:
            return
        spare, all_of_them = _versions(cloud, live.id)
        if all_of_them >= _POLICY_VERSIONS:
            cloud.iam.delete_policy_version(PolicyArn=live.id, VersionId=spare[0])
        else:
            document = text(self.document, _own(cloud))
            cloud.iam.create_policy_version(PolicyArn=live.id, PolicyDocument=document, SetAsDefault=True)

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.iam.tag_policy(PolicyArn=live.id, Tags=pairs(tags))

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Remove one old version; when none is left, the policy."""
        spare, _ = _versions(cloud, live.id)
        if spare:
            cloud.iam.delete_policy_version(PolicyArn=live.id, VersionId=spare[0])
        else:
            cloud.iam.delete_policy(PolicyArn=live.id)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        for summary in _candidates(cloud, "list_policies", "Policies", "PolicyName", Scope="Local"):
            try:
                policy = cloud.iam.get_policy(PolicyArn=summary["Arn"])["Policy"]
                tags = mapping(policy.get("Tags", []))
                if cloud.ownership.ours(tags):
                    yield Found(tags.get(ADDRESS, ""), _policy(cloud, policy))
            except Absent:
                continue


def _versions(cloud: Cloud, arn: str) -> tuple[list[str], int]:
    """The versions that are not in force, oldest first, and how many there are in all."""
    found = cloud.iam.pages("list_policy_versions", "Versions", PolicyArn=arn)
    spare = [item["VersionId"] for item in found if not item["IsDefaultVersion"]]
    return sorted(spare, key=lambda version: int(version.removeprefix("v"))), len(found)


def _policy(cloud: Cloud, policy: Mapping[str, Any]) -> Live:
    version = cloud.iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
    props = {"document": normal(version["PolicyVersion"]["Document"]), "path": policy["Path"]}
    tags, made = mapping(policy.get("Tags", [])), policy.get("PolicyId", "")
    return Live(policy["Arn"], Status.READY, props, {"arn": policy["Arn"]}, tags=tags, made=made)
