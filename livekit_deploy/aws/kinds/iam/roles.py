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
from livekit_deploy.aws.access.tags import mapping, pairs
from livekit_deploy.aws.kinds.iam.policy_documents import normal, render, text
from livekit_deploy.aws.kinds.named import Item, NamedResource
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output, Ref
from livekit_deploy.engine.plan import UNKNOWN, unknown
from livekit_deploy.engine.resource import Live, Status

_PAGE = 1000  # IAM's largest page
ROLE_NAME, _POLICY_VERSIONS = 64, 5
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


class IamResource(NamedResource):
    """A kind of IAM's, whose descriptions tell the tags, and lists do not."""

    @classmethod
    def tags_of(cls, cloud: Cloud, item: Item) -> Mapping[str, str]:
        return mapping(item.get("Tags", []))


class Role(IamResource):
    """An IAM role. Its first missing or foreign attachment is one step, the next one the next.

    ``trust`` is the trust policy, with ``${name}`` for each of ``values`` (which may be references: the ARN and the
    issuer of an OIDC provider). ``managed`` are the policies attached to it. ``boundary`` is the ARN of its permissions
    boundary, ``inline_policies`` are those that somebody else put into it. Source: IAM API reference, CreateRole.
    """

    kind = "iam.role"
    what, longest = "the IAM role", ROLE_NAME
    usual = 3.0
    propagation = {"NoSuchEntity": (), "MalformedPolicyDocument": ("invalid principal",)}
    lasting = frozenset({"arn", "role_name"})

    # a document is rendered for the account; what is attached takes a call for each
    trust: Input[Mapping[str, Any]] = Input()
    values: Input[Mapping[str, str | Ref[str]]] = Input(default={})
    managed: Inputs[str] = Inputs(default=())
    inline_policies: Inputs[str] = Inputs(default=(), foreign=True)
    boundary: Input[str | None] = Input(
        api="PermissionsBoundary", shown="PermissionsBoundary.PermissionsBoundaryArn", default=None
    )
    path: Input[str] = Input(api="Path", change=Change.FIXED, default="/", way_out=_PATH_WAY_OUT)

    arn = Output[str]("Arn")
    role_name = Output[str]("RoleName")

    def desired(self, lookup: Callable[[Ref[Any]], Any]) -> dict[str, Any]:
        """The inputs, with the trust policy as one document."""
        found = super().desired(lookup)
        values = found.pop("values")
        found["trust"] = UNKNOWN if unknown(values) else normal(render(found["trust"], values))
        found["managed"] = sorted(item if unknown(item) else _short(item) for item in found["managed"])
        return found

    @classmethod
    def described(cls, cloud: Cloud, host: Live, id: str) -> Any:
        return cloud.iam.get_role(RoleName=id)["Role"]

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        name = item["RoleName"]
        attached = cloud.iam.pages("list_attached_role_policies", "AttachedPolicies", RoleName=name)
        props = {
            **cls.props_of(item),
            "trust": normal(item["AssumeRolePolicyDocument"], _own(cloud)),
            "managed": sorted(_short(one["PolicyArn"]) for one in attached),
            "inline_policies": sorted(cloud.iam.pages("list_role_policies", "PolicyNames", RoleName=name)),
        }
        return Live(name, Status.READY, props, cls.outputs_of(item), made=item.get("RoleId", ""))

    @classmethod
    def ids(cls, cloud: Cloud, host: Live) -> Iterable[str]:
        return (item["RoleName"] for item in _named_ours(cloud, "list_roles", "Roles", "RoleName"))

    def create(self, cloud: Cloud, token: str) -> str:
        name = self.own_name(cloud)
        tags = pairs(cloud.ownership.tags(self.address, name))
        document = self._trust(cloud)
        cloud.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=tags, **self.arguments())
        return name

    def _trust(self, cloud: Cloud) -> str:
        return text(render(self.trust, self.values), _own(cloud))  # type: ignore[arg-type]

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        if "trust" in changed:
            cloud.iam.update_assume_role_policy(RoleName=live.id, PolicyDocument=self._trust(cloud))
        elif "boundary" in changed and self.boundary:
            cloud.iam.put_role_permissions_boundary(RoleName=live.id, **self.arguments("boundary"))
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


def _named_ours(cloud: Cloud, operation: str, key: str, name: str, **more: Any) -> Iterator[Item]:
    """What a list shows under our prefix."""
    listed = cloud.iam.pages(operation, key, MaxItems=_PAGE, **more)
    return (item for item in listed if item[name].startswith(f"{cloud.ownership.prefix}-"))


class Policy(IamResource):
    """A customer managed policy. A changed document is a new default version; IAM keeps at most five of them.

    ``document`` may say ``${partition}``. Source: IAM API reference, CreatePolicy and CreatePolicyVersion.
    """

    kind = "iam.policy"
    what, longest = "the IAM policy", 128
    propagation = {"NoSuchEntity": ()}
    lasting = frozenset({"arn"})

    document: Input[Mapping[str, Any]] = Input()  # rendered for the account
    path: Input[str] = Input(api="Path", change=Change.FIXED, default="/", way_out=_PATH_WAY_OUT)

    arn = Output[str]("Arn")

    def desired(self, lookup: Callable[[Ref[Any]], Any]) -> dict[str, Any]:
        """The inputs, with the document in its comparable form."""
        found = super().desired(lookup)
        found["document"] = normal(found["document"])
        return found

    def own_id(self, cloud: Cloud) -> str:
        who = cloud.identity
        return f"arn:{who.partition}:iam::{who.account}:policy{self.path}{self.own_name(cloud)}"

    @classmethod
    def described(cls, cloud: Cloud, host: Live, id: str) -> Any:
        return cloud.iam.get_policy(PolicyArn=id)["Policy"]

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        version = cloud.iam.get_policy_version(PolicyArn=item["Arn"], VersionId=item["DefaultVersionId"])
        props = {**cls.props_of(item), "document": normal(version["PolicyVersion"]["Document"])}
        return Live(item["Arn"], Status.READY, props, cls.outputs_of(item), made=item.get("PolicyId", ""))

    @classmethod
    def ids(cls, cloud: Cloud, host: Live) -> Iterable[str]:
        listed = _named_ours(cloud, "list_policies", "Policies", "PolicyName", Scope="Local")
        return (item["Arn"] for item in listed)

    def create(self, cloud: Cloud, token: str) -> str:
        name, document = self.own_name(cloud), text(self.document, _own(cloud))
        tags = pairs(cloud.ownership.tags(self.address, name))
        said = cloud.iam.create_policy(PolicyName=name, PolicyDocument=document, Tags=tags, **self.arguments())
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


def _versions(cloud: Cloud, arn: str) -> tuple[list[str], int]:
    """The versions that are not in force, oldest first, and how many there are in all."""
    found = cloud.iam.pages("list_policy_versions", "Versions", PolicyArn=arn)
    spare = [item["VersionId"] for item in found if not item["IsDefaultVersion"]]
    return sorted(spare, key=lambda version: int(version.removeprefix("v"))), len(found)
