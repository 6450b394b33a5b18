"""Whole lives of environments under their printed policies: no call is refused, and no statement is without a use.

The sandbox asks for rights as AWS does, also inside of a call: for the launch of instances that a node group is, for
tags, keys, roles that are passed and roles of services.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from livekit_deploy import load_environment, permissions
from livekit_deploy.checks.finding import Verdict
from livekit_deploy.cli.rehearsal import stand_ins
from livekit_deploy.config import Environment
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.errors import Denied
from tests.sandbox import bounded
from tests.sandbox.workspace import ACCOUNT, Workspace
from tests.service_authorization import PRESETS, preset, written

VPC = {"cidr": "10.20.0.0/16", "nat": "single", "flow_logs": True}
FENCE = "arn:aws:iam::aws:policy/AdministratorAccess"
#: of accounts that were given no quota of their own
NO_QUOTA = {"fault": "denied", "call": "service-quotas:GetServiceQuota", "code": "NoSuchResourceException"}
#: statements that an instant sandbox has no time to need, and who asks
IDLE = {"CacheEvents": "asked while a group is on its way"}


def _loaded(here: Workspace, path: Any, **more: str) -> Environment:
    charts = {
        **stand_ins(here.sandbox, [CONTROLLER]),
    }
    return load_environment(path, overrides={**charts, **more}, environ={})


def _looked_at(here: Workspace, env: Environment, keys: tuple[str, str]) -> None:
    """Every command that only looks."""
    with bounded.deployer(here, env, keys) as made:
        assert made.plan().changes == ()
        assert [one for one in made.prerequisites() if one.verdict is not Verdict.OK] == []
        found = [one.seen for one in made.verify() if one.verdict is not Verdict.OK]
        assert found == []
        assert made.status().records
        assert made.outputs()
        list(made.cluster.logs())
        made.cluster.events()
        made.cluster.credential()
        assert made.keys.present().keys
        made.upkeep.history()


def _left_behind(here: Workspace, env: Environment) -> None:
    """What the controller, the CNI and the EBS driver leave when they are dead."""
    ec2, elb = here.client("ec2"), here.client("elbv2")
    records = here.document(env.name)["records"]
    cluster, subnets = f"{env.resource_prefix}-main", [records[f"ec2.subnet/public-{letter}"]["id"] for letter in "ab"]
    made: Any = [{"Key": "elbv2.k8s.aws/cluster", "Value": cluster}]
    vpc = records["ec2.vpc/main"]["id"]
    group = ec2.create_security_group(GroupName="k8s-traffic", Description="d", VpcId=vpc)["GroupId"]
    ec2.create_tags(Resources=[group], Tags=made)
    arn = elb.create_load_balancer(Name="k8s-dead", Subnets=subnets, SecurityGroups=[group], Tags=made)
    on = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn["LoadBalancers"][0]["LoadBalancerArn"], Attributes=on)
    elb.create_target_group(Name="k8s-dead", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", Tags=made)
    ours = here.document(env.name)["lineage"]
    marks = {"livekit-deploy:project": env.project, "livekit-deploy:env": env.name, "livekit-deploy:lineage": ours}
    born_with = {f"kubernetes.io/cluster/{cluster}": "owned", **marks}
    owned: Any = [{"Key": key, "Value": value} for key, value in born_with.items()]
    ec2.create_volume(
        AvailabilityZone="us-east-1a", Size=1, TagSpecifications=[{"ResourceType": "volume", "Tags": owned}]
    )
    cni: Any = [{"Key": "cluster.k8s.amazonaws.com/name", "Value": cluster}]
    ec2.create_network_interface(
        SubnetId=subnets[0],
        Description="aws-K8S-i-0123",
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": cni}],
    )


def _added(here: Workspace, env: Environment) -> None:
    """What somebody adds to our objects that lets others in."""
    iam = here.client("iam")
    whole = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    iam.put_role_policy(RoleName=f"{env.resource_prefix}-node", PolicyName="theirs", PolicyDocument=whole)
    root = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root]})
    secret = here.document(env.name)["records"]["secretsmanager.secret/api-keys"]["id"]
    here.client("secretsmanager").put_resource_policy(SecretId=secret, ResourcePolicy=policy)


def _scheduled_for_deletion(here: Workspace, env: Environment) -> None:
    """The key of the cluster's secrets, where it has one, and a secret."""
    records = here.document(env.name)["records"]
    here.client("secretsmanager").delete_secret(SecretId=records["secretsmanager.secret/api-keys"]["id"])
    if (key := records.get("kms.key/cluster")) is not None:
        here.client("kms").schedule_key_deletion(KeyId=key["id"])


