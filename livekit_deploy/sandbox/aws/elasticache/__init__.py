"""ElastiCache, in place of moto's outline of it."""

from livekit_deploy.sandbox.aws.elasticache.operations import install

__all__ = ["install"]
