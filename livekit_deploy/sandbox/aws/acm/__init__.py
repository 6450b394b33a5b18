"""ACM: certificates."""

from livekit_deploy.sandbox.aws.acm.corrections import install

__all__ = ["install"]
