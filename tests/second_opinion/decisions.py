"""Where MiniStack and the sandbox disagree: what each says, and who is wrong by AWS's documents.

A test holds every line to what MiniStack does, so that a newer one which does otherwise is noticed.
"""

from __future__ import annotations

from dataclasses import dataclass

#: kinds of which MiniStack can make nothing, with the reason
NO_LIFE = {
    "elbv2.load_balancer": "a load balancer controller makes it, and there is no cluster in which one could run",
    "ec2.flow_log": "it drops the tags, whose type is vpc-flow-log, and what carries no tags of ours is left",
}
#: services and single probes that ask the sandbox through a door of its own, with the reason
NO_PROBE = {
    "Rights": "the probes' callers are made inside of the sandbox",
    "STS": "the probes look at the sandbox's own accounts",
    "Price List": "MiniStack has no such service",
    "Service Quotas": "MiniStack has no such service",
    "controller_and_what_it_makes": "it is the sandbox's own load balancer controller",
    "letters_of_zones_are_the_accounts_own": "the probe looks at another account of the sandbox",
    "zones_that_an_account_opts_in_to": "the probe looks at another region of the sandbox",
    "guardduty_in_the_network_of_a_cluster": "MiniStack has no GuardDuty",
}


@dataclass(frozen=True)
class Lacking:
    """A change that MiniStack cannot make; ``shows`` is how a run of it ends, a pattern."""

    why: str
    shows: str


_NO_ROUTE = "No route for POST"
_UNSEEN = "AWS accepted the change but does not show it"
NO_CHANGE = {
    **{
        f"eks.cluster.{name}": Lacking("has no UpdateClusterConfig", _NO_ROUTE)
        for name in ("subnet_ids", "public_cidrs", "private_access", "logs", "deletion_protection")
    },
    "eks.cluster.version": Lacking("has no UpdateClusterVersion", _NO_ROUTE),
    **{
        f"eks.node_group.{name}": Lacking("has no UpdateNodegroupConfig", _NO_ROUTE)
        for name in ("min", "max", "desired_size", "surge")
    },
    "eks.node_group.version": Lacking("has no UpdateNodegroupVersion", _NO_ROUTE),
    "elasticache.replication_group.version": Lacking("leaves the engine version of the nodes as it is", _UNSEEN),
    "elasticache.replication_group.replicas": Lacking("leaves the list of members as it is", _UNSEEN),
    "elasticache.replication_group.minor_upgrades": Lacking("does not tell it", _UNSEEN),
    "elasticache.replication_group.parameter_group": Lacking("leaves that of the nodes as it is", _UNSEEN),
    "elasticache.replication_group.security_group_ids": Lacking("leaves the groups of the nodes as they are", _UNSEEN),
}


@dataclass(frozen=True)
class Decision:
    """``said`` is what MiniStack does, ``page`` which of AWS's documents says that it is wrong."""

    said: str
    page: str


def _all(said: str, page: str, names: str) -> dict[str, Decision]:
    return dict.fromkeys(names.split(), Decision(said, page))


