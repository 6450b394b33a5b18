"""A whole life of an environment under its printed policy: no call outside it, no statement that nothing uses."""

from __future__ import annotations

import threading
from typing import Any

from livekit_deploy import Deployer, load_environment, permissions
from livekit_deploy.aws.clients import Clients
from livekit_deploy.clock import Clock
from tests.iam_names import ACTIONS
from tests.sandbox.workspace import ACCOUNT, REGION, Workspace

#: IAM asks for no permission
_FREE = {"sts:GetCallerIdentity"}
#: statements that no call of an undisturbed life needs, and why they are there
IDLE = {
    **{f"Check{what}": "asked by prerequisites" for what in ("Rights", "Quotas", "Redis", "Zone")},
    "Ec2TagWhatIsMade": "EC2 asks for it inside of the creating call",
    "Ec2LaunchNodes": "EKS asks for it inside of CreateNodegroup",
    "Ec2SweepInterfaces": "a node died between detaching and deleting one",
    "Ec2SweepVolumes": "a persistent claim was left in the cluster",
    "BalancersSweep": "the controller is dead",
    "CacheEvents": "asked while a group is being made",
    "EksHandOver": "an admin leaves who made the cluster",
    "IamTagRoles": "IAM asks for it inside of CreateRole",
    "IamUnfence": "somebody gave a role a boundary",
    "IamFreeRoles": "a node group went without its instance profile",
    "IamPass": "EKS asks for it inside of its creating calls",
    "IamServiceLinkedRoles": "the first use of a service in an account",
    "EksTag": "EKS asks for it inside of its creating calls",
    "AcmTag": "ACM asks for it inside of RequestCertificate",
    "KmsGrant": "EKS asks for it inside of CreateCluster",
}


def test_no_call_outside_the_policy_and_no_statement_unused(here: Workspace) -> None:
    path = here.edit("uat", network={"cidr": "10.20.0.0/16", "nat": "single", "flow_logs": True})
    charts = {
        "load_balancer_controller.repo": here.sandbox.charts_url,
        "load_balancer_controller.digest": here.sandbox.charts_digest,
    }
    # a type that the price table lacks, so that AWS is asked for its price
    given = {**charts, "nodes.media.instance_types": '["c6id.2xlarge"]'}
    env = load_environment(path, overrides=given, environ={})
    bigger = load_environment(path, overrides={**given, "redis.node_type": "cache.m7g.large"}, environ={})
    called, noting = set[str](), threading.Lock()

    def watch(client: Any) -> None:
        service = str(client.meta.service_model.signing_name).replace("tagging", "tag")

        def note(model: Any, **_: Any) -> None:
            name = f"{service}:{model.name}"
            with noting:
                called.add(ACTIONS.get(name, name))

        client.meta.events.register("before-call.*.*", note)

    def deployer(wanted: Any) -> Deployer:
        clients = Clients(
            REGION,
            endpoint_url=here.sandbox.endpoint_url,
            access_key=here.sandbox.access_key,
            secret_key=here.sandbox.secret_key,
            instrument=watch,
        )
        return Deployer(wanted, clients=clients, clock=Clock(here.sandbox.clock_speed), reach=here.reach)

    for wanted in (env, bigger):
        with deployer(wanted) as made:
            made.up()
            made.keys.rotate("main")
    with deployer(bigger) as made:
        assert made.down().leftovers == []

    document = permissions.policy(env, account=ACCOUNT)
    assert called - set(permissions.actions(document)) - _FREE == set()
    idle = {one["Sid"] for one in document["Statement"] if not called & set(one["Action"])}
    assert idle == set(IDLE)
