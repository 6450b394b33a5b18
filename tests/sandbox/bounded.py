"""A role with the printed policy of an environment and nothing else, and the library run with its credentials."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from livekit_deploy import Deployer, permissions
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.base.clock import Clock
from livekit_deploy.config import Environment
from tests.sandbox.workspace import ACCOUNT, REGION, Workspace

TRUST = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}


def role(
    here: Workspace, env: Environment, name: str = "deployer", *, only: Iterable[str] = (), also: Iterable[str] = ()
) -> tuple[str, str]:
    """Credentials of a session of a new role, to which every part of the environment's policy is attached, or some.

    ``also`` are actions that it may take besides.
    """
    iam = here.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    arn = iam.create_role(RoleName=name, Path="/ci/", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    parts = permissions.parts(env, account=ACCOUNT)
    wanted = {part: parts[part] for part in only or parts}
    if also:
        statement = {"Effect": "Allow", "Action": list(also), "Resource": "*"}
        wanted["also"] = {"Version": "2012-10-17", "Statement": [statement]}
    for part, said in wanted.items():
        made = iam.create_policy(PolicyName=f"{name}-{part}", PolicyDocument=json.dumps(said))
        iam.attach_role_policy(RoleName=name, PolicyArn=made["Policy"]["Arn"])
    given = here.client("sts").assume_role(RoleArn=arn, RoleSessionName="run")["Credentials"]
    return given["AccessKeyId"], given["SecretAccessKey"]


def deployer(here: Workspace, env: Environment, keys: tuple[str, str], **more: Any) -> Deployer:
    """The library under these credentials, in the sandbox's time."""
    clients = Clients(REGION, endpoint_url=here.sandbox.endpoint_url, access_key=keys[0], secret_key=keys[1])
    return Deployer(env, clients=clients, clock=Clock(here.sandbox.clock_speed), reach=here.reach, **more)
