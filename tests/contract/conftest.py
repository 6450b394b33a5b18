"""The rig of the AWS tests, for the contract of the kinds."""

from tests.aws.conftest import aws, rig

__all__ = ["aws", "rig"]
