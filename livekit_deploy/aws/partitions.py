"""AWS's partitions: which one a region is in, by botocore's own data."""

from __future__ import annotations

import functools

import botocore.session
from botocore.exceptions import UnknownRegionError

from livekit_deploy.errors import UsageError


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
