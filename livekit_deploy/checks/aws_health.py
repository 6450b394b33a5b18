"""Checks what AWS itself reports as unhealthy (node groups, add-ons, cluster, key, secrets), and what others put on
nodes and load balancers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.eks.addons import Addon
from livekit_deploy.aws.kinds.eks.cluster import Cluster
from livekit_deploy.aws.kinds.eks.node_groups import NodeGroup
from livekit_deploy.aws.kinds.keys import Key
from livekit_deploy.aws.kinds.logs import FlowLog
from livekit_deploy.aws.kinds.secrets import Secret
from livekit_deploy.checks.finding import Finding, Verdict
from livekit_deploy.engine.cloud import ids
from livekit_deploy.engine.resource import Live, Resource, Status
from livekit_deploy.engine.snapshot import together
from livekit_deploy.errors import DeployError
from livekit_deploy.k8s.load_balancers import LoadBalancer
from livekit_deploy.state.document import Record

#: the kinds of whose health AWS tells
_TELLING: tuple[type[Resource], ...] = (Cluster, NodeGroup, Addon, Key, Secret, FlowLog, LoadBalancer)


def health_findings(cloud: Cloud, records: Mapping[str, Record]) -> Iterator[Finding]:
    """A finding for each recorded object that is not well, whether it serves or not; what is gone is `plan`'s to say.

    ``cloud`` should remember its reads.
    """
    cloud = cloud.knowing(ids(records))
    kinds = {kind.kind: kind for kind in _TELLING}
    wanted = [(address, record) for address, record in sorted(records.items()) if record.kind in kinds and record.id]
    for found in together(lambda pair: _ailment(cloud, kinds[pair[1].kind], *pair, records), wanted):
        if found is not None:
            yield found


def _ailment(
    cloud: Cloud, kind: type[Resource], address: str, record: Record, records: Mapping[str, Record]
) -> Finding | None:
    item = kind.recorded(address, record.inputs)
    if record.lives_in:
        host = records[record.lives_in]
        item.host = Live(str(host.id), Status.READY, outputs=host.outputs)
    try:
        live = item.read(cloud, record.id)
    except DeployError as error:
        return Finding(address, Verdict.FAILED, error.message, remedy=error.hint)
    if live is None:
        return None
    said, remedy = (live.detail, live.remedy) if live.status is Status.STUCK else item.notice(live)
    return Finding(address, Verdict.WARNING, said, remedy=remedy) if said else None