def _set_for_the_account(here: Workspace) -> None:
    """A key of its own for all disks, which Auto Scaling may use, and GuardDuty's runtime monitoring."""
    kms = here.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    launcher = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    kms.create_grant(KeyId=key, GranteePrincipal=launcher, Operations=["Decrypt", "CreateGrant"])
    here.client("ec2").modify_ebs_default_kms_key_id(KmsKeyId=key)
    monitoring: Any = [{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}]
    here.client("guardduty").create_detector(Enable=True, Features=monitoring)


def _life(here: Workspace, bare: Environment, env: Environment, changed: Environment, keys: tuple[str, str]) -> None:
    """Made without a key for Secrets, its API key rotated, changed there and back, repaired, looked at, and taken down
    with what others left."""
    here.fail(NO_QUOTA)
    _set_for_the_account(here)
    with bounded.deployer(here, env, keys) as made:
        made.prerequisites()
    here.fail()
    with bounded.deployer(here, bare, keys) as made:
        made.up()
        made.keys.rotate("main")
        made.keys.remove(made.keys.add("second"), now=True)
    role = f"{env.resource_prefix}-node"
    here.client("iam").put_role_permissions_boundary(RoleName=role, PermissionsBoundary=FENCE)
    _added(here, env)
    with bounded.deployer(here, changed, keys) as made:
        made.up()
    _scheduled_for_deletion(here, env)
    with bounded.deployer(here, env, keys) as made:
        made.up()
    _looked_at(here, env, keys)
    _left_behind(here, env)
    with bounded.deployer(here, env, keys) as made:
        assert made.down().leftovers == []


def test_no_call_of_a_whole_life_is_refused_and_no_statement_is_unused(here: Workspace) -> None:
    path = here.edit("uat", network=VPC)
    # a type that the price table lacks, so that AWS is asked for its price
    given = {"nodes.media.instance_types": '["c6id.2xlarge"]'}
    env = _loaded(here, path, **given)
    admins = json.dumps([f"arn:aws:iam::{ACCOUNT}:{one}" for one in ("role/ci/deployer", "user/ada")])
    other = {"redis.node_type": "cache.m7g.large", "redis.parameters": '{"timeout": "300"}', "cluster.admins": admins}
    changed = _loaded(here, path, **given, **other)
    here.client("iam").create_user(UserName="ada")
    bare = _loaded(
        here, path, **given, **{"cluster.secrets_key": "false", "redis.parameters": '{"tcp-keepalive": "60"}'}
    )
    _life(here, bare, env, changed, bounded.role(here, env))
    found = here.sandbox.rights()
    assert found["refused"] == []
    used = {(sid, action) for sid, action in found["used"]}
    statements = permissions.policy(env, account=ACCOUNT)["Statement"]
    unused = {one["Sid"] for one in statements} - {sid for sid, _ in used}
    assert unused == set(IDLE)
    # what no call of this life needed, some other one asks for: it is written in the code
    allowed = {action for one in statements for action in one["Action"]}
    assert allowed - {action for _, action in used} - written().keys() == set()
    # the other presets have no statement that this one lacks
    more = {one["Sid"] for name in PRESETS for one in permissions.policy(preset(name), account=ACCOUNT)["Statement"]}
    assert more <= {one["Sid"] for one in statements}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dev", "prod"])
def test_no_call_of_the_other_presets_is_refused(here: Workspace, name: str) -> None:
    path = here.folder / "manifests" / "environments" / f"{name}.yaml"
    env = _loaded(here, path)
    changed = _loaded(here, path, **{"redis.node_type": "cache.m7g.xlarge"})
    _life(here, env, env, changed, bounded.role(here, env))
    assert here.sandbox.rights()["refused"] == []


def test_a_role_that_may_only_read_the_state_sees_the_status_and_gets_a_token_where_it_may_see_the_cluster(
    here: Workspace,
) -> None:
    """Neither asks IAM for anything: who the caller is, STS tells everybody. Where a token goes only EKS tells."""
    env = _loaded(here, here.edit("dev"))
    with bounded.deployer(here, env, bounded.role(here, env)) as made:
        made.up()
    keys = bounded.role(here, env, "reader", only=("state",))
    with bounded.deployer(here, env, keys) as reader:
        assert reader.status().records
        with pytest.raises(Denied, match="DescribeCluster"):
            reader.cluster.credential()
        with pytest.raises(Denied):
            reader.plan()
    keys = bounded.role(here, env, "user", only=("state",), also=["eks:DescribeCluster"])
    with bounded.deployer(here, env, keys) as user:
        assert user.cluster.credential()
