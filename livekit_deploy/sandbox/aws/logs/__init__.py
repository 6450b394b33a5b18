"""CloudWatch Logs."""

from livekit_deploy.sandbox.aws.logs import additions, corrections


def install() -> None:
    """Put in all of it."""
    for part in (corrections, additions):
        part.install()
