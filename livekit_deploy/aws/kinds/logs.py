"""Log groups, and the VPC's flow logs.

The control plane's group has a name that EKS gives, and is made before the cluster so that it has a retention. EKS
makes it again, without tags, when it still has something to log after the group was deleted: as long as our record
shows that we had it and deleted it, such a group is ours. Any other without our tags is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.resource import SPREADING, Ec2Resource
from livekit_deploy.aws.kinds.eks.cluster import cluster_name
from livekit_deploy.aws.kinds.named import Item, NamedResource
from livekit_deploy.aws.kinds.states import FLOW_LOG_DELIVERY
from livekit_deploy.engine.inputs import Change, Input, Output
from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import Absent
from livekit_deploy.state.document import Phase, Record

#: the group that EKS makes itself where it is not there
_OF_EKS = "cluster"
_FIXED = "A flow log keeps it for life: set network.flow_logs to false, apply, and set it again."


class LogGroup(NamedResource):
    """A log group. ``retention`` is in days. Source: CloudWatch Logs API reference, CreateLogGroup."""

    kind = "logs.log_group"
    what = "the log group"
    lasting = frozenset({"group_name", "arn"})

    retention: Input[int] = Input(api="retentionInDays", absent=None)

    group_name = Output[str]("logGroupName")
    arn = Output[str]()

    @classmethod
    def names(cls, cloud: Cloud) -> dict[str, str]:
        """instance → the group's name, of every group that an environment may have."""
        return {_OF_EKS: f"/aws/eks/{cluster_name(cloud)}/cluster", "flow": f"/{cloud.ownership.prefix}/flow-logs"}

    def own_name(self, cloud: Cloud) -> str:
        return self.names(cloud)[self.instance]

    @classmethod
    def described(cls, cloud: Cloud, host: Live, id: str) -> Any:
        for group in cloud.logs.pages("describe_log_groups", "logGroups", logGroupIdentifiers=[id]):
            if group["logGroupName"] == id:
                return group
        raise Absent(f"there is no log group {id}")

    @classmethod
    def tags_of(cls, cloud: Cloud, item: Item) -> Mapping[str, str]:
        tags: Mapping[str, str] = cloud.logs.list_tags_for_resource(resourceArn=cls._arn(item))["tags"]
        return tags

    @classmethod
    def live(cls, cloud: Cloud, host: Live, item: Item) -> Live:
        name, outputs = item["logGroupName"], {**cls.outputs_of(item), "arn": cls._arn(item)}
        made = "" if name.startswith("/aws/") else str(item.get("creationTime", ""))  # EKS makes its own again
        return Live(name, Status.READY, cls.props_of(item), outputs, made=made)

    @staticmethod
    def _arn(item: Item) -> str:
        return str(item["arn"].removesuffix(":*"))

    @classmethod
    def ids(cls, cloud: Cloud, host: Live) -> Iterable[str]:
        return cls.names(cloud).values()

    @property
    def may_be_recreated(self) -> bool:
        return self.instance == _OF_EKS

    def recreated_by_others(self, cloud: Cloud, live: Live, record: Record | None) -> bool:
        """EKS made it again after we deleted it: of that name, without any tag."""
        deleted = record is not None and record.phase is Phase.DELETING and self.may_be_recreated
        named = live.id == self.names(cloud)[_OF_EKS]
        return deleted and named and not any(key in (live.tags or {}) for key in cloud.ownership.own(""))

    def create(self, cloud: Cloud, token: str) -> str:
        name = self.own_name(cloud)
        cloud.logs.create_log_group(logGroupName=name, tags=cloud.ownership.tags(self.address))
        return name

    def update(self, cloud: Cloud, live: Live, changed: frozenset[str]) -> None:
        cloud.logs.put_retention_policy(logGroupName=live.id, **self.arguments())

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.logs.tag_resource(resourceArn=live.outputs["arn"], tags=dict(tags))

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.logs.delete_log_group(logGroupName=live.id)


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
