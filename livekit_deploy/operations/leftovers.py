"""Lists what is left after `down`: objects with our tags, in our network, or made by controllers for us.

Three looks, since no single one sees all: every kind's own scan; everything in the VPCs that we had, whoever made it;
and what is tagged for our cluster by those that ran in it, or by the nodes' launch templates. What only waits to vanish
by itself is told apart. Lists may be late, so that what they show is described before it is called a leftover.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.barriers import LoadBalancersGone, VolumesGone
from livekit_deploy.aws.kinds.ec2.holders import Thing, in_vpc, maker
from livekit_deploy.aws.kinds.ec2.resource import described
from livekit_deploy.aws.kinds.eks.cluster import cluster_name
from livekit_deploy.costs.prices import Prices
from livekit_deploy.engine.ownership_tags import Kept
from livekit_deploy.engine.snapshot import Snapshot
from livekit_deploy.operations.lost import found_by_tags
from livekit_deploy.operations.report import Leftover

_GONE = {"terminated", "shutting-down"}


def leftovers(
    cloud: Cloud,
    vpcs: Iterable[str] = (),
    stays: Iterable[Kept] = (),
    *,
    unseen: dict[str, str] | None = None,
) -> tuple[list[Leftover], list[tuple[str, str]]]:
    """(what is left, what is deleted and vanishes with when); ``vpcs`` are the ids of the networks that we had,
    ``stays`` is what `down` left on purpose: of these what may be ours is left.

    A kind that cannot be listed ends nothing where there is ``unseen`` to name it in.
    """
    view, prices = cloud.remembering(), Prices(cloud.region)
    found = {
        one.id: Leftover(kind, one.id, "an unknown maker", prices.left(kind, 0), f"{one.why}; {one.hint}")
        for one in stays
        if one.recorded and (kind := one.address.partition("/")[0])
    }
    there = [vpc for vpc in vpcs if described(view, "describe_vpcs", "Vpcs", "VpcId", vpc)]
    for thing in (
        *_marked(view, unseen),
        *_for_the_cluster(view),
        *(one for vpc in there for one in in_vpc(view, vpc)),
    ):
        left = Leftover(thing.what, thing.id, thing.maker, prices.left(thing.what, thing.size))
        found.setdefault(thing.id, left)
    for lineage, others in found_by_tags(view, cloud.ownership.lineage, unseen).items():
        maker_of = f"this environment under another state document, of the lineage {lineage}"
        for what, item in others:
            found.setdefault(item.live.id, Leftover(what, item.live.id, maker_of, prices.left(what, 0)))
    vanishing = [pair for kind in cloud.kinds.values() for pair in kind.vanishing(view)]
    return sorted(found.values(), key=lambda one: (-(one.usd_month or 0), one.what, one.id)), sorted(vanishing)


def _marked(cloud: Cloud, unseen: dict[str, str] | None) -> Iterator[Thing]:
    """What carries our tags: of every kind, and instances and volumes of our launch templates."""
    snapshot = Snapshot(cloud, unseen=unseen)
    snapshot.scan(cloud.kinds.values())
    for kind, item in snapshot.untracked({}):
        yield Thing(kind, item.live.id, "this environment")
    if cloud.ownership.lineage is None:
        return
    ours = [{"Name": f"tag:{key}", "Values": [value]} for key, value in cloud.ownership.whose.items()]
    for reservation in cloud.ec2.pages("describe_instances", "Reservations", Filters=ours):
        for item in reservation["Instances"]:
            if item["State"]["Name"] not in _GONE and _runs(cloud, item["InstanceId"]):
                yield Thing("instance", item["InstanceId"], maker(cloud, item))
    for item in cloud.ec2.pages("describe_volumes", "Volumes", Filters=ours):
        if described(cloud, "describe_volumes", "Volumes", "VolumeId", item["VolumeId"]):
            yield Thing("volume", item["VolumeId"], maker(cloud, item), item["Size"])


def _runs(cloud: Cloud, id: str) -> bool:
    found = described(cloud, "describe_instances", "Reservations", "InstanceId", id)
    return found is not None and found["Instances"][0]["State"]["Name"] not in _GONE


def _for_the_cluster(cloud: Cloud) -> Iterator[Thing]:
    """What the load balancer controller and the CSI driver made for our cluster."""
    by = f"a controller of the cluster {cluster_name(cloud)}"
    for left in (*LoadBalancersGone("proof").left(cloud), *(volume for volume, _ in VolumesGone.named(cloud))):
        yield Thing(left.what, left.id, by)
