"""What things cost that are left behind: list prices per month, to show what matters. Not a bill.

On demand, us-east-1, November 2026, in US dollars for 730 hours, without traffic. Sources: the pricing pages of Amazon
EKS, VPC (NAT gateways, public IPv4 addresses), Elastic Load Balancing, EBS, KMS and Secrets Manager.
"""

from __future__ import annotations

AS_OF = "list price in us-east-1, November 2026"

_A_MONTH = {
    "eks.cluster": 73.00,
    "NAT gateway": 32.85,
    "ec2.nat_gateway": 32.85,
    "ec2.elastic_ip": 3.65,
    "load balancer": 16.43,
    "kms.key": 1.00,
    "secretsmanager.secret": 0.40,
}
_A_MONTH_PER_GIB = {"volume": 0.08}
#: what is paid for by size, use or type, which nothing here knows
_BY_USE = {"instance", "eks.node_group", "elasticache.replication_group", "logs.log_group", "ec2.flow_log"}


def monthly(what: str, gib: int = 0) -> float | None:
    """Dollars a month for one of this kind; None where that depends on its type or use, 0 for what is free."""
    if what in _BY_USE:
        return None
    return _A_MONTH.get(what, _A_MONTH_PER_GIB.get(what, 0.0) * gib)
