"""Checks availability zones, by name or by id, as far as the file alone allows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livekit_deploy.config.models import Network

#: the ids of zones where EKS places no control plane; which letter such a zone has, each account has its own answer
#: (EKS user guide, "Subnet requirements for clusters"; cnn1-az4: eksctl, which found it refused)
REFUSED = frozenset({"use1-az3", "usw1-az2", "cac1-az3", "cnn1-az4"})
_ID = re.compile(r"[a-z]+\d+-az\d+")
_LETTERS = "abcdef"


def is_id(zone: str) -> bool:
    """Whether it is written as an id, ``use1-az1``, which is the same place in every account."""
    return _ID.fullmatch(zone) is not None


def zones(network: Network, region: str) -> list[str]:
    """The zones that the file names, or the first letters where it gives a number: a guess, until AWS is asked."""
    given = network.availability_zones
    return [region + letter for letter in _LETTERS[:given]] if isinstance(given, int) else list(given)
