"""The Price List, which moto lacks."""

from livekit_deploy.sandbox.aws.pricing.additions import install

__all__ = ["install"]
