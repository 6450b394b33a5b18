"""EKS clusters: every field that was asked for, states that last, updates one by one."""

from __future__ import annotations

import base64

from cryptography import x509

from tests.sandbox.corrections.harness import ProbedAws, probe, refused


@probe("EKS")
def cluster_takes_its_time(world: ProbedAws) -> None:
    """shows a new cluster as active at once, and forgets a deleted one at once

    CREATING for some nine minutes without endpoint or authority, DELETING for some three
    """
    network, name = world.network(), world.name("cluster")
    with world.unhurried() as later:
        world.eks.create_cluster(name=name, roleArn=world.role(), resourcesVpcConfig={"subnetIds": network.subnets})
        assert world.seen(name)["status"] == "CREATING"
        assert "endpoint" not in world.seen(name)
        with refused("ResourceInUseException"):
            world.eks.delete_cluster(name=name)
        later(1000)
        assert world.seen(name)["status"] == "ACTIVE"
        world.eks.delete_cluster(name=name)
        assert world.seen(name)["status"] == "DELETING"
        later(1000)
        with refused("ResourceNotFoundException"):
            world.seen(name)


@probe("EKS")
def cluster_keeps_what_was_asked_for(world: ProbedAws) -> None:
    """drops accessConfig, upgradePolicy, deletionProtection

    shows them, with EKS's defaults where nothing was asked
    """
    cluster = world.cluster(
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        upgradePolicy={"supportType": "STANDARD"},
        deletionProtection=True,
    )
    assert cluster.get("accessConfig") == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    assert cluster.get("upgradePolicy") == {"supportType": "STANDARD"}
    assert cluster.get("deletionProtection") is True


@probe("EKS")
def cluster_defaults(world: ProbedAws) -> None:
    """gives a cluster version 1.19

    the newest that is the default, with a public endpoint and extended support
    """
    name = world.name("cluster")
    world.eks.create_cluster(name=name, roleArn=world.role(), resourcesVpcConfig={"subnetIds": world.network().subnets})
    cluster = world.seen(name)
    assert cluster["version"] == "1.36"
    assert cluster["resourcesVpcConfig"]["publicAccessCidrs"] == ["0.0.0.0/0"]
    assert cluster["upgradePolicy"] == {"supportType": "EXTENDED"}


@probe("EKS")
def cluster_has_a_network(world: ProbedAws) -> None:
    """says neither vpcId nor clusterSecurityGroupId, and makes neither group nor interfaces

    both, with the group tagged and on an interface in each zone; all of it goes with the cluster
    """
    cluster = world.cluster()
    config = cluster["resourcesVpcConfig"]
    assert config.get("vpcId", "").startswith("vpc-")
    group = config["clusterSecurityGroupId"]
    tags = world.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["Tags"]
    assert {"Key": f"kubernetes.io/cluster/{cluster['name']}", "Value": "owned"} in tags
    where = [{"Name": "group-id", "Values": [group]}]
    assert len(world.ec2.describe_network_interfaces(Filters=where)["NetworkInterfaces"]) == 2
    world.eks.delete_cluster(name=cluster["name"])
    with refused("ResourceNotFoundException"):
        world.seen(cluster["name"])
    assert world.ec2.describe_security_groups(Filters=where)["SecurityGroups"] == []
    assert world.ec2.describe_network_interfaces(Filters=where)["NetworkInterfaces"] == []


@probe("EKS")
def cluster_has_its_own_issuer(world: ProbedAws) -> None:
    """gives every cluster of a process the same OIDC issuer

    each has its own, with an id of 32 characters
    """
    issuers = {world.cluster()["identity"]["oidc"]["issuer"] for _ in range(2)}
    assert len(issuers) == 2
    assert all(len(one.rpartition("/")[2]) == 32 for one in issuers)


@probe("EKS", fails="ValueError")
def cluster_has_an_authority(world: ProbedAws) -> None:
    """gives random characters for certificateAuthority

    the certificate of an authority
    """
    data = base64.b64decode(world.cluster()["certificateAuthority"]["data"])
    assert x509.load_pem_x509_certificate(data).issuer


@probe("EKS")
def cluster_needs_what_it_is_given(world: ProbedAws) -> None:
    """accepts a role, subnets, a zone too few, and a version that there are not

    InvalidParameterException
    """
    role, subnets = world.role(), world.network().subnets
    for asked in (
        {"roleArn": "arn:aws:iam::123456789012:role/nobody", "resourcesVpcConfig": {"subnetIds": subnets}},
        {"roleArn": role, "resourcesVpcConfig": {"subnetIds": subnets[:1]}},
        {"roleArn": role, "resourcesVpcConfig": {"subnetIds": ["subnet-1", "subnet-2"]}},
        {"roleArn": role, "resourcesVpcConfig": {"subnetIds": subnets}, "version": "1.19"},
    ):
        with refused("InvalidParameterException"):
            world.eks.create_cluster(name=world.name("cluster"), **asked)


@probe("EKS", fails="ResourceInUseException")
def cluster_and_its_token(world: ProbedAws) -> None:
    """refuses a cluster for a client request token that it has seen

    answers with the first
    """
    asked = {
        "name": world.name("cluster"),
        "roleArn": world.role(),
        "resourcesVpcConfig": {"subnetIds": world.network().subnets},
        "clientRequestToken": world.name("token"),
    }
    first, second = (world.eks.create_cluster(**asked)["cluster"]["arn"] for _ in range(2))
    assert first == second


