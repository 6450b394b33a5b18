"""Log groups, and the VPC's flow logs.

The control plane's group has a name that EKS gives, and is made before the cluster so that it has a retention. EKS
makes it again, without tags, when it still has something to log after the group was deleted: as long as our record
shows that we had it and deleted it, such a group is ours. Any other without our tags is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.resource import SPREADING, Ec2Resource, Item
from livekit_deploy.aws.kinds.eks.cluster import cluster_name
from livekit_deploy.aws.kinds.states import FLOW_LOG_DELIVERY
from livekit_deploy.engine.inputs import Change, Input, Output
from livekit_deploy.engine.resource import Found, Live, Resource, Status
from livekit_deploy.errors import Absent
from livekit_deploy.state.document import Phase, Record

#: the group that EKS makes itself where it is not there
_OF_EKS = "cluster"
_FIXED = "A flow log keeps it for life: set network.flow_logs to false, apply, and set it again."


class LogGroup(Resource):
    """A log group. ``retention`` is in days. Source: CloudWatch Logs API reference, CreateLogGroup."""

    kind = "logs.log_group"
    lasting = frozenset({"group_name", "arn"})

    retention: Input[int] = Input(api="retentionInDays", absent=None)

    group_name = Output[str]("logGroupName")
    arn = Output[str]()

    @classmethod
    def names(cls, cloud: Cloud) -> dict[str, str]:
        """instance → the group's name, of every group that an environment may have."""
        return {_OF_EKS: f"/aws/eks/{cluster_name(cloud)}/cluster", "flow": f"/{cloud.ownership.prefix}/flow-logs"}

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        """Raises `NotOurs` for a group that somebody else made."""
        live = _find(cloud, id or self.names(cloud)[self.instance])
        if live is not None and id is None:
            cloud.ownership.claim(live.tags or {}, self.address, f"the log group {live.id}")
        return live

    @property
    def may_be_recreated(self) -> bool:
        return self.instance == _OF_EKS

    def recreated_by_others(self, cloud: Cloud, live: Live, record: Record | None) -> bool:
        """EKS made it again after we deleted it: of that name, without any tag."""
        deleted = record is not None and record.phase is Phase.DELETING and self.may_be_recreated
        named = live.id == self.names(cloud)[_OF_EKS]
        return deleted and named and not any(key in (live.tags or {}) for key in cloud.ownership.own(""))

    def create(self, cloud: Cloud, token: str) -> str:
        name = self.names(cloud)[self.instance]
        cloud.logs.create_log_group(logGroupName=name, tags=cloud.ownership.tags(self.address))
        return name

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        cloud.logs.put_retention_policy(logGroupName=live.id, **self.arguments())

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.logs.tag_resource(resourceArn=live.outputs["arn"], tags=dict(tags))

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.logs.delete_log_group(logGroupName=live.id)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterator[Found]:
        if cloud.ownership.lineage is None:
            return
        for instance, name in cls.names(cloud).items():
            live = _find(cloud, name)
            if live is not None and cloud.ownership.ours(live.tags or {}):
                yield Found(f"{cls.kind}/{instance}", live)


def _find(cloud: Cloud, name: str) -> Live | None:
    groups = cloud.logs.pages("describe_log_groups", "logGroups", logGroupIdentifiers=[name])
    group = next((group for group in groups if group["logGroupName"] == name), None)
    try:
        return _live(cloud, group) if group else None
    except Absent:  # deleted since
        return None


def _live(cloud: Cloud, group: Mapping[str, Any]) -> Live:
    arn = group["arn"].removesuffix(":*")
    tags = cloud.logs.list_tags_for_resource(resourceArn=arn)["tags"]
    outputs, name = {**LogGroup.outputs_of(group), "arn": arn}, group["logGroupName"]
    made = "" if name.startswith("/aws/") else str(group.get("creationTime", ""))  # EKS makes its own again
    return Live(name, Status.READY, LogGroup.props_of(group), outputs, tags=tags, made=made)


class FlowLog(Ec2Resource):
    """Records who talks to whom in the VPC. Source: EC2 API reference, CreateFlowLogs."""

    kind = "ec2.flow_log"
    operation, items = "describe_flow_logs", "FlowLogs"
    id_key, tagged_as, filters = "FlowLogId", "vpc-flow-log", "Filter"
    # a role that was made a moment ago
    propagation = {**SPREADING, "InvalidParameter": ("role", "assume"), "AccessDenied": ("role",)}

    # that of a VPC which is no more may stay for a while beside the new one's
    vpc_id: Input[str] = Input(api="ResourceIds[0]", shown="ResourceId", change=Change.IMMUTABLE)
    # one that writes to S3 has neither
    group_name: Input[str] = Input(api="LogGroupName", absent=None, change=Change.FIXED, way_out=_FIXED)
    role_arn: Input[str] = Input(api="DeliverLogsPermissionArn", absent=None, change=Change.FIXED, way_out=_FIXED)

    @classmethod
    def live(cls, cloud: Cloud, item: Item) -> Live:
        props = cls.props_of(item)
        seen = FLOW_LOG_DELIVERY.of(item.get("DeliverLogsStatus", "SUCCESS"))
        why = str(item.get("DeliverLogsErrorMessage", ""))
        return seen.live(item["FlowLogId"], props, warning=f"its logs do not arrive: {why}" if why else "")

    def create(self, cloud: Cloud, token: str) -> str:
        said = cloud.ec2.create_flow_logs(
            ResourceType="VPC",
            TrafficType="ALL",
            LogDestinationType="cloud-watch-logs",
            ClientToken=token,
            **self.request(cloud),
        )
        return str(said["FlowLogIds"][0])

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.ec2.delete_flow_logs(FlowLogIds=[live.id])
