"""KMS: keys."""

from livekit_deploy.sandbox.aws.kms.corrections import install

__all__ = ["install"]
