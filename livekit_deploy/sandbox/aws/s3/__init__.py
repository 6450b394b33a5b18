"""S3."""

from livekit_deploy.sandbox.aws.s3.corrections import install

__all__ = ["install"]
