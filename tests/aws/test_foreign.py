"""What somebody adds to our objects that lets others in: it is shown as theirs, never rolled out, and taken away."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.foreign_groups import on_balancer
from livekit_deploy.engine.plan import Action
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.load_balancers import LoadBalancer
from livekit_deploy.sandbox.aws.eks.corrections.node_groups import NodeGroups
from livekit_deploy.sandbox.aws.eks.store import store_of
from tests.aws.controller import controller_made
from tests.aws.rig import REGION, AwsRig
from tests.contract.cases import CASES
from tests.contract.kinds.case import Base, closure

#: a version as somebody makes it in the console: tokens are optional, the disk is plain, a script runs at the start
THEIRS: dict[str, Any] = {
    "MetadataOptions": {"HttpTokens": "optional", "HttpPutResponseHopLimit": 64},
    "UserData": "IyEvYmluL3NoCmN1cmwgZXZpbA==",
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 50, "Encrypted": False}}],
    "KeyName": "theirs",
}


def _nodes() -> list[Resource]:
    case = next(case for case in CASES if case.kind.kind == "eks.node_group")
    return closure(case.make(Base()))


def _group(rig: AwsRig) -> Any:
    record = next(one for one in rig.records.values() if one.kind == "eks.node_group")
    said = boto3.client("eks").describe_nodegroup(clusterName="livekit-uat-main", nodegroupName=record.id)
    return said["nodegroup"]["launchTemplate"]


def _their_version(template: str) -> str:
    ec2 = boto3.client("ec2")
    made = ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData=THEIRS, VersionDescription="theirs"
    )
    number = str(made["LaunchTemplateVersion"]["VersionNumber"])
    ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion=number)
    return number


def test_a_version_that_somebody_adds_is_shown_as_theirs_and_no_node_gets_it(rig: AwsRig) -> None:
    rig.up(_nodes())
    before = _group(rig)
    _their_version(before["id"])

    (change,) = rig.plan(_nodes()).changes
    assert change.address.startswith("ec2.launch_template/media")
    assert {diff.origin for diff in change.diffs} == {"drift"}
    (others,) = (diff.before for diff in change.diffs if diff.path == "other_settings")
    assert others == [
        "BlockDeviceMappings.0.Ebs.DeleteOnTermination: not set",
        "BlockDeviceMappings.0.Ebs.Encrypted: False",
        "BlockDeviceMappings.0.Ebs.VolumeType: not set",
        "KeyName: theirs",
        "MetadataOptions.HttpEndpoint: not set",
        "MetadataOptions.HttpPutResponseHopLimit: 64",
        "MetadataOptions.HttpTokens: optional",
        "UserData",
    ]
    assert "curl" not in str(change)
    assert THEIRS["UserData"] not in str(change)

    rig.calls()
    rig.up(_nodes())
    assert rig.calls() == ["CreateLaunchTemplateVersion"], "ours is the last again, and no node is replaced for it"
    assert _group(rig) == before
    assert rig.plan(_nodes()).changes == ()


def test_nodes_that_somebody_gave_another_version_get_ours_by_its_number(rig: AwsRig) -> None:
    rig.up(_nodes())
    before = _group(rig)
    theirs = _their_version(before["id"])
    eks = boto3.client("eks")
    name = next(one.id for one in rig.records.values() if one.kind == "eks.node_group")
    eks.update_nodegroup_version(
        clusterName="livekit-uat-main", nodegroupName=name, launchTemplate={"id": before["id"], "version": theirs}
    )
    shown = {diff.path: diff for change in rig.plan(_nodes()).changes for diff in change.diffs}
    assert (shown["template_version"].before, shown["template_version"].after) == (theirs, before["version"])
    assert shown["template_version"].origin == "drift"
    rig.up(_nodes())
    assert _group(rig) == before
    assert rig.plan(_nodes()).changes == ()


def test_a_change_of_the_configuration_makes_a_version_that_nodes_get(rig: AwsRig) -> None:
    rig.up(_nodes())
    before = _group(rig)
    _their_version(before["id"])
    changed = _nodes()
    template = next(one for one in changed if one.kind == "ec2.launch_template")
    template.__dict__["disk_gib"] = 80
    rig.up(changed)
    assert _group(rig)["version"] == "3"


def test_what_is_taken_away_is_said_before(rig: AwsRig) -> None:
    role = Base().role()
    rig.up([role])
    iam = boto3.client("iam")
    iam.put_role_policy(
        RoleName="livekit-uat-cluster",
        PolicyName="everything",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    )
    (change,) = rig.plan([Base().role()]).changes
    assert (change.action, change.address) == (Action.UPDATE, "iam.role/cluster")
    assert [(diff.path, diff.before, diff.after, diff.origin) for diff in change.diffs] == [
        ("inline_policies", ["everything"], [], "drift")
    ]
    assert change.hint == "up takes away what somebody else added: inline_policies"
    rig.up([Base().role()])
    assert iam.list_role_policies(RoleName="livekit-uat-cluster")["PolicyNames"] == []


def _cluster() -> list[Resource]:
    case = next(case for case in CASES if case.kind.kind == "eks.access_entry")
    base = Base()
    return closure(case.make(base), case.kind("creator", lives_in=base.cluster()))


def _entry(principal: str, **more: Any) -> None:
    boto3.client("eks").create_access_entry(clusterName="livekit-uat-main", principalArn=principal, **more)


def _entries() -> set[str]:
    return set(boto3.client("eks").list_access_entries(clusterName="livekit-uat-main")["accessEntries"])


def test_whom_somebody_else_let_into_the_cluster_is_named_and_left(rig: AwsRig) -> None:
    rig.up(_cluster())
    before = _entries()
    eve = boto3.client("iam").create_user(UserName="eve")["User"]["Arn"]
    nodes = Base().another_role("livekit-uat-node")
    _entry(nodes, type="EC2_LINUX")
    assert rig.plan(_cluster()).changes == (), "EKS makes the entries of our nodes' roles"
    _entry(eve)
    plan = rig.plan(_cluster())
    assert plan.changes == ()
    said, remedy = plan.warnings["eks.cluster/main"]
    assert said == f"somebody else gave these access to its API: {eve}"
    assert "cluster.admins" in remedy
    rig.up(_cluster())
    assert _entries() == {*before, nodes, eve}


def test_an_entry_of_ours_that_lost_its_marks_is_not_shut_out(rig: AwsRig) -> None:
    rig.up(_cluster())
    before = _entries()
    eks = boto3.client("eks")
    for principal in before:
        said = eks.describe_access_entry(clusterName="livekit-uat-main", principalArn=principal)["accessEntry"]
        eks.untag_resource(resourceArn=said["accessEntryArn"], tagKeys=list(said["tags"]))
    plan = rig.plan(_cluster())
    assert plan.changes == ()
    assert plan.unmarked
    rig.up(_cluster())
    assert _entries() == before


def test_a_key_whose_maker_is_gone_is_as_it_was(rig: AwsRig) -> None:
    """A policy names whoever was deleted by a unique id; that lets nobody in."""
    rig.up([Base().key()])
    kms, key = boto3.client("kms"), str(rig.records["kms.key/cluster"].id)
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    maker = rig.cloud.identity.principal
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy.replace(maker, "AIDACKCEVSQ6C2EXAMPLE"))
    assert rig.plan([Base().key()]).changes == ()
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy.replace(maker, f"{maker}-of-theirs"))
    (change,) = rig.plan([Base().key()]).changes
    assert [diff.path for diff in change.diffs] == ["key_policy"]
    rig.up([Base().key()])
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == policy


def _running(rig: AwsRig) -> tuple[Any, str, str]:
    """One of our nodes, its network and the group of somebody else that is in it."""
    ec2, cluster = boto3.client("ec2"), boto3.client("eks").describe_cluster(name="livekit-uat-main")["cluster"]
    where = [{"Name": "tag:eks:cluster-name", "Values": ["livekit-uat-main"]}]
    node = ec2.describe_instances(Filters=where)["Reservations"][0]["Instances"][0]
    vpc = cluster["resourcesVpcConfig"]["vpcId"]
    theirs = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=vpc)["GroupId"]
    return node, theirs, str(cluster["resourcesVpcConfig"]["clusterSecurityGroupId"])


def test_a_group_on_a_node_is_named_whichever_interface_has_it_and_stays(rig: AwsRig) -> None:
    rig.up(_nodes())
    assert rig.plan(_nodes()).warnings == {}, "ours and EKS's own are not foreign"
    ec2, (node, theirs, own) = boto3.client("ec2"), _running(rig)
    primary, address = node["NetworkInterfaces"][0]["NetworkInterfaceId"], f"eks.node_group/{_node_group(rig)}"
    ec2.modify_network_interface_attribute(NetworkInterfaceId=primary, Groups=[own, theirs])

    plan = rig.plan(_nodes())
    assert plan.changes == ()
    ((where, (said, remedy)),) = plan.warnings.items()
    assert where == address
    assert said.startswith(f"somebody else put a security group on {primary} of {node['InstanceId']}: {theirs} (theirs")
    assert remedy.startswith("if it is not wanted, remove it from the interface")
    rig.calls()
    assert rig.executed(_nodes()).warnings == {address: (said, remedy)}
    assert rig.calls() == []

    ec2.modify_network_interface_attribute(NetworkInterfaceId=primary, Groups=[own])
    assert rig.plan(_nodes()).warnings == {}
    asked = {"SubnetId": node["SubnetId"], "Groups": [theirs]}
    second = ec2.create_network_interface(**asked)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=node["InstanceId"], DeviceIndex=1)
    ((said, _),) = rig.plan(_nodes()).warnings.values()
    assert f"{second} of {node['InstanceId']}: {theirs}" in said
    assert primary not in said


def _node_group(rig: AwsRig) -> str:
    return next(address for address in rig.records if address.startswith("eks.node_group/")).partition("/")[2]


def test_nodes_that_come_up_with_a_group_of_somebody_else_are_not_waited_for(
    rig: AwsRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As AWS Firewall Manager does it to each instance of an account."""
    launch = NodeGroups._launch

    def managed(groups: NodeGroups, wire: Any, subnet: str) -> None:
        launch(groups, wire, subnet)
        ec2 = groups._ec2
        theirs = ec2.create_security_group("managed", "managed", ec2.get_subnet(subnet).vpc_id, {"FMManaged": "true"})
        for instance in groups.instances(wire):
            instance.security_groups = [*instance.security_groups, theirs]

    monkeypatch.setattr(NodeGroups, "_launch", managed)
    (said, _) = rig.executed(_nodes()).warnings[f"eks.node_group/{_node_group(rig)}"]
    assert "made by AWS Firewall Manager" in said
    assert rig.records[f"eks.node_group/{_node_group(rig)}"].phase == "ready"


