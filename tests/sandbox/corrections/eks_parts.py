"""What lives in an EKS cluster: node groups, add-ons, access entries."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.test import Client

from tests.sandbox.corrections.harness import ProbedAws, probe, refused

_NOBODY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "ec2.amazonaws.com"}}]}'
)
_VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def _group(world: ProbedAws, cluster: dict[str, Any], **more: Any) -> dict[str, Any]:
    name = world.name("nodes")
    asked = {
        "subnets": cluster["resourcesVpcConfig"]["subnetIds"],
        "nodeRole": world.role("ec2.amazonaws.com"),
        "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 2},
        **more,
    }
    world.eks.create_nodegroup(clusterName=cluster["name"], nodegroupName=name, **asked)
    return _seen(world, cluster, name)


def _seen(world: ProbedAws, cluster: dict[str, Any], name: str) -> dict[str, Any]:
    said = world.eks.describe_nodegroup(clusterName=cluster["name"], nodegroupName=name)
    found: dict[str, Any] = said["nodegroup"]
    return found


def _instances(world: ProbedAws, group: str) -> list[str]:
    where = [
        {"Name": "tag:eks:nodegroup-name", "Values": [group]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    found = world.ec2.describe_instances(Filters=where)["Reservations"]
    return sorted(one["InstanceId"] for reservation in found for one in reservation["Instances"])


@probe("EKS")
def node_group_takes_its_time(world: ProbedAws) -> None:
    """shows a new node group as active at once, and forgets a deleted one at once

    CREATING and DELETING for some minutes each
    """
    cluster = world.cluster()
    with world.unhurried() as later:
        group = _group(world, cluster)
        assert group["status"] == "CREATING"
        later(600)
        assert _seen(world, cluster, group["nodegroupName"])["status"] == "ACTIVE"
        world.eks.delete_nodegroup(clusterName=cluster["name"], nodegroupName=group["nodegroupName"])
        assert _seen(world, cluster, group["nodegroupName"])["status"] == "DELETING"
        later(600)
        with refused("ResourceNotFoundException"):
            _seen(world, cluster, group["nodegroupName"])


@probe("EKS")
def node_group_keeps_what_was_asked_for(world: ProbedAws) -> None:
    """gives a node group version 1.19 and drops updateConfig

    the cluster's version, and what was asked for
    """
    cluster = world.cluster(version="1.34")
    group = _group(world, cluster, updateConfig={"maxUnavailablePercentage": 33})
    assert group["version"] == "1.34"
    assert group["updateConfig"] == {"maxUnavailablePercentage": 33}


@probe("EKS")
def node_group_with_a_launch_template(world: ProbedAws) -> None:
    """invents a disk size beside a launch template

    the disk is the template's own affair
    """
    template = world.ec2.create_launch_template(LaunchTemplateName=world.name("template"), LaunchTemplateData={})
    id = template["LaunchTemplate"]["LaunchTemplateId"]
    group = _group(world, world.cluster(), launchTemplate={"id": id, "version": "1"})
    assert group["launchTemplate"]["id"] == id
    assert "diskSize" not in group


@probe("EKS")
def node_group_sizes(world: ProbedAws) -> None:
    """accepts a smallest size above the largest

    InvalidParameterException
    """
    cluster = world.cluster()
    with refused("InvalidParameterException"):
        _group(world, cluster, scalingConfig={"minSize": 3, "maxSize": 1, "desiredSize": 2})


@probe("EKS")
def node_group_has_instances(world: ProbedAws) -> None:
    """makes no instances for a node group

    as many as desired, each group its own; they follow the size and go with the group
    """
    cluster = world.cluster()
    names = [_group(world, cluster)["nodegroupName"] for _ in range(2)]
    assert [len(_instances(world, name)) for name in names] == [2, 2]
    scaling = {"minSize": 1, "maxSize": 3, "desiredSize": 3}
    world.eks.update_nodegroup_config(clusterName=cluster["name"], nodegroupName=names[0], scalingConfig=scaling)
    assert _seen(world, cluster, names[0])["status"] == "ACTIVE"
    assert len(_instances(world, names[0])) == 3
    world.eks.delete_nodegroup(clusterName=cluster["name"], nodegroupName=names[0])
    assert world.eks.list_nodegroups(clusterName=cluster["name"])["nodegroups"] == [names[1]]
    assert _instances(world, names[0]) == []


@probe("EKS", fails="404")
def node_group_version_is_updated(world: ProbedAws) -> None:
    """cannot update a node group's version or launch template

    rolls its instances
    """
    cluster = world.cluster()
    data = {"SecurityGroupIds": [cluster["resourcesVpcConfig"].get("clusterSecurityGroupId", "sg-0")]}
    name = world.name("template")
    template = world.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)["LaunchTemplate"]
    id = template["LaunchTemplateId"]
    group = _group(world, cluster, launchTemplate={"id": id, "version": "1"})["nodegroupName"]
    before = _instances(world, group)
    world.ec2.create_launch_template_version(LaunchTemplateId=id, LaunchTemplateData=data)
    names = {"clusterName": cluster["name"], "nodegroupName": group}
    world.eks.update_nodegroup_version(**names, launchTemplate={"id": id, "version": "2"})
    assert _seen(world, cluster, group)["launchTemplate"]["version"] == "2"
    after = _instances(world, group)
    assert len(after) == 2
    assert not set(before) & set(after)


@probe("EKS", fails="404")
def node_group_update_is_shown(world: ProbedAws) -> None:
    """cannot tell how an update of a node group went

    by its id: in progress, then successful
    """
    cluster = world.cluster()
    group = _group(world, cluster)["nodegroupName"]
    names = {"clusterName": cluster["name"], "nodegroupName": group}
    with world.unhurried() as later:
        update = world.eks.update_nodegroup_config(**names, labels={"addOrUpdateLabels": {"a": "b"}})["update"]
        where = {"name": cluster["name"], "nodegroupName": group, "updateId": update["id"]}
        assert world.eks.describe_update(**where)["update"]["status"] == "InProgress"
        later(600)
        assert _seen(world, cluster, group)["labels"] == {"a": "b"}
        assert world.eks.describe_update(**where)["update"]["status"] == "Successful"


@probe("EKS", fails="KeyError")
def node_groups_of_no_cluster(world: ProbedAws) -> None:
    """crashes when the node groups of an unknown cluster are listed

    ResourceNotFoundException
    """
    with refused("ResourceNotFoundException"):
        world.eks.list_nodegroups(clusterName=world.name("cluster"))


@probe("EKS", fails="ResourceNotFoundException")
def parts_of_a_cluster_have_tags(world: ProbedAws) -> None:
    """refuses to tag anything but clusters

    node groups, add-ons and access entries are tagged by their ARN
    """
    group = _group(world, world.cluster(), tags={"one": "1"})
    world.eks.tag_resource(resourceArn=group["nodegroupArn"], tags={"two": "2"})
    tags = world.eks.list_tags_for_resource(resourceArn=group["nodegroupArn"])["tags"]
    assert tags == {"one": "1", "two": "2"}


# ---- add-ons


@probe("EKS", fails="404")
def addon_from_creation_to_deletion(world: ProbedAws) -> None:
    """has no add-ons

    created, described, updated and deleted, with a state on the way
    """
    cluster = world.cluster()["name"]
    names = {"clusterName": cluster, "addonName": "vpc-cni"}
    with world.unhurried() as later:
        assert world.eks.create_addon(**names)["addon"]["status"] == "CREATING"
        later(300)
        assert world.eks.describe_addon(**names)["addon"]["status"] == "ACTIVE"
    with refused("ResourceInUseException"):
        world.eks.create_addon(**names)
    assert world.eks.update_addon(**names, configurationValues='{"env":{}}')["update"]["createdAt"]
    assert world.eks.describe_addon(**names)["addon"]["configurationValues"] == '{"env":{}}'
    assert world.eks.list_addons(clusterName=cluster)["addons"] == ["vpc-cni"]
    world.eks.delete_addon(**names)
    with refused("ResourceNotFoundException"):
        world.eks.describe_addon(**names)


@probe("EKS", fails="404")
def addon_that_needs_nodes(world: ProbedAws) -> None:
    """has no add-ons

    CoreDNS is degraded until a node has joined
    """
    cluster = world.cluster()
    names = {"clusterName": cluster["name"], "addonName": "coredns"}
    world.eks.create_addon(**names)
    assert world.eks.describe_addon(**names)["addon"]["status"] == "DEGRADED"
    _group(world, cluster)
    assert world.eks.describe_addon(**names)["addon"]["status"] == "ACTIVE"


@probe("EKS", fails="404")
def addon_versions(world: ProbedAws) -> None:
    """cannot tell which versions of an add-on there are

    each with the Kubernetes versions that it suits, one the default
    """
    found = world.eks.describe_addon_versions(addonName="vpc-cni")["addons"][0]["addonVersions"]
    fits = {one["addonVersion"]: one["compatibilities"][0] for one in found}
    assert len([version for version, first in fits.items() if first["defaultVersion"]]) == 1
    with refused("InvalidParameterException"):
        world.eks.create_addon(clusterName=world.cluster()["name"], addonName="vpc-cni", addonVersion="v0")


# ---- access entries


@probe("EKS", fails="404")
def access_entry_from_creation_to_deletion(world: ProbedAws) -> None:
    """has no access entries

    created, described, listed, tagged and deleted; one for each principal
    """
    cluster, principal = world.cluster()["name"], world.role()
    names = {"clusterName": cluster, "principalArn": principal}
    made = world.eks.create_access_entry(**names, tags={"one": "1"})["accessEntry"]
    with refused("ResourceInUseException"):
        world.eks.create_access_entry(**names)
    world.eks.tag_resource(resourceArn=made["accessEntryArn"], tags={"two": "2"})
    found = world.eks.describe_access_entry(**names)["accessEntry"]
    assert (found["type"], found["tags"]) == ("STANDARD", {"one": "1", "two": "2"})
    assert world.eks.list_access_entries(clusterName=cluster)["accessEntries"] == [principal]
    world.eks.delete_access_entry(**names)
    with refused("ResourceNotFoundException"):
        world.eks.describe_access_entry(**names)


@probe("EKS")
def access_entry_of_a_principal_that_there_is(world: ProbedAws) -> None:
    """has no access entries

    for users and roles that IAM has, by their whole ARN; never for the role of a service
    """
    cluster, path = world.cluster()["name"], "/aws-reserved/sso.amazonaws.com/eu-central-1/"
    name = world.name("AWSReservedSSO_Admin")
    role = world.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=_NOBODY)["Role"]["Arn"]
    linked = "arn:aws:iam::123456789012:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
    for arn in (role.replace(path, "/"), f"{role}2", linked):
        with refused("InvalidParameterException"):
            world.eks.create_access_entry(clusterName=cluster, principalArn=arn)
    made = world.eks.create_access_entry(clusterName=cluster, principalArn=role, tags={"a": "b"})["accessEntry"]
    # as its server hears it: with the ARN in the path
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA123456789012/20261130/us-east-1/eks/aws4_request, x"}
    heard = Client(DomainDispatcherApplication(create_backend_app)).get(
        f"/tags/{quote(made['accessEntryArn'], safe='')}", base_url="http://127.0.0.1:5000", headers=headers
    )
    assert heard.get_json() == {"tags": {"a": "b"}}


@probe("EKS", fails="404")
def access_policies(world: ProbedAws) -> None:
    """has no access policies

    associated with an entry, and taken from it
    """
    names = {"clusterName": world.cluster()["name"], "principalArn": world.role()}
    world.eks.create_access_entry(**names)
    world.eks.associate_access_policy(**names, policyArn=_VIEW, accessScope={"type": "cluster"})
    found = world.eks.list_associated_access_policies(**names)["associatedAccessPolicies"]
    assert [(one["policyArn"], one["accessScope"]) for one in found] == [(_VIEW, {"type": "cluster", "namespaces": []})]
    world.eks.disassociate_access_policy(**names, policyArn=_VIEW)
    assert world.eks.list_associated_access_policies(**names)["associatedAccessPolicies"] == []


@probe("EKS")
def access_entries_need_their_mode(world: ProbedAws) -> None:
    """has no access entries

    InvalidRequestException where the cluster's authentication mode is CONFIG_MAP
    """
    cluster = world.cluster(accessConfig={"authenticationMode": "CONFIG_MAP"})
    with refused("InvalidRequestException"):
        world.eks.create_access_entry(clusterName=cluster["name"], principalArn=world.role())
