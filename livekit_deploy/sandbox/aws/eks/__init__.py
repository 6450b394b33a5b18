"""EKS: clusters, node groups, add-ons and access entries with their states, in place of moto's."""

from livekit_deploy.sandbox.aws.eks.operations import install
from livekit_deploy.sandbox.aws.eks.store import hooks

__all__ = ["hooks", "install"]
