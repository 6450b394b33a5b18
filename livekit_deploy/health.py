"""Whether LiveKit answers: what is read back before anybody is told so.

Each piece between a user and a pod is looked at where it lives: the Deployment in the cluster, the listener and the
targets of its load balancer, the alias in DNS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.aws.dns import find_alias
from livekit_deploy.config import Environment
from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import DeployError
from livekit_deploy.k8s.client import api
from livekit_deploy.k8s.releases import LIVEKIT
from livekit_deploy.state.document import Record, State

RELEASE, CLUSTER, BALANCER = f"helm.release/{LIVEKIT}", "eks.cluster/main", "elbv2.load_balancer/signal"


def serves(state: State) -> bool:
    """Whether LiveKit is part of what is recorded."""
    return RELEASE in state.records


def problems(env: Environment, cloud: Cloud, state: State) -> list[str]:
    """Why LiveKit does not answer yet; [] when every piece is in place."""
    return list(_problems(env, cloud, state.records))


def _problems(env: Environment, cloud: Cloud, records: Mapping[str, Record]) -> Iterator[str]:
    missing = [address for address in (RELEASE, CLUSTER, BALANCER) if address not in records]
    if missing:
        yield f"{missing[0]} is not there"
        return
    checks = (
        _deployment(cloud, records[CLUSTER]),
        _balancer(cloud, records[BALANCER].outputs),
        _alias(env, cloud, records[BALANCER].outputs),
    )
    for check in checks:
        try:
            yield from check
        except DeployError as error:
            yield error.message


def _deployment(cloud: Cloud, cluster: Record) -> Iterator[str]:
    host = Live(str(cluster.id), Status.READY, outputs=cluster.outputs)
    where = f"/apis/apps/v1/namespaces/{LIVEKIT}/deployments"
    found = [
        item
        for item in api(cloud, host).list(where, f"app.kubernetes.io/instance={LIVEKIT}")
        if (item.get("status") or {}).get("readyReplicas")
    ]
    if not found:
        yield "the Deployment livekit has no pod that is ready"


def _balancer(cloud: Cloud, outputs: Mapping[str, Any]) -> Iterator[str]:
    arn = outputs["arn"]
    listeners = cloud.elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    secure = [one for one in listeners if one["Port"] == 443 and one.get("Certificates")]
    if not secure:
        yield "the load balancer has no listener for HTTPS with a certificate"
        return
    groups = [action["TargetGroupArn"] for action in secure[0]["DefaultActions"] if "TargetGroupArn" in action]
    groups = groups or [one["TargetGroupArn"] for one in _groups(cloud, arn)]
    states = [
        health["TargetHealth"]["State"]
        for group in groups
        for health in cloud.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    ]
    if "healthy" not in states:
        yield f"the load balancer has no healthy target ({', '.join(sorted(set(states))) or 'none is registered'})"


def _groups(cloud: Cloud, arn: str) -> list[Mapping[str, Any]]:
    """The target groups behind a load balancer: the controller forwards by rules, not by the default action."""
    found: list[Mapping[str, Any]] = cloud.elbv2.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    return found


def _alias(env: Environment, cloud: Cloud, outputs: Mapping[str, Any]) -> Iterator[str]:
    if env.livekit.hosted_zone is None:
        return
    target = find_alias(cloud, env.livekit.hosted_zone, env.livekit.domain)
    if target is None:
        yield f"DNS has no alias {env.livekit.domain}"
    elif target != outputs["dns_name"]:
        yield f"{env.livekit.domain} points to {target}, not to {outputs['dns_name']}"
