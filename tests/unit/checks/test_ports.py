"""What `verify` takes for open to the world: also its halves, and lists of networks that nobody looks into."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from livekit_deploy.checks.finding import Trouble, Warned
from livekit_deploy.checks.verify import cluster
from livekit_deploy.checks.verify.ports import media_ports

MEDIA = [("udp", 50000, 60000), ("tcp", 7881, 7881)]


def _rule(protocol: str, first: int, last: int, *sources: str) -> dict[str, Any]:
    return {
        "IpProtocol": protocol,
        "FromPort": first,
        "ToPort": last,
        "IpRanges": [{"CidrIp": one} for one in sources if "." in one],
        "Ipv6Ranges": [{"CidrIpv6": one} for one in sources if ":" in one],
        "PrefixListIds": [{"PrefixListId": one} for one in sources if one.startswith("pl-")],
    }


def _look(*rules: dict[str, Any]) -> Any:
    """One media node, whose only group has these rules."""
    interface = {"NetworkInterfaceId": "eni-1", "Attachment": {"DeviceIndex": 0}, "Groups": [{"GroupId": "sg-1"}]}
    instance = {"InstanceId": "i-1", "NetworkInterfaces": [interface]}
    ec2 = SimpleNamespace(
        pages=lambda *_, **__: [{"Instances": [instance]}],
        describe_security_groups=lambda **_: {"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": list(rules)}]},
    )
    node = {
        "spec": {"providerID": "aws:///us-east-1a/i-1"},
        "metadata": {"labels": dict([cluster.MEDIA])},
    }
    rtc = SimpleNamespace(udp_ports=(50000, 60000), tcp_port=7881)
    livekit = SimpleNamespace(rtc=rtc, turn=None)
    return SimpleNamespace(nodes=[node], cloud=SimpleNamespace(ec2=ec2), env=SimpleNamespace(livekit=livekit))


@pytest.mark.parametrize(
    ("sources", "whom"),
    [
        (["0.0.0.0/0"], "the world"),
        (["::/0"], "the world"),
        (["0.0.0.0/1", "128.0.0.0/1"], "the world"),
        (["0.0.0.0/1"], "0.0.0.0/1"),
        (["2000::/3"], "2000::/3"),
        ([f"{first}.0.0.0/8" for first in range(64, 128)], "64.0.0.0/2"),
        (["pl-0a1"], "the prefix list pl-0a1"),
    ],
)
def test_who_is_let_in_to_what_is_no_media_is_told(sources: list[str], whom: str) -> None:
    opened = [_rule(*one, "0.0.0.0/0") for one in MEDIA]
    with pytest.raises(Warned) as caught:
        media_ports(_look(*opened, _rule("tcp", 22, 22, *sources)))
    assert f"is open to {whom} for tcp 22, by sg-1" in caught.value.seen


@pytest.mark.parametrize("source", ["10.0.0.0/8", "172.16.0.0/12", "100.64.0.0/10", "fc00::/7", "198.51.100.0/24"])
def test_who_is_near_is_nobody_of_the_world(source: str) -> None:
    opened = [_rule(*one, "0.0.0.0/0") for one in MEDIA]
    assert "open to the world" in media_ports(_look(*opened, _rule("tcp", 22, 22, source)))


def test_media_that_is_let_in_from_both_halves_is_let_in() -> None:
    halves = ("0.0.0.0/1", "128.0.0.0/1")
    assert "open to the world" in media_ports(_look(*(_rule(*one, *halves) for one in MEDIA)))
    with pytest.raises(Trouble, match="is not open for udp"):
        media_ports(_look(*(_rule(*one, halves[0]) for one in MEDIA)))
