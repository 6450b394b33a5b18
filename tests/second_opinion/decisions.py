"""Where MiniStack and the sandbox disagree: what was decided, and by what."""

from __future__ import annotations

from dataclasses import dataclass

#: kinds of which MiniStack can make nothing, with the reason
NO_LIFE = {
    "elbv2.load_balancer": "a load balancer controller makes it, and there is no cluster in which one could run",
}


@dataclass(frozen=True)
class Lacking:
    """A change that MiniStack cannot make; ``shows`` is how a run of it ends, a pattern."""

    why: str
    shows: str


_NO_ROUTE = "No route for POST"
_UNSEEN = "AWS accepted the change but does not show it"
NO_CHANGE = {
    **{
        f"eks.cluster.{name}": Lacking("it has no UpdateClusterConfig", _NO_ROUTE)
        for name in ("subnet_ids", "public_cidrs", "private_access", "logs", "deletion_protection")
    },
    "eks.cluster.version": Lacking("it has no UpdateClusterVersion", _NO_ROUTE),
    **{
        f"eks.node_group.{name}": Lacking("it has no UpdateNodegroupConfig", _NO_ROUTE)
        for name in ("min", "max", "desired_size", "surge")
    },
    "eks.node_group.version": Lacking("it has no UpdateNodegroupVersion", _NO_ROUTE),
    "eks.addon.version": Lacking("it has no DescribeAddonVersions", "No route for GET"),
    "elasticache.replication_group.version": Lacking("its nodes keep their engine version", _UNSEEN),
    "elasticache.replication_group.replicas": Lacking("its list of members does not grow", _UNSEEN),
    "elasticache.replication_group.security_group_ids": Lacking("its nodes keep their groups", _UNSEEN),
}
