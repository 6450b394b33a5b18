"""The bases of the EKS kinds: all are tagged in one way, and what is in a cluster is described by its name there."""

from __future__ import annotations

from collections.abc import Mapping

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.named import NamedResource
from livekit_deploy.engine.resource import Live


class EksResource(NamedResource):
    """A kind of EKS's."""

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.eks.tag_resource(resourceArn=live.outputs["arn"], tags=dict(tags))


class InCluster(EksResource):
    """A kind of what is in a cluster."""

    host_kind = "eks.cluster"

    @property
    def cluster(self) -> str:
        """The name of its cluster."""
        return self.its_host.id
