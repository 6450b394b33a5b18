"""CloudWatch Logs: a deleted group takes its tags along, groups are found by name, and are kept for certain times only.

moto gives the tags to the next group of the name, and takes any number of days.
Source: CloudWatch Logs API reference, DeleteLogGroup, DescribeLogGroups and PutRetentionPolicy.
"""

from __future__ import annotations

import json
from typing import Any

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install

_MONTHS, _YEARS = (30, 60, 90, 120, 150, 180), (365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
#: for how many days a group may be kept (CloudWatch Logs API reference, PutRetentionPolicy)
_DAYS = (1, 3, 5, 7, 14, *_MONTHS, *_YEARS)


@corrected(LogsBackend)
def delete_log_group(original: Original, backend: LogsBackend, log_group_name: str) -> None:
    """Its tags go with it: moto gives them to the next group of the name."""
    arn = backend.groups[log_group_name].arn if log_group_name in backend.groups else ""
    original(log_group_name)
    backend.tagger.delete_all_tags_for_resource(arn)


@corrected(LogsResponse, "describe_log_groups")
def named(original: Original, response: LogsResponse) -> str:
    """Only those that are asked for by name, which moto does not do."""
    said, names = json.loads(original()), response._get_param("logGroupIdentifiers")
    if names:
        said["logGroups"] = [one for one in said["logGroups"] if one["logGroupName"] in names]
    return json.dumps(said)


@corrected(LogsBackend)
def put_retention_policy(original: Original, backend: LogsBackend, log_group_name: str, retention_in_days: Any) -> None:
    if int(retention_in_days) not in _DAYS:
        raise InvalidParameterException(f"Invalid retention value: {retention_in_days}")
    original(log_group_name, retention_in_days)
