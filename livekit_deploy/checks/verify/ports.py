"""Checks which ports of the nodes are open to the world: the media ports, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from livekit_deploy.aws.kinds.ec2.foreign_groups import interfaces
from livekit_deploy.aws.kinds.ec2.security_groups import CONTROLLER_RULE
from livekit_deploy.checks.finding import Trouble, Warned
from livekit_deploy.checks.verify.cluster import MEDIA
from livekit_deploy.checks.verify.context import VerifyContext

_WORLD, _WORLD_6 = "0.0.0.0/0", "::/0"
#: bits of a network: no range of private addresses of IPv4 is wider, and that of IPv6 is `_OURS_6`
_WIDE, _WIDE_6, _OURS_6 = 8, 16, IPv6Network("fc00::/7")
#: protocol, first and last port
Ports = tuple[str, int, int]


def media_ports(look: VerifyContext) -> str:
    """The groups that the media nodes really carry let media in from anywhere, and no node's let in anything else."""
    instances = list(_instances(look))
    for media, instance in instances:
        if media:
            _open(look, instance)
    for media, instance in instances:
        _closed(look, instance, list(_wanted(look)) if media else [])
    return ", ".join(sorted({protocol for protocol, *_ in _wanted(look)})) + " open to the world"


def _open(look: VerifyContext, instance: Mapping[str, Any]) -> None:
    """Media comes to a node's own address, which is that of its first interface."""
    _, groups = next(interfaces(instance), ("", []))
    opened = [ports for _, ports, sources in _to_the_world(look, groups) if _WORLD in sources]
    for wanted in _wanted(look):
        if not any(_admits(ports, wanted) for ports in opened):
            raise Trouble(
                f"{instance['InstanceId']} is not open for {_said(wanted)}: it carries {', '.join(groups)}",
                cause="a rule was deleted, or the node carries other groups: signalling works, media does not",
                remedy="make the rule again: livekit-deploy up; where the groups are others, terminate the instance: "
                "its node group makes another one with the right ones",
            )


def _closed(look: VerifyContext, instance: Mapping[str, Any], wanted: Sequence[Ports]) -> None:
    for interface, groups in interfaces(instance):
        for group, ports, sources in _to_the_world(look, groups):
            if not any(_admits(one, ports) for one in wanted):
                whom = "the world" if sources & {_WORLD, _WORLD_6} else ", ".join(sorted(sources))
                raise Warned(
                    f"{interface} of {instance['InstanceId']} is open to {whom} for {_said(ports)}, by {group}",
                    cause="somebody added a rule to that group, or put the group on the node; the content of "
                    "prefix lists is not checked",
                    remedy="see whose it is: livekit-deploy plan. Take the rule out of the group in EC2, or the group "
                    "off the interface",
                )


def _instances(look: VerifyContext) -> Iterator[tuple[bool, Mapping[str, Any]]]:
    """The instance of each node, and whether it is a media node."""
    labelled = {
        node["spec"]["providerID"].rpartition("/")[2]: node["metadata"].get("labels", {}).get(MEDIA[0]) == MEDIA[1]
        for node in look.nodes
    }
    if not labelled:  # asked for none, AWS tells of all
        return
    said = look.cloud.ec2.pages("describe_instances", "Reservations", InstanceIds=sorted(labelled))
    for instance in (one for reservation in said for one in reservation["Instances"]):
        yield labelled[instance["InstanceId"]], instance


def _to_the_world(look: VerifyContext, groups: Sequence[str]) -> Iterator[tuple[str, Ports, set[str]]]:
    """What groups let in from a good part of the world, or from a list of networks that may hold it; not what the
    controller lets in for a load balancer that has no group."""
    if not groups:
        return
    for group in look.cloud.ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]:
        for rule in group["IpPermissions"]:
            sources = [*rule.get("IpRanges", []), *rule.get("Ipv6Ranges", [])]
            counted = [one for one in sources if not one.get("Description", "").startswith(CONTROLLER_RULE)]
            lists = {f"the prefix list {one['PrefixListId']}" for one in rule.get("PrefixListIds", [])}
            if world := _wide([one.get("CidrIp") or one["CidrIpv6"] for one in counted]) | lists:
                yield group["GroupId"], (rule["IpProtocol"], rule.get("FromPort", -1), rule.get("ToPort", -1)), world


def _wide(sources: Iterable[str]) -> set[str]:
    """Of what is let in what is wide by itself or together with its neighbours: two halves are the world."""
    networks = [ip_network(one, strict=False) for one in sources]
    old = collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
    new = collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
    wide = {str(one) for one in new if one.prefixlen < _WIDE_6 and not one.subnet_of(_OURS_6)}
    return wide | {str(one) for one in old if one.prefixlen < _WIDE}


def _wanted(look: VerifyContext) -> Iterator[Ports]:
    livekit = look.env.livekit
    yield "udp", *livekit.rtc.udp_ports
    yield "tcp", livekit.rtc.tcp_port, livekit.rtc.tcp_port
    if livekit.turn is not None:
        yield "udp", livekit.turn.udp_port, livekit.turn.udp_port


def _admits(rule: Ports, wanted: Ports) -> bool:
    return rule[0] == "-1" or (rule[0] == wanted[0] and rule[1] <= wanted[1] and rule[2] >= wanted[2])


def _said(ports: Ports) -> str:
    protocol, first, last = ports
    if protocol == "-1":
        return "everything"
    if first == -1:
        return protocol
    return f"{protocol} {first}" if first == last else f"{protocol} {first}-{last}"
