"""Route 53."""

from livekit_deploy.sandbox.aws.route53.corrections import install

__all__ = ["install"]
