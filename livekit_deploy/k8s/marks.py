"""Our marks in the cluster: whose an object is, and whether it still says so."""

from __future__ import annotations

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.errors import NotOurs

LINEAGE_LABEL, ADDRESS_ANNOTATION = "livekit-deploy/lineage", "livekit-deploy/address"


def claim(cloud: Cloud, address: str, owner: str | None, what: str, *, recorded: bool) -> bool:
    """Whether it carries the mark of our lineage; without it, it is ours only if recorded so, or to be adopted.

    Raises `NotOurs` for what is somebody else's.
    """
    if owner is not None and owner == cloud.marks.lineage:
        return True
    if address in cloud.marks.adopt or (recorded and owner is None):
        return False
    whose = f"it belongs to the lineage {owner}" if owner else "it carries none of our marks: somebody else made it"
    raise NotOurs(
        f"{address}: {what} exists already, and {whose}",
        hint=f"delete it, or take it over with --adopt {address}",
    )
