"""What a caller may ask of the environment's cluster: access to it, what LiveKit's pods say, and its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.eks.cluster import observed_cluster
from livekit_deploy.events import Emit, Notice
from livekit_deploy.k8s.access.client import Api, api_of
from livekit_deploy.k8s.access.kubeconfig import credential, for_people
from livekit_deploy.k8s.cluster_events import ClusterEvent, events
from livekit_deploy.k8s.pod_logs import Excerpt, LogLine, PodLogs
from livekit_deploy.provisioners.addresses import LIVEKIT


@dataclass(frozen=True)
class ClusterAccess:
    """The cluster of one environment. Each method raises `StateError` while no cluster is recorded.

    ``inside`` gives the cloud as the state's owner sees it, ``over`` a check that says when what follows is to end.
    """

    inside: Callable[[], Cloud]
    emit: Emit
    over: Callable[[], Callable[[], bool]]

    def kubeconfig(self, command: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
        """A kubeconfig of the cluster without a token in it: ``command`` prints one, with ``environ`` set."""
        return for_people(observed_cluster(self.inside()).outputs, command, environ)

    def credential(self) -> dict[str, Any]:
        """What a kubeconfig's exec plugin prints: a token for the cluster, good for 14 minutes."""
        cloud = self.inside()
        return credential(cloud, observed_cluster(cloud).id)

    def api(self) -> Api:
        """The cluster's API."""
        return api_of(self.inside())

    def logs(self, which: Excerpt | None = None, *, pod: str | None = None, follow: bool = False) -> Iterator[LogLine]:
        """What LiveKit's pods, or one of them, say; with ``follow`` until `cancel`, ``timeout`` or the pods' end.

        Raises `UsageError` when there is no such pod.
        """
        found = PodLogs(self.api(), LIVEKIT, lambda text: self.emit(Notice(level="warning", message=text)))
        wanted = which or Excerpt()
        return found.follow(pod, wanted, self.over()) if follow else found.lines(pod, wanted)

    def events(self) -> list[ClusterEvent]:
        """What the cluster tells of LiveKit's objects, the newest last."""
        return events(self.api(), LIVEKIT)