@probe("EKS", fails="KeyError")
def cluster_configuration_is_updated(world: ProbedAws) -> None:
    """answers nothing, and replaces the whole VPC configuration by what was sent

    an update to ask for; what was not sent stays
    """
    cluster = world.cluster()
    name, before = cluster["name"], cluster["resourcesVpcConfig"]
    with world.unhurried() as later:
        update = world.eks.update_cluster_config(name=name, resourcesVpcConfig={"publicAccessCidrs": ["192.0.2.0/24"]})
        id = update["update"]["id"]
        assert world.seen(name)["status"] == "UPDATING"
        assert world.eks.describe_update(name=name, updateId=id)["update"]["status"] == "InProgress"
        later(600)
        assert world.seen(name)["status"] == "ACTIVE"
    assert world.eks.describe_update(name=name, updateId=id)["update"]["status"] == "Successful"
    assert id in world.eks.list_updates(name=name)["updateIds"]
    assert world.seen(name)["resourcesVpcConfig"] == {**before, "publicAccessCidrs": ["192.0.2.0/24"]}


@probe("EKS")
def cluster_takes_one_change_at_a_time(world: ProbedAws) -> None:
    """accepts an update of two kinds, and one that changes nothing

    InvalidParameterException
    """
    name = world.cluster()["name"]
    logging = {"clusterLogging": [{"types": ["api"], "enabled": True}]}
    with refused("InvalidParameterException"):
        world.eks.update_cluster_config(name=name, logging=logging, resourcesVpcConfig={"endpointPrivateAccess": True})
    with refused("InvalidParameterException"):
        world.eks.update_cluster_config(name=name, resourcesVpcConfig={"endpointPrivateAccess": False})


@probe("EKS", fails="404")
def cluster_version_is_updated(world: ProbedAws) -> None:
    """cannot update a cluster's version

    goes up by one minor version
    """
    name = world.cluster(version="1.34")["name"]
    update = world.eks.update_cluster_version(name=name, version="1.35")["update"]
    assert world.seen(name)["version"] == "1.35"
    assert world.eks.describe_update(name=name, updateId=update["id"])["update"]["type"] == "VersionUpdate"
    with refused("InvalidParameterException"):
        world.eks.update_cluster_version(name=name, version="1.37")


@probe("EKS")
def cluster_under_deletion_protection(world: ProbedAws) -> None:
    """deletes a cluster under deletion protection

    InvalidRequestException, until the protection is taken off
    """
    name = world.cluster(deletionProtection=True)["name"]
    with refused("InvalidRequestException"):
        world.eks.delete_cluster(name=name)
    world.eks.update_cluster_config(name=name, deletionProtection=False)
    world.eks.delete_cluster(name=name)


@probe("EKS")
def cluster_makes_its_log_group(world: ProbedAws) -> None:
    """makes no log group for a cluster that logs

    makes it, also when it was deleted, and as long as the cluster has something to say
    """
    name = world.cluster(logging={"clusterLogging": [{"types": ["api"], "enabled": True}]})["name"]
    group = f"/aws/eks/{name}/cluster"
    assert world.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    world.logs.delete_log_group(logGroupName=group)
    world.eks.delete_cluster(name=name)
    assert world.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]


@probe("EKS", fails="404")
def cluster_versions(world: ProbedAws) -> None:
    """cannot tell which Kubernetes versions there are

    each with its support, one of them the default
    """
    found = world.eks.describe_cluster_versions()["clusterVersions"]
    assert [one["clusterVersion"] for one in found if one["defaultVersion"]] == ["1.36"]
    assert all(one["status"] for one in found)


@probe("EKS", fails="404")
def cluster_is_encrypted_later(world: ProbedAws) -> None:
    """cannot encrypt the secrets of a cluster that there is

    once, with a key, for good
    """
    name = world.cluster()["name"]
    key = world.kms.create_key()["KeyMetadata"]["Arn"]
    config = [{"resources": ["secrets"], "provider": {"keyArn": key}}]
    world.eks.associate_encryption_config(clusterName=name, encryptionConfig=config)
    assert world.seen(name)["encryptionConfig"] == config
    with refused("InvalidParameterException"):
        world.eks.associate_encryption_config(clusterName=name, encryptionConfig=config)


@probe("EKS")
def log_group_comes_back(world: ProbedAws) -> None:
    """lets the log group of a deleted cluster be deleted for good

    what the control plane still had to say makes it once more
    """
    name = world.cluster(logging={"clusterLogging": [{"types": ["api"], "enabled": True}]})["name"]
    group = f"/aws/eks/{name}/cluster"
    world.eks.delete_cluster(name=name)
    with refused("ResourceNotFoundException"):
        world.seen(name)

    def seen() -> int:
        return len(world.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"])

    if seen():
        world.logs.delete_log_group(logGroupName=group)
    assert [seen(), seen(), seen()] == [0, 1, 1]
    world.logs.delete_log_group(logGroupName=group)
    assert [seen(), seen(), seen()] == [0, 0, 0]


@probe("EKS")
def cluster_whose_key_is_disabled(world: ProbedAws) -> None:
    """reports no health of a cluster

    an issue that names the key, while the cluster is active
    """
    key = world.kms.create_key()["KeyMetadata"]
    encryption = [{"resources": ["secrets"], "provider": {"keyArn": key["Arn"]}}]
    cluster = world.cluster(encryptionConfig=encryption)["name"]
    world.kms.disable_key(KeyId=key["KeyId"])
    found = world.eks.describe_cluster(name=cluster)["cluster"]
    assert [one["code"] for one in found.get("health", {}).get("issues", [])] == ["KmsKeyDisabled"]
    assert found["status"] == "ACTIVE"
