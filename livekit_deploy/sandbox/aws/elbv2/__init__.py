"""ELB: load balancers, their listeners and targets."""

from livekit_deploy.sandbox.aws.elbv2.corrections import listeners, load_balancers, targets


def install() -> None:
    """Put in all of it."""
    for part in (targets, load_balancers, listeners):
        part.install()
