"""Security groups and their rules. A rule is a resource of its own, tagged in the call that authorizes it.

A group compares its *foreign* rules, of which there should be none: those that somebody else added. Not foreign are
EC2's default egress rule, and the rules that the load balancer controller describes as its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS
from livekit_deploy.aws.kinds.ec2 import holders
from livekit_deploy.aws.kinds.ec2.resource import Ec2Resource, tags_of
from livekit_deploy.aws.kinds.named import Item
from livekit_deploy.engine.inputs import Change, Input, Inputs, Output
from livekit_deploy.engine.resource import Found, Live, Status

CONTROLLER_RULE = "elbv2.k8s.aws/"
_FIXED = "EC2 keeps this for the group's life: use another environment name, or take the environment down first."


class SecurityGroup(Ec2Resource):
    """A group without rules; `SecurityGroupRule` adds them. Source: EC2 API reference, CreateSecurityGroup."""

    kind = "ec2.security_group"
    operation, items, id_key, tagged_as = "describe_security_groups", "SecurityGroups", "GroupId", "security-group"

    vpc_id: Input[str] = Input(api="VpcId", change=Change.FIXED, way_out=_FIXED)
    description: Input[str] = Input(api="Description", change=Change.FIXED, way_out=_FIXED)
    foreign_rules: Inputs[str] = Inputs(default=(), foreign=True)

    id = Output[str]("GroupId")

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        rules = SecurityGroupRule.of_groups(cloud, [item["GroupId"]])
        return cls._live(cloud, item, rules)

    @classmethod
    def _live(cls, cloud: Cloud, item: Item, rules: Sequence[Item]) -> Live:
        foreign = (one for one in rules if _foreign(cloud, one))
        there = (one for rule in foreign if (one := SecurityGroupRule.described(cloud, rule["SecurityGroupRuleId"])))
        props = {**cls.props_of(item), "foreign_rules": sorted(_told(rule) for rule in there if _foreign(cloud, rule))}
        return Live(item["GroupId"], Status.READY, props, cls.outputs_of(item))

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        """By id, by tags, and last by its name: EC2 takes a name once per VPC, so a crash cannot make a second one."""
        found = super().read(cloud, id)
        if found is None and "vpc_id" in self.__dict__ and isinstance(self.__dict__["vpc_id"], str):
            named = self.listed(cloud, **{"group-name": [cloud.name(self.instance)], "vpc-id": [self.vpc_id]})
            for item in (one for group in named if (one := self.described(cloud, group["GroupId"]))):
                cloud.ownership.claim(tags_of(item), self.address, f"the security group {item['GroupName']}")
                found = self.alive(cloud, item)
        return found

    def create(self, cloud: Cloud, token: str) -> str:
        said = cloud.ec2.create_security_group(GroupName=cloud.name(self.instance), **self.request(cloud))
        return str(said["GroupId"])

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        """Revoke one foreign rule."""
        foreign = [rule for rule in SecurityGroupRule.of_groups(cloud, [live.id]) if _foreign(cloud, rule)]
        shown = sorted((rule for rule in foreign if _told(rule) in live.props["foreign_rules"]), key=_told)
        if not shown:
            return
        rule = shown[0]
        ids = {"GroupId": live.id, "SecurityGroupRuleIds": [rule["SecurityGroupRuleId"]]}
        if rule["IsEgress"]:
            cloud.ec2.revoke_security_group_egress(**ids)
        else:
            cloud.ec2.revoke_security_group_ingress(**ids)

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_security_group(GroupId=live.id)

    def blockers(self, cloud: Cloud, live: Live) -> list[str]:
        """Interfaces that carry it, and rules that refer to it."""
        return [str(thing) for thing in holders.holding_group(cloud, live.id)]

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        if cloud.ownership.lineage is None:
            return
        groups = cls.listed(cloud, tag_lineage=[cloud.ownership.lineage])
        rules = SecurityGroupRule.of_groups(cloud, [item["GroupId"] for item in groups]) if groups else []
        for item in groups:
            own = [rule for rule in rules if rule["GroupId"] == item["GroupId"]]
            tags = tags_of(item)
            yield Found(tags.get(ADDRESS, ""), replace(cls._live(cloud, item, own), tags=tags))


class SecurityGroupRule(Ec2Resource):
    """One ingress rule: ``protocol`` and ports from a range (``cidr``) or from another group (``source``).

    Source: EC2 API reference, AuthorizeSecurityGroupIngress and ModifySecurityGroupRules.
    """

    kind = "ec2.security_group_rule"
    operation, items = "describe_security_group_rules", "SecurityGroupRules"
    id_key, tagged_as = "SecurityGroupRuleId", "security-group-rule"

    # a call that changes a rule has all of it in other places, and a description is beside what it describes
    group_id: Input[str] = Input(api="GroupId", change=Change.IMMUTABLE)
    protocol: Input[str] = Input(api="IpPermissions[0].IpProtocol", shown="IpProtocol", change=Change.IMMUTABLE)
    source: Input[str | None] = Input(shown="ReferencedGroupInfo.GroupId", change=Change.IMMUTABLE, default=None)
    first_port: Input[int] = Input(api="IpPermissions[0].FromPort", shown="FromPort", absent=None)
    last_port: Input[int] = Input(api="IpPermissions[0].ToPort", shown="ToPort", absent=None)
    cidr: Input[str | None] = Input(shown="CidrIpv4", default=None)
    description: Input[str] = Input(shown="Description", absent="", default="")

    @classmethod
    def of_groups(cls, cloud: Cloud, groups: Sequence[str]) -> list[Item]:
        """Every rule of these groups, whoever made it."""
        return cls.listed(cloud, **{"group-id": groups})

    def create(self, cloud: Cloud, token: str) -> str:
        request = self.request(cloud)
        (permission,) = request["IpPermissions"]
        if self.cidr is not None:
            permission["IpRanges"] = [{"CidrIp": self.cidr, "Description": self.description}]
        if self.source is not None:
            permission["UserIdGroupPairs"] = [{"GroupId": self.source, "Description": self.description}]
        said = cloud.ec2.authorize_security_group_ingress(**request)
        return str(said["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def shows_it_is_foreign(self, cloud: Cloud, live: Live, path: str) -> bool:
        """Not where its group is ours: then it is a part of that, as every rule in it is."""
        group = SecurityGroup.described(cloud, live.props["group_id"])
        return group is None or not cloud.ownership.ours(tags_of(group))

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        rule = {"IpProtocol": self.protocol, "FromPort": self.first_port, "ToPort": self.last_port}
        other = {"CidrIpv4": self.cidr} if self.source is None else {"ReferencedGroupId": self.source}
        other["Description"] = self.description
        cloud.ec2.modify_security_group_rules(
            GroupId=self.group_id,
            SecurityGroupRules=[{"SecurityGroupRuleId": live.id, "SecurityGroupRule": rule | other}],
        )

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.revoke_security_group_ingress(GroupId=live.props["group_id"], SecurityGroupRuleIds=[live.id])


def _foreign(cloud: Cloud, rule: Item) -> bool:
    if rule.get("Description", "").startswith(CONTROLLER_RULE):
        return False
    if rule["IsEgress"] and rule["IpProtocol"] == "-1" and "CidrIpv4" in rule:
        return False
    return rule["SecurityGroupRuleId"] not in cloud.recorded and not cloud.ownership.ours(tags_of(rule))


def _told(rule: Mapping[str, Any]) -> str:
    """``tcp/22 from 0.0.0.0/0``, as the plan shows it."""
    first, last = rule.get("FromPort", -1), rule.get("ToPort", -1)
    ports = "all" if first == -1 else str(first) if first == last else f"{first}-{last}"
    other = rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId")
    other = other or rule.get("ReferencedGroupInfo", {}).get("GroupId", "")
    protocol = "all" if rule["IpProtocol"] == "-1" else rule["IpProtocol"]
    return f"{protocol}/{ports} {'to' if rule['IsEgress'] else 'from'} {other}"
