"""IAM: roles and policies."""

from livekit_deploy.sandbox.aws.iam import additions, corrections


def install() -> None:
    """Put in all of it."""
    for part in (corrections, additions):
        part.install()
