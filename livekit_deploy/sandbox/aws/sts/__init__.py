"""STS, and whose an access key is."""

from livekit_deploy.sandbox.aws.sts.corrections import install

__all__ = ["install"]