def test_a_group_on_the_controllers_load_balancer_is_named(rig: AwsRig) -> None:
    base = Base()
    rig.up([base.vpc(), base.gateway(), base.subnet("a"), base.subnet("b"), base.group()])
    controller_made(rig)
    ec2, elb = boto3.client("ec2"), boto3.client("elbv2")
    (made,) = elb.describe_load_balancers()["LoadBalancers"]
    arn, vpc = made["LoadBalancerArn"], made["VpcId"]
    elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "ingress.k8s.aws/stack", "Value": "livekit/livekit"}])
    ours = LoadBalancer("signal", stack="livekit/livekit")
    seen = ours.read(rig.cloud, None)
    assert seen is not None
    assert ours.notice(seen) == ("", ""), "what the controller made is not foreign"

    theirs = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=vpc)["GroupId"]
    elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[*made["SecurityGroups"], theirs])
    seen = ours.read(rig.cloud, None)
    assert seen is not None
    said, remedy = ours.notice(seen)
    assert said.startswith(f"somebody else put a security group on k8s-livekit: {theirs} (theirs, made by ")
    assert remedy.startswith("if it is not wanted, remove it from the balancer in EC2")
    another = Cloud(rig.clients, rig.cloud.ownership, rig.cloud.context)
    assert on_balancer(another, "livekit-uat-eu-main", made)[0], "what another cluster's controller made is"


