"""The table of verify checks and one pass over it: a check that needs one that failed is skipped."""

from __future__ import annotations

from collections.abc import Mapping

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.checks.finding import Check, Finding, Verdict
from livekit_deploy.checks.reach import Reach
from livekit_deploy.checks.verify import balancers, cluster, outside, ports
from livekit_deploy.checks.verify.context import VerifyContext
from livekit_deploy.config import Environment
from livekit_deploy.provisioners.addresses import RELEASE, TURN
from livekit_deploy.state.document import Record, State

CHECKS = (
    Check("nodes", cluster.nodes),
    Check("pods", cluster.pods, ("nodes",)),
    Check("webhook", cluster.webhook, ("nodes",)),
    Check("ingress", cluster.ingress),
    Check("media ports", ports.media_ports, ("nodes",)),
    Check("load balancer", balancers.load_balancer, ("ingress",)),
    Check("targets", balancers.targets, ("pods", "load balancer")),
    Check("turn", balancers.turn, ("pods",)),
    Check("certificate", balancers.certificate, ("load balancer", "turn")),
    Check("dns", outside.dns, ("load balancer", "turn")),
    Check("https", outside.https, ("targets", "certificate", "dns")),
    Check("api", outside.api, ("https",)),
    Check("redis", outside.redis, ("api",)),
)

_IN_THE_WAY = (Verdict.FAILED, Verdict.SKIPPED)


def serves(state: State) -> bool:
    """Whether LiveKit is part of what is recorded."""
    return RELEASE in state.records


def run_checks(env: Environment, cloud: Cloud, records: Mapping[str, Record], reach: Reach) -> list[Finding]:
    """One look at everything between a user and a pod, in the order of `CHECKS`."""
    look = VerifyContext(env, cloud, records, reach)
    checks = [check for check in CHECKS if check.name != "turn" or TURN in records]
    found: dict[str, Finding] = {}
    for check in checks:
        waits = [name for name in check.needs if name in found and found[name].verdict in _IN_THE_WAY]
        found[check.name] = check.skipped(waits[0]) if waits else check.find(look)
    return list(found.values())
