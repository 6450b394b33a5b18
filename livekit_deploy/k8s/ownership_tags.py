"""Our ownership tags on objects in the cluster, and the check that refuses objects of others."""

from __future__ import annotations

from collections.abc import Mapping

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS, LINEAGE
from livekit_deploy.errors import NotOurs

LINEAGE_LABEL, ADDRESS_ANNOTATION = "livekit-deploy/lineage", "livekit-deploy/address"


def written(lineage: str | None, address: str | None) -> dict[str, str]:
    """The tags of an object, under the names that they have in AWS."""
    return {key: value for key, value in {LINEAGE: lineage, ADDRESS: address}.items() if value}


def own(own_tags: Mapping[str, str]) -> dict[str, str]:
    """Those of our tags that an object in the cluster carries: whose it is, and which one."""
    return {key: own_tags[key] for key in (LINEAGE, ADDRESS)}


def claim(cloud: Cloud, address: str, own_tags: Mapping[str, str], what: str) -> None:
    """Raise `NotOurs` unless an object of our name carries the tag of our lineage, or the user adopts ``address``."""
    owner = own_tags.get(LINEAGE)
    if address in cloud.ownership.adopt or (owner is not None and owner == cloud.ownership.lineage):
        return
    whose = f"it belongs to the lineage {owner}" if owner else "it carries none of our tags: somebody else made it"
    raise NotOurs(
        f"{address}: {what} exists already, and {whose}",
        hint=f"delete it, or take it over with --adopt {address}",
    )