_EC2 = "EC2 API reference, Error codes"
_TOKEN = "EC2 API reference, Ensuring idempotency"
_ROUTES = "EC2 API reference, CreateRoute and DescribeRouteTables"
_CLUSTER = "EKS API reference, CreateCluster"
_NODES = "EKS API reference, CreateNodegroup"
_GROUP = "ElastiCache API reference, CreateReplicationGroup"
_CHANGE = "ElastiCache API reference, ModifyReplicationGroup"
_ACCEPTS, _AT_ONCE, _NONE = "accepts it", "is at once what it will be", "has no such call"
#: name of a probe → what was decided against MiniStack; the sandbox passes each of them
DISAGREES: dict[str, Decision] = {
    **_all(
        _ACCEPTS,
        _EC2,
        "vpc_with_an_endpoint vpc_with_a_network_acl subnet_with_an_interface security_group_on_an_interface"
        " security_group_that_a_rule_names gateway_with_public_addresses_behind_it second_gateway_of_a_vpc"
        " address_in_use main_route_table second_route_table_of_a_subnet endpoint_twice_in_a_route_table"
        " endpoint_to_an_unknown_service nat_gateway_holds_its_address nat_gateway_needs_an_internet_gateway"
        " route_to_an_unknown_nat_gateway route_to_an_unattached_gateway",
    ),
    **_all(
        "makes a second one",
        _TOKEN,
        "endpoint_and_its_token route_table_and_its_token flow_log_and_its_token nat_gateway_and_its_token",
    ),
    **_all("refuses the name, which is in use", _TOKEN, "launch_template_and_its_token"),
    **_all("keeps the association", _ROUTES, "subnet_leaves_its_route_table"),
    **_all("adds no route", "VPC user guide, Gateway endpoints", "endpoint_is_added_to_a_route_table"),
    **_all("keeps the route active", _ROUTES, "route_to_a_deleted_nat_gateway"),
    **_all("keeps the group that it had", "EC2 API reference, ModifySecurityGroupRules", "rule_is_given_another_group"),
    **_all(
        "shows no interface of a launched instance",
        "EC2 API reference, Instance",
        "interface_in_use interfaces_have_groups_of_their_own",
    ),
    **_all(_AT_ONCE, "EC2 API reference, NatGateway", "nat_gateway_takes_its_time"),
    **_all(_AT_ONCE, "EC2 API reference, VpcEndpoint", "interface_endpoint_takes_its_time"),
    **_all("lists all", "EC2 API reference, DescribeRegions", "regions_that_an_account_has"),
    **_all(
        _NONE,
        "EC2 API reference, Actions",
        "public_access_is_blocked_for_an_account disks_have_a_key_of_the_account images_that_may_start",
    ),
    **_all(_AT_ONCE, "EKS API reference, Cluster", "cluster_takes_its_time"),
    **_all(_AT_ONCE, "EKS API reference, Nodegroup", "node_group_takes_its_time"),
    **_all(_AT_ONCE, "EKS API reference, Addon", "addon_from_creation_to_deletion addon_that_needs_nodes"),
    **_all(
        _AT_ONCE,
        "ElastiCache API reference, ReplicationGroup",
        "replication_group_takes_its_time replication_group_finishes_deleting",
    ),
    **_all("issues it without its record", "ACM user guide, DNS validation", "certificate_is_issued_for_its_record"),
    **_all(_AT_ONCE, "Elastic Load Balancing API reference, LoadBalancerState", "load_balancer_takes_its_time"),
    **_all(_AT_ONCE, "Elastic Load Balancing API reference, TargetHealth", "target_is_checked_before_it_is_healthy"),
    **_all("leaves members out", _CLUSTER, "cluster_keeps_what_was_asked_for"),
    **_all("gives another version", "EKS user guide, Kubernetes versions", "cluster_defaults"),
    **_all("gives an id of a group that there is not", "EKS user guide, Security groups", "cluster_has_a_network"),
    **_all("gives a shorter one", "EKS user guide, IAM roles for service accounts", "cluster_has_its_own_issuer"),
    **_all("gives none", "EKS API reference, Certificate", "cluster_has_an_authority"),
    **_all(_ACCEPTS, _CLUSTER, "cluster_needs_what_it_is_given zone_without_a_control_plane"),
    **_all(_ACCEPTS, "EKS user guide, Access entries", "access_entry_of_a_principal_that_there_is"),
    **_all("refuses the second request", _CLUSTER, "cluster_and_its_token"),
    **_all(_ACCEPTS, "EKS user guide, Cluster deletion protection", "cluster_under_deletion_protection"),
    **_all("makes none", "EKS user guide, Control plane logs", "cluster_makes_its_log_group log_group_comes_back"),
    **_all(
        "answers InvalidRequestException",
        "EKS API reference, AssociateEncryptionConfig: Encryption is already enabled on the cluster",
        "cluster_is_encrypted_later",
    ),
    **_all(
        _NONE,
        "EKS API reference, Actions",
        "cluster_configuration_is_updated cluster_takes_one_change_at_a_time cluster_version_is_updated"
        " cluster_versions node_group_version_is_updated node_group_update_is_shown addon_versions",
    ),
    **_all("tells a disk size beside the template", _NODES, "node_group_with_a_launch_template"),
    **_all(_ACCEPTS, _NODES, "node_group_sizes"),
    **_all("starts none", "EKS user guide, Managed node groups", "node_group_has_instances"),
    **_all(
        "does not show tags that were added", "EKS API reference, TagResource", "access_entry_from_creation_to_deletion"
    ),
    **_all(_ACCEPTS, "EKS user guide, Access entries", "access_entries_need_their_mode"),
    **_all("names its members otherwise", _GROUP, "replication_group_has_its_members"),
    **_all("gives the name of its container", "ElastiCache user guide, Endpoints", "replication_group_endpoints"),
    **_all(_ACCEPTS, _GROUP, "replication_group_is_checked data_tiering_goes_with_its_nodes"),
    **_all(_ACCEPTS, _CHANGE, "replication_group_is_encrypted_step_by_step replication_group_changes_its_token"),
    **_all("leaves the nodes as they are", _CHANGE, "replication_group_is_modified replication_group_gets_replicas"),
    **_all("has no TestFailover", "ElastiCache API reference, Actions", "snapshots_come_from_a_member"),
    **_all("does not tell it", _GROUP, "minor_versions_are_raised_unless_refused windows_of_a_replication_group"),
    **_all(_ACCEPTS, "ElastiCache API reference, ModifyCacheParameterGroup", "parameters_are_checked"),
    **_all(_ACCEPTS, _GROUP, "parameters_are_of_the_engines_family"),
    **_all("keeps capital letters", "ElastiCache API reference, CreateCacheSubnetGroup", "subnet_group_is_checked"),
    **_all("does not sort out by source", "ElastiCache API reference, DescribeCacheParameters", "parameter_groups"),
    **_all("lists other families", "ElastiCache API reference, DescribeCacheEngineVersions", "engine_versions"),
    **_all(_ACCEPTS, "ACM API reference, DeleteCertificate", "certificate_in_use"),
    **_all("makes none", "EC2 user guide, Requester-managed network interfaces", "load_balancer_has_interfaces"),
    **_all(
        "gives it the ARN of an application one", "Service authorization reference", "network_load_balancer_is_named_so"
    ),
    **_all(
        _ACCEPTS,
        "Elastic Load Balancing API reference, DeleteLoadBalancer",
        "load_balancer_under_deletion_protection",
    ),
    **_all("makes a second one", "Route 53 API reference, CreateHostedZone", "zone_and_its_caller_reference"),
    **_all(
        _ACCEPTS,
        "Route 53 developer guide, Supported DNS record types",
        "record_beside_a_cname cname_at_the_apex simple_record_beside_weighted_ones alias_and_what_it_leads_to",
    ),
    **_all(
        "keeps names as they are written",
        "Route 53 developer guide, DNS domain name format",
        "record_and_how_its_name_is_written",
    ),
    **_all(
        "gives every zone the same, and asks no nameserver",
        "Route 53 developer guide, Getting the name servers for a public hosted zone",
        "zones_have_their_own_nameservers zone_that_the_domain_is_delegated_to",
    ),
    **_all("issues it", "ACM user guide, DNS validation", "certificate_whose_record_is_occluded"),
    **_all("tells no names", "ACM API reference, ListCertificates", "certificates_of_other_keys"),
    **_all(_ACCEPTS, "IAM API reference, DeletePolicy", "policy_with_versions"),
    **_all(_ACCEPTS, "IAM API reference, CreateRole", "trust_policy_is_read permissions_boundary_exists"),
    **_all(
        "allows nothing that is bound to a tag, and everything to a principal",
        "IAM API reference, SimulateCustomPolicy and SimulatePrincipalPolicy",
        "custom_policy_is_simulated principal_policy_is_simulated",
    ),
    **_all(_ACCEPTS, "KMS developer guide, Key states", "key_that_is_to_be_deleted key_that_is_disabled"),
    **_all(_ACCEPTS, "KMS API reference, CancelKeyDeletion", "deletion_that_nobody_asked_for"),
    **_all("says that it does", "KMS API reference, GetKeyRotationStatus", "key_that_goes_does_not_rotate"),
    **_all("reports no health", "EKS API reference, ClusterHealth", "cluster_whose_key_is_disabled"),
    **_all("does not say when", "KMS API reference, ScheduleKeyDeletion", "key_deletion_says_when"),
    **_all(
        "answers ResourceExistsException",
        "Secrets Manager API reference, CreateSecret: InvalidRequestException",
        "secret_that_is_to_be_deleted",
    ),
    **_all("answers in one page", "EC2 API reference, Pagination", "ec2_pages"),
    **_all("answers in one page", "EKS API reference, ListClusters", "eks_pages"),
    **_all("answers in one page", "IAM API reference, ListRoles", "iam_pages"),
    **_all("answers in one page", "ElastiCache API reference, DescribeReplicationGroups", "elasticache_pages"),
    **_all("answers in one page", "Elastic Load Balancing API reference, DescribeLoadBalancers", "elb_pages"),
    **_all("answers in one page", "KMS API reference, ListAliases", "kms_pages"),
    **_all("answers in one page", "ACM API reference, ListCertificates", "acm_pages"),
    **_all(_ACCEPTS, "S3 user guide, Verifying bucket ownership", "owner_is_checked"),
    **_all("blocks no public access", "S3 user guide, Blocking public access", "new_bucket_is_encrypted"),
}


