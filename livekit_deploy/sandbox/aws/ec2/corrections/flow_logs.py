"""Flow logs: an unknown id is refused, where moto shows an empty list. Source: EC2 API reference, DescribeFlowLogs."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import InvalidFlowLogIdError
from moto.ec2.models import EC2Backend

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install


@corrected(EC2Backend)
def describe_flow_logs(
    original: Original, backend: EC2Backend, flow_log_ids: list[str] | None = None, filters: Any = None
) -> Any:
    found = original(flow_log_ids, filters)
    if flow_log_ids and not found:
        raise InvalidFlowLogIdError(len(flow_log_ids), " ".join(flow_log_ids))
    return found
