"""Secrets Manager."""

from livekit_deploy.sandbox.aws.secretsmanager.corrections import install

__all__ = ["install"]
