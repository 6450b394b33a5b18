"""Who may use the Kubernetes API: EKS access entries with their policies.

The entries of an environment are `cluster.admins` and whoever made the cluster. EKS keeps one entry for a principal, so
when the maker is one of the admins both resources stand for the same entry: the admin's carries its address, and the
maker's sees that it is taken care of. An admin that leaves the configuration hands the entry of the maker back instead
of deleting it: nobody loses the access that they need to continue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS
from livekit_deploy.aws.kinds.eks.cluster import CREATOR, in_use_means_conflict
from livekit_deploy.aws.kinds.eks.foreign import described
from livekit_deploy.aws.kinds.eks.resource import InCluster
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output
from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import Absent, ResourceError

#: the access policy that lets a principal do everything in the cluster
ADMIN = "AmazonEKSClusterAdminPolicy"
MAKER = "creator"


class AccessEntry(InCluster):
    """The access of one IAM user or role, never of an assumed role's session.

    ``principal`` is its ARN, "" stands for whoever made the cluster. ``policies`` are names of EKS access policies, all
    with the scope of the whole cluster; the first that is missing or foreign is one step. ``groups`` are Kubernetes'
    groups that somebody else put it into, ``username`` is a name of theirs in the place of the one that EKS gives.
    Source: EKS API reference, CreateAccessEntry, UpdateAccessEntry and AssociateAccessPolicy.
    """

    kind = "eks.access_entry"
    dies_with_host = True
    usual = 2.0
    # a role that was made a moment ago is not yet a valid principal
    propagation = {"InvalidParameterException": ("invalid principal", "principalArn is invalid")}

    # "" stands for another, and what an entry lets them do takes calls of its own
    principal: Input[str] = Input(change=Change.IMMUTABLE, default="")
    policies: Inputs[str] = Inputs(default=(ADMIN,))
    groups: Inputs[str] = Inputs(shown="kubernetesGroups", default=(), foreign=True)
    username: Input[str] = Input(default="", foreign=True)

    arn = Output[str]("accessEntryArn")

    def _where(self, cloud: Cloud) -> tuple[str, str]:
        """The cluster's name and the ARN of the principal."""
        host = self.its_host
        return host.id, self.principal or str(host.outputs.get("creator") or self._maker(cloud, host))

    def _maker(self, cloud: Cloud, host: Live) -> str:
        """Who made the cluster, when its tag does not say it any more: the principal of the entry that was made for
        them."""
        for found in self.scan(cloud, host):
            if found.address == AccessEntry(MAKER).address:
                return str(found.live.outputs["principal"])
        raise ResourceError(
            f"it is not known who made the cluster {host.id}: its tag {CREATOR} and their access entry are gone",
            address=self.address,
            hint=f"set the tag: aws eks tag-resource --resource-arn {host.outputs['arn']} --tags {CREATOR}=ARN",
        )

    def foreseen(self, cloud: Cloud) -> tuple[str, str]:
        return unknown_principal(cloud, self.principal) if self.principal else ("", "")

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        cluster, principal = self._where(cloud)
        entry = described(cloud, cluster, principal)
        if entry is None:
            return None
        tags = entry.get("tags", {})
        mine = tags.get(ADDRESS) == self.address
        if id is not None and not (cloud.ownership.ours(tags) and str(tags.get(ADDRESS)).startswith(f"{self.kind}/")):
            return _live(cloud, cluster, entry, self.address, tags)  # somebody took off the tags that it had
        if id is None:
            cloud.ownership.claim(tags, self.address, f"the EKS access entry of {principal}")
        taken_over = self.address in cloud.ownership.adopt
        # an admin's entry that the maker's resource made is still to be taken over; the maker's is content with both
        return _live(cloud, cluster, entry, self.address) if mine or taken_over or not self.principal else None

    def read_teardown(self, cloud: Cloud, id: str | None) -> Live | None:
        """The entry while it carries this address; one that another resource stands for is not ours to delete."""
        cluster, principal = self._where(cloud)
        if (entry := described(cloud, cluster, principal)) is None:
            return None
        tags = entry.get("tags", {})
        others = cloud.ownership.ours(tags) and tags.get(ADDRESS) not in (None, self.address)
        return None if others else _live(cloud, cluster, entry, self.address, tags)

    def create(self, cloud: Cloud, token: str) -> str:
        """Make the entry, or take over the one that the maker's resource made."""
        cluster, principal = self._where(cloud)
        entry = described(cloud, cluster, principal)
        if entry is not None and cloud.ownership.ours(entry.get("tags", {})):
            cloud.eks.tag_resource(resourceArn=entry["accessEntryArn"], tags={ADDRESS: self.address})
            return self.address
        with in_use_means_conflict(f"the EKS access entry of {principal} exists already"):
            cloud.eks.create_access_entry(
                clusterName=cluster,
                principalArn=principal,
                type="STANDARD",
                clientRequestToken=token,
                tags=cloud.ownership.tags(self.address),
            )
        return self.address

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        cluster, principal = self._where(cloud)
        if {"groups", "username"} & changed:
            cloud.eks.update_access_entry(
                clusterName=cluster, principalArn=principal, kubernetesGroups=[], username=_own_name(principal)
            )
            return
        have, want = (
            set(live.props["policies"]),
            set(self.policies if "policies" in changed else live.props["policies"]),
        )
        if missing := sorted(want - have):
            arn = _arn(missing[0], str(live.outputs["arn"]))
            cloud.eks.associate_access_policy(
                clusterName=cluster, principalArn=principal, policyArn=arn, accessScope={"type": "cluster"}
            )
        elif foreign := sorted(have - want):
            arn = _arn(foreign[0], str(live.outputs["arn"]))
            cloud.eks.disassociate_access_policy(clusterName=cluster, principalArn=principal, policyArn=arn)

    def delete(self, cloud: Cloud, live: Live) -> None:
        """Delete the entry, or hand it back when it is that of whoever made the cluster."""
        cluster, principal = self._where(cloud)
        if self.principal and principal == self.its_host.outputs.get("creator"):
            cloud.eks.tag_resource(resourceArn=live.outputs["arn"], tags={ADDRESS: AccessEntry(MAKER).address})
        else:
            cloud.eks.delete_access_entry(clusterName=cluster, principalArn=principal)

    @classmethod
    def described(cls, cloud: Cloud, host: Live, id: str) -> Any:
        return cloud.eks.describe_access_entry(clusterName=host.id, principalArn=id)["accessEntry"]

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        return _live(cloud, host.id, item, item["tags"].get(ADDRESS, ""))

    @classmethod
    def ids(cls, cloud: Cloud, host: Live) -> Iterable[str]:
        """Not those that EKS makes for itself and for the roles of nodes."""
        theirs = f"/{cloud.ownership.prefix}-", "/AWSServiceRoleFor"
        listed = cloud.eks.pages("list_access_entries", "accessEntries", clusterName=host.id)
        return (one for one in listed if not any(part in one for part in theirs))


