"""Service Quotas."""

from livekit_deploy.sandbox.aws.servicequotas.additions import install

__all__ = ["install"]