@dataclass(frozen=True)
class Mended:
    """Where the sandbox was wrong. ``probe`` shows that it no longer is."""

    what: str
    ministack: str
    sandbox: str
    page: str
    probe: str


MENDED = (
    Mended(
        "a Redis group with a token and without TLS",
        "InvalidParameterValue",
        "InvalidParameterCombination",
        "ElastiCache API reference, CreateReplicationGroup; AWS's own words in github.com/aws/aws-cli issue 5007",
        "replication_group_is_checked",
    ),
    Mended(
        "`KeyId` in the answer of ScheduleKeyDeletion",
        "an ARN",
        "an id",
        "KMS API reference, ScheduleKeyDeletion",
        "key_deletion_says_when",
    ),
    Mended(
        "`KeyUsage` and `MultiRegion` of a key",
        "told",
        "left out",
        "KMS API reference, KeyMetadata",
        "key_says_what_it_is_for",
    ),
    Mended(
        "`IsTruncated` and `MaxItems` of zones by name",
        "told",
        "left out",
        "Route 53 API reference, ListHostedZonesByName; botocore's model requires them",
        "zones_by_name_say_whether_there_are_more",
    ),
    Mended(
        "`namespaces` of an access policy for the whole cluster",
        "an empty list",
        "left out",
        "EKS API reference, AccessScope",
        "access_policies",
    ),
    Mended(
        "`createdAt` of an update of an add-on or node group",
        "told",
        "left out",
        "EKS API reference, Update",
        "addon_from_creation_to_deletion",
    ),
)