def _live(
    cloud: Cloud, cluster: str, entry: Mapping[str, Any], address: str, own_tags: Mapping[str, str] | None = None
) -> Live:
    """The id is the address: one entry may stand for two resources, and each has to know its own.

    For the same reason ``marks`` are those of the address, unless they are given.
    """
    principal = entry["principalArn"]
    found = cloud.eks.pages(
        "list_associated_access_policies", "associatedAccessPolicies", clusterName=cluster, principalArn=principal
    )
    name = entry.get("username", "")
    props = {
        **AccessEntry.props_of(entry),
        "policies": sorted(_named(item) for item in found),
        "username": "" if name in ("", principal, _own_name(principal)) else name,
    }
    if own_tags is None:
        own_tags = {**entry.get("tags", {}), ADDRESS: address}
    outputs = {**AccessEntry.outputs_of(entry), "principal": principal}
    return Live(address, Status.READY, props, outputs, tags=own_tags, made=outputs["arn"])


def _named(item: Mapping[str, Any]) -> str:
    """An associated policy as the plan shows it: by its name, and for which namespaces where it is not for all."""
    name, scope = item["policyArn"].rpartition("/")[2], item.get("accessScope", {})
    spaces = ", ".join(sorted(scope.get("namespaces", []))) if scope.get("type") == "namespace" else ""
    return f"{name} in {spaces}" if spaces else name


def _arn(policy: str, entry_arn: str) -> str:
    return f"arn:{entry_arn.split(':')[1]}:eks::aws:cluster-access-policy/{policy.partition(' ')[0]}"


def _own_name(principal: str) -> str:
    """The name that EKS gives where none is asked for (EKS user guide, "Create access entries")."""
    _, partition, _, _, account, who = principal.split(":", 5)
    if not who.startswith("role/"):
        return principal
    return f"arn:{partition}:sts::{account}:assumed-role/{who.rpartition('/')[2]}/{{{{SessionName}}}}"


def unknown_principal(cloud: Cloud, principal: str, field: str = "cluster.admins") -> tuple[str, str]:
    """(why EKS would not take an IAM user or role, what to do about ``field``), ("", "") for one that it takes.

    EKS takes only principals that there are, by their whole ARN with the path. Those of other accounts cannot be
    looked at. Source: EKS user guide, "Create access entries"; IAM API reference, GetRole and GetUser.
    """
    account, (kind, *_, name) = principal.split(":")[4], principal.split(":")[5].split("/")
    if account != cloud.identity.account:
        return "", ""
    try:
        if kind == "role":
            there = str(cloud.iam.get_role(RoleName=name)["Role"]["Arn"])
        else:
            there = str(cloud.iam.get_user(UserName=name)["User"]["Arn"])
    except Absent:
        return f"IAM has no {kind} {name}", f"name an existing one in {field}, or create {name} first"
    if there != principal:
        return f"{principal} is not the whole ARN of the {kind} {name}", f"write {there} in {field}"
    return "", ""


def short(principal: str) -> str:
    """The last part of a principal's ARN, in the letters of an address: ``platform``."""
    return re.sub(r"[^\w-]+", "-", principal.rpartition("/")[2]).strip("-").lower()
