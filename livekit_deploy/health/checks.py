"""The table of checks from the nodes to the API, and one pass over it: what builds on a failure is not looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.config import Environment
from livekit_deploy.errors import DeployError
from livekit_deploy.finding import Finding, Trouble, Verdict
from livekit_deploy.health import balancers, cluster, outside
from livekit_deploy.health.look import RELEASE, TURN, Look
from livekit_deploy.health.reach import Reach
from livekit_deploy.state.document import Record, State


@dataclass(frozen=True)
class Check:
    """``run`` gives what it saw or raises `Trouble`; ``needs`` are the checks that it builds on."""

    name: str
    run: Callable[[Look], str]
    needs: tuple[str, ...] = ()


CHECKS = (
    Check("nodes", cluster.nodes),
    Check("pods", cluster.pods, ("nodes",)),
    Check("webhook", cluster.webhook, ("nodes",)),
    Check("ingress", cluster.ingress),
    Check("media ports", balancers.media_ports, ("nodes",)),
    Check("load balancer", balancers.load_balancer, ("ingress",)),
    Check("targets", balancers.targets, ("pods", "load balancer")),
    Check("turn", balancers.turn, ("pods",)),
    Check("certificate", balancers.certificate, ("load balancer", "turn")),
    Check("dns", outside.dns, ("load balancer", "turn")),
    Check("https", outside.https, ("targets", "certificate", "dns")),
    Check("api", outside.api, ("https",)),
    Check("redis", outside.redis, ("api",)),
)


def serves(state: State) -> bool:
    """Whether LiveKit is part of what is recorded."""
    return RELEASE in state.records


def look_at(env: Environment, cloud: Cloud, records: Mapping[str, Record], reach: Reach) -> list[Finding]:
    """One look at everything between a user and a pod, in the order of `CHECKS`."""
    look = Look(env, cloud, records, reach)
    checks = [check for check in CHECKS if check.name != "turn" or TURN in records]
    found: dict[str, Finding] = {}
    for check in checks:
        waits = [name for name in check.needs if name in found and found[name].verdict is not Verdict.OK]
        found[check.name] = _skipped(check, waits[0]) if waits else _checked(check, look)
    return list(found.values())


def _skipped(check: Check, because: str) -> Finding:
    return Finding(check.name, Verdict.SKIPPED, f"not looked at: it builds on {because}")


def _checked(check: Check, look: Look) -> Finding:
    try:
        return Finding(check.name, Verdict.OK, check.run(look))
    except Trouble as trouble:
        return Finding(check.name, Verdict.FAILED, trouble.seen, trouble.cause, trouble.remedy)
    except DeployError as error:
        return Finding(check.name, Verdict.FAILED, error.message, remedy=error.hint)
