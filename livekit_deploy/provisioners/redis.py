"""The Redis of an environment: private, encrypted, and reached only from the nodes."""

from __future__ import annotations

from livekit_deploy.aws.kinds.elasticache.engine_versions import family as engine_family
from livekit_deploy.aws.kinds.elasticache.parameter_groups import ParameterGroup
from livekit_deploy.aws.kinds.elasticache.replication_groups import ReplicationGroup
from livekit_deploy.aws.kinds.elasticache.subnet_groups import SubnetGroup
from livekit_deploy.config import Redis
from livekit_deploy.engine.inputs import Ref, SecretRef
from livekit_deploy.engine.resource import Resource
from livekit_deploy.provisioners.network import NetworkProvisioner
from livekit_deploy.provisioners.security import SecurityProvisioner


class RedisProvisioner:
    """The subnet group, the parameter group where the file sets parameters, and the replication group (``group``).

    ``address`` is ``host:port`` as LiveKit wants it. ``token`` says where the AUTH token is kept; it is
    asked for when the file says ``auth``, which needs TLS.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        network: NetworkProvisioner,
        security: SecurityProvisioner,
        token: SecretRef | Ref[SecretRef] | None,
    ) -> None:
        self.subnets = SubnetGroup(network.layout.cache, subnet_ids=[subnet.id for subnet in network.private_subnets])
        self.parameters: list[ParameterGroup] = []
        if redis.parameters:
            family = engine_family(redis.engine, redis.version)
            self.parameters.append(ParameterGroup("redis", family=family, parameters=redis.parameters))
        auth = redis.auth and redis.tls
        self.group = ReplicationGroup(
            "redis",
            engine=redis.engine,
            version=redis.version,
            node_type=redis.node_type,
            replicas=redis.replicas,
            failover=redis.replicas > 0,
            multi_az=redis.multi_az and redis.replicas > 0,
            snapshot_retention=redis.snapshot_retention_days,
            snapshot_window=redis.snapshot_window,
            parameter_group=next((one.group_name for one in self.parameters), None),
            security_group_ids=[security.redis.id],
            subnet_group=self.subnets.group_name,
            tls=redis.tls,
            auth=auth,
            auth_token=token if auth else None,
        )
        self.address = self.group.redis_address
        self.tls = redis.tls

    @property
    def resources(self) -> list[Resource]:
        return [self.subnets, *self.parameters, self.group]
