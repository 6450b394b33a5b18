"""The secrets of an environment: LiveKit's API keys, and the Redis token where there is one."""

from __future__ import annotations

from livekit_deploy.aws.kinds.secrets import API_KEYS, RECOVERY_DAYS, TOKEN, Secret
from livekit_deploy.config import Redis
from livekit_deploy.engine.inputs import Ref, SecretRef
from livekit_deploy.engine.resource import Resource


class SecretsProvisioner:
    """``api_keys`` of LiveKit, and ``redis_token`` (None where Redis asks for no token).

    Those of a protected environment can be recovered after they are deleted.
    """

    def __init__(self, redis: Redis, *, protect: bool = False) -> None:
        days = RECOVERY_DAYS if protect else 0
        self.api_keys = Secret("api-keys", form=API_KEYS, recovery_days=days)
        self.redis_token: Secret | None = None
        if redis.auth and redis.tls:
            self.redis_token = Secret("redis-token", form=TOKEN, recovery_days=days)

    @property
    def token(self) -> Ref[SecretRef] | None:
        """Where the Redis token is kept."""
        return self.redis_token.value if self.redis_token is not None else None

    @property
    def resources(self) -> list[Resource]:
        return [self.api_keys, *([self.redis_token] if self.redis_token is not None else [])]