def test_what_somebody_turns_on_in_the_cluster_is_named_and_stays(rig: AwsRig) -> None:
    rig.up(_cluster())
    eks, ec2 = boto3.client("eks"), boto3.client("ec2")
    vpc = eks.describe_cluster(name="livekit-uat-main")["cluster"]["resourcesVpcConfig"]["vpcId"]
    theirs = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=vpc)["GroupId"]
    eks.update_cluster_config(name="livekit-uat-main", resourcesVpcConfig={"securityGroupIds": [theirs]})
    wire = store_of("123456789012", REGION).clusters["livekit-uat-main"].wire
    wire["computeConfig"] = {
        "enabled": True,
        "nodePools": ["system"],
        "nodeRoleArn": "arn:aws:iam::123456789012:role/auto",
    }
    wire["remoteNetworkConfig"] = {"remoteNodeNetworks": [{"cidrs": ["10.80.0.0/16"]}], "remotePodNetworks": []}
    plan = rig.plan(_cluster())
    assert plan.changes == ()
    ((where, (said, remedy)),) = plan.warnings.items()
    assert where == "eks.cluster/main"
    for text in (
        f"the control plane of livekit-uat-main: {theirs}",
        "role arn:aws:iam::123456789012:role/auto",
        "10.80.0.0/16",
    ):
        assert text in said
    assert "remove it from the cluster in EKS" in remedy
    assert rig.executed(_cluster()).warnings == {where: (said, remedy)}
