"""A KMS key for the cluster's secrets, if the file asks for one."""

from __future__ import annotations

from livekit_deploy.aws.kinds.keys import Alias, Key
from livekit_deploy.config import Cluster
from livekit_deploy.engine.resource import Resource


class KeysProvisioner:
    """``key`` and its alias when the file asks for a key of the cluster's own; else None."""

    def __init__(self, cluster: Cluster) -> None:
        self.key: Key | None = None
        self.alias: Alias | None = None
        if cluster.secrets_key:
            self.key = Key("cluster", description="Secrets of the LiveKit cluster")
            self.alias = Alias("cluster", key_id=self.key.id)

    @property
    def resources(self) -> list[Resource]:
        return [item for item in (self.key, self.alias) if item is not None]
