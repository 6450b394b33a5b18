"""What we call fixed, immutable or applied once, against what AWS's API can change: each such call has a decision."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import botocore.session

from livekit_deploy.engine.inputs import Change
from tests.contract.declared import OF_AWS, parameter
from tests.request_members import members

_CHANGES = (
    *("Add", "Assign", "Associate", "Attach", "Change", "Enable", "Increase", "Modify", "Move", "Put", "Register"),
    *("Replace", "Reset", "Set", "Tag", "Update", "Upgrade"),
)
#: how a call names the object that it changes
_NAMED_BY = {
    "acm.certificate": "CertificateArn",
    "ec2.flow_log": "FlowLogIds",
    "ec2.launch_template": "LaunchTemplateId",
    "ec2.nat_gateway": "NatGatewayId",
    "ec2.route_table": "RouteTableId",
    "ec2.security_group": "GroupId",
    "ec2.security_group_rule": "GroupId",
    "ec2.subnet": "SubnetId",
    "ec2.vpc": "VpcId",
    "ec2.vpc_endpoint": "VpcEndpointId",
    "eks.access_entry": "principalArn",
    "eks.cluster": ("clusterName", "name"),
    "eks.node_group": "nodegroupName",
    "elasticache.parameter_group": "CacheParameterGroupName",
    "elasticache.replication_group": "ReplicationGroupId",
    "iam.oidc_provider": "OpenIDConnectProviderArn",
    "iam.policy": "PolicyArn",
    "iam.role": "RoleName",
    "route53.record": "HostedZoneId",
    "secretsmanager.secret": "SecretId",
}
_DESCRIPTIONS = {"UpdateSecurityGroupRuleDescriptionsEgress", "UpdateSecurityGroupRuleDescriptionsIngress"}
_RULES = "changes what is said of a rule of the group"
_IDENTITY = "the parameter says which object is meant, or whose, and is not changed"
#: input → the calls that take it, and why it is not mutable all the same
DECISIONS: dict[str, tuple[set[str], str]] = {
    "ec2.security_group.description": (_DESCRIPTIONS, _RULES),
    "ec2.security_group.vpc_id": ({"AssociateSecurityGroupVpc"}, "lets one more VPC use it, and moves it nowhere"),
    "ec2.security_group_rule.group_id": (
        {"AssociateSecurityGroupVpc", "ModifyInstancePlacement", "ModifySecurityGroupRules", *_DESCRIPTIONS},
        _IDENTITY,
    ),
    "ec2.security_group_rule.protocol": (_DESCRIPTIONS, "the parameter names the rule whose description is changed"),
    "ec2.security_group_rule.source": (_DESCRIPTIONS, "the parameter names the rule whose description is changed"),
    "ec2.subnet.zone": ({"AssociateClientVpnTargetNetwork"}, "the zone of something else"),
    "ec2.vpc.cidr": ({"AssociateVpcCidrBlock"}, "adds a second range; the first stays"),
    "eks.access_entry.principal": ({"AssociateAccessPolicy", "UpdateAccessEntry"}, _IDENTITY),
    "eks.cluster.role_arn": (
        {"RegisterCluster", "UpdateAddon", "UpdateCapability", "UpdatePodIdentityAssociation"},
        "the role of something in the cluster, or of a cluster elsewhere",
    ),
    "eks.node_group.role": (
        {"UpdateNodegroupConfig"},
        "pods are placed by this label: another group takes over first, so that calls end where they are",
    ),
    "eks.node_group.template_id": ({"UpdateNodegroupVersion"}, "takes another version of the same template only"),
    "eks.node_group.desired_size": (
        {"UpdateNodegroupConfig"},
        "applied once when the file changes; an autoscaler owns it in between",
    ),
    "route53.record.zone": (
        {
            *("AssociateVPCWithHostedZone", "ChangeResourceRecordSets", "EnableHostedZoneDNSSEC"),
            *("UpdateHostedZoneFeatures", "UpdateHostedZoneTier"),
        },
        _IDENTITY,
    ),
    "route53.record.record": ({"UpdateHostedZoneFeatures"}, "the name of something else"),
    "elasticache.replication_group.engine": (
        {"ModifyReplicationGroup"},
        "in place from Redis to Valkey only, and never back: another group first serves both ways",
    ),
    "elasticache.replication_group.tls": (
        {"ModifyReplicationGroup"},
        "the address that LiveKit is given has another form with TLS: another group first, then LiveKit moves",
    ),
}


def test_each_call_that_could_change_what_we_do_not_has_a_decision() -> None:
    """A newer botocore that can change more fails here, and so does a decision about a call that is gone."""
    found = {
        f"{kind}.{name}": calls
        for kind, name in _not_mutable()
        if kind in _NAMED_BY and (calls := set(_callers(kind, parameter(kind, name))))
    }
    assert found == {name: calls for name, (calls, _) in DECISIONS.items()}


def test_every_kind_of_aws_with_such_an_input_is_looked_at() -> None:
    assert {kind for kind, _ in _not_mutable()} == set(_NAMED_BY)


def _not_mutable() -> list[tuple[str, str]]:
    every = ((name, key, one) for name, kind in OF_AWS.items() for key, one in kind.inputs.items())
    return [(name, key) for name, key, one in every if one.change is not Change.MUTABLE and parameter(name, key)]


def _callers(kind: str, api: str) -> Iterator[str]:
    """The operations that change an object of this kind and take this parameter."""
    named, (first, _, _), last = _NAMED_BY[kind], api.partition("."), api.rpartition(".")[2]
    for operation, asked in _changing(kind.partition(".")[0]).items():
        if asked & {named, *named} and asked & {first, last}:
            yield operation


@functools.cache
def _changing(service: str) -> dict[str, set[str]]:
    model = botocore.session.get_session().get_service_model(service)
    names = [one for one in model.operation_names if one.startswith(_CHANGES)]
    return {one: set(members(model.operation_model(one).input_shape)) for one in names}
