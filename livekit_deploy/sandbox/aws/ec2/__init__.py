"""EC2: networks, and what is in them."""

from livekit_deploy.sandbox.aws.ec2 import additions
from livekit_deploy.sandbox.aws.ec2.corrections import (
    client_tokens,
    dependencies,
    endpoints,
    flow_logs,
    interfaces,
    launch_templates,
    nat_gateways,
    routes,
    security_group_rules,
    zones,
)


def install() -> None:
    """Put in all of it."""
    for part in (
        dependencies,
        interfaces,
        nat_gateways,
        endpoints,
        zones,
        routes,
        security_group_rules,
        launch_templates,
        flow_logs,
        client_tokens,
        additions,
    ):
        part.install()
