"""CloudWatch Logs: a deleted control plane writes late and makes its log group again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse

from livekit_deploy.sandbox.aws.every_service.patching import around, kept

#: looks at the log groups between the deletion of one and its return
_LOOKS = 1
_MONTHS, _YEARS = (30, 60, 90, 120, 150, 180), (365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
#: for how many days a group may be kept (CloudWatch Logs API reference, PutRetentionPolicy)
_DAYS = (1, 3, 5, 7, 14, *_MONTHS, *_YEARS)


def expect_late(backend: LogsBackend, name: str) -> None:
    """Something still arrives in this group: it comes back once, a while after it was deleted."""
    _late(backend)[name] = _LOOKS


def _late(backend: LogsBackend) -> dict[str, int]:
    found: dict[str, int] = kept(backend, "late", dict)
    return found


def install() -> None:
    """Let what is late arrive (moto forgets a group for good, but not its tags)."""

    @around(LogsBackend, "describe_log_groups")
    def describe_log_groups(original: Callable[..., Any], backend: LogsBackend, *args: Any, **more: Any) -> Any:
        for name in [name for name in _late(backend) if name not in backend.groups]:
            _late(backend)[name] -= 1
            if _late(backend)[name] < 0:
                del _late(backend)[name]
                backend.create_log_group(name, {})
        return original(*args, **more)

    @around(LogsBackend, "delete_log_group")
    def delete_log_group(original: Callable[..., Any], backend: LogsBackend, log_group_name: str) -> None:
        """Its tags go with it: moto gives them to the next group of the name."""
        arn = backend.groups[log_group_name].arn if log_group_name in backend.groups else ""
        original(log_group_name)
        backend.tagger.delete_all_tags_for_resource(arn)

    @around(LogsResponse, "describe_log_groups")
    def named(original: Callable[..., Any], response: LogsResponse) -> str:
        """Only those that are asked for by name, which moto does not do."""
        said, names = json.loads(original()), response._get_param("logGroupIdentifiers")
        if names:
            said["logGroups"] = [one for one in said["logGroups"] if one["logGroupName"] in names]
        return json.dumps(said)

    @around(LogsBackend, "put_retention_policy")
    def put_retention_policy(
        original: Callable[..., Any], backend: LogsBackend, log_group_name: str, retention_in_days: Any
    ) -> None:
        if int(retention_in_days) not in _DAYS:
            raise InvalidParameterException(f"Invalid retention value: {retention_in_days}")
        original(log_group_name, retention_in_days)
