"""AWS's partitions: which one a region belongs to, and where its STS is, from botocore's data."""

from __future__ import annotations

import functools

import botocore.session
from botocore.exceptions import UnknownRegionError
from botocore.regions import EndpointResolver

from livekit_deploy.errors import UsageError

#: the partition whose price list is in dollars, and for whose callers there is an endpoint of it
PRICED = "aws"


@functools.cache
def partition_of(region: str) -> str:
    """``aws``, ``aws-cn``, ``aws-us-gov``, ``aws-eusc``, …; raises `UsageError` for a region that is in none.

    Source: botocore's ``partitions.json``, which knows the names of regions that are still to come by their form.
    """
    try:
        return str(botocore.session.get_session().get_partition_for_region(region))
    except UnknownRegionError as error:
        raise UsageError(
            f"AWS has no region {region}", hint="write it as AWS does, such as eu-central-1, or install a newer boto3"
        ) from error


@functools.cache
def sts_host(region: str) -> str:
    """``sts.eu-central-1.amazonaws.com``: the regional STS as AWS's list of endpoints has it.

    It is what EKS compares a token's host with, and STS takes a signature for it from its own region only: neither a
    global, FIPS or dual-stack endpoint of the caller's configuration nor one of the caller's own may stand in a token.
    Source: aws-iam-authenticator, ``pkg/token``. Raises `UsageError` for a region that is in no partition.
    """
    partition_of(region)
    resolver = EndpointResolver(botocore.session.get_session().get_data("endpoints"))
    return str(resolver.construct_endpoint("sts", region)["hostname"])
