"""The log groups of an environment, and the flow logs of its VPC."""

from __future__ import annotations

from livekit_deploy.aws.kinds.iam.roles import Policy, Role
from livekit_deploy.aws.kinds.logs import FlowLog, LogGroup
from livekit_deploy.base import shipped_files
from livekit_deploy.config import Cluster, Iam, Network
from livekit_deploy.engine.resource import Resource
from livekit_deploy.provisioners.network import NetworkProvisioner


class LogsProvisioner:
    """``group`` for the control plane, when the file asks for any of its logs; else None."""

    def __init__(self, cluster: Cluster) -> None:
        self.group: LogGroup | None = None
        if cluster.logs:
            self.group = LogGroup("cluster", retention=cluster.log_retention_days)

    @property
    def resources(self) -> list[Resource]:
        return [self.group] if self.group is not None else []


class FlowLogsProvisioner:
    """The VPC's flow log with its group and role, when the file asks for it. ``retention`` is in days."""

    def __init__(self, config: Network, *, network: NetworkProvisioner, iam: Iam, retention: int) -> None:
        self.resources: list[Resource] = []
        if not config.flow_logs:
            return
        group = LogGroup("flow", retention=retention)
        policy = Policy("flow-logs", document=shipped_files.document("iam/flow-logs.json"), path=iam.path)
        role = Role(
            "flow-logs",
            trust=shipped_files.document("iam/flow-logs-trust.json"),
            managed=[policy.arn],
            boundary=iam.permissions_boundary,
            path=iam.path,
        )
        log = FlowLog("vpc", vpc_id=network.vpc.id, group_name=group.group_name, role_arn=role.arn)
        self.resources = [group, policy, role, log]
