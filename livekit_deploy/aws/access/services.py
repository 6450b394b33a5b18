"""The services and operations of AWS that are used, by the names that boto3 gives them.

mypy refuses an operation that is not declared here, and a test holds each that is to botocore's models.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from livekit_deploy.aws.access.service import Call, Door, Service


class Acm(Service):
    add_tags_to_certificate: Call
    delete_certificate: Call
    describe_certificate: Call
    list_certificates: Call
    list_tags_for_certificate: Call
    request_certificate: Call


class Ec2(Service):
    allocate_address: Call
    associate_route_table: Call
    attach_internet_gateway: Call
    authorize_security_group_ingress: Call
    create_flow_logs: Call
    create_internet_gateway: Call
    create_launch_template: Call
    create_launch_template_version: Call
    create_nat_gateway: Call
    create_route: Call
    create_route_table: Call
    create_security_group: Call
    create_subnet: Call
    create_tags: Call
    create_vpc: Call
    create_vpc_endpoint: Call
    delete_flow_logs: Call
    delete_internet_gateway: Call
    delete_launch_template: Call
    delete_nat_gateway: Call
    delete_network_interface: Call
    delete_route: Call
    delete_route_table: Call
    delete_security_group: Call
    delete_subnet: Call
    delete_tags: Call
    delete_volume: Call
    delete_vpc: Call
    delete_vpc_endpoints: Call
    describe_addresses: Call
    describe_availability_zones: Call
    describe_regions: Call
    describe_security_groups: Call
    describe_vpc_attribute: Call
    describe_vpc_block_public_access_options: Call
    describe_vpcs: Call
    detach_internet_gateway: Call
    disassociate_route_table: Call
    get_allowed_images_settings: Call
    get_ebs_default_kms_key_id: Call
    get_ebs_encryption_by_default: Call
    modify_security_group_rules: Call
    modify_subnet_attribute: Call
    modify_vpc_attribute: Call
    modify_vpc_endpoint: Call
    release_address: Call
    replace_route: Call
    replace_route_table_association: Call
    revoke_security_group_egress: Call
    revoke_security_group_ingress: Call


class Eks(Service):
    associate_access_policy: Call
    associate_encryption_config: Call
    create_access_entry: Call
    create_addon: Call
    create_cluster: Call
    create_nodegroup: Call
    delete_access_entry: Call
    delete_addon: Call
    delete_cluster: Call
    delete_nodegroup: Call
    describe_access_entry: Call
    describe_addon: Call
    describe_cluster: Call
    describe_nodegroup: Call
    disassociate_access_policy: Call
    tag_resource: Call
    update_access_entry: Call
    update_addon: Call
    update_cluster_config: Call
    update_cluster_version: Call
    update_nodegroup_config: Call
    update_nodegroup_version: Call


class ElastiCache(Service):
    add_tags_to_resource: Call
    create_cache_subnet_group: Call
    create_replication_group: Call
    delete_cache_subnet_group: Call
    delete_replication_group: Call
    describe_cache_clusters: Call
    describe_cache_subnet_groups: Call
    describe_replication_groups: Call
    describe_reserved_cache_nodes_offerings: Call
    list_tags_for_resource: Call
    modify_cache_subnet_group: Call
    modify_replication_group: Call


class ElbV2(Service):
    delete_load_balancer: Call
    delete_target_group: Call
    describe_listeners: Call
    describe_load_balancer_attributes: Call
    describe_load_balancers: Call
    describe_tags: Call
    describe_target_groups: Call
    describe_target_health: Call
    modify_load_balancer_attributes: Call


class Iam(Service):
    attach_role_policy: Call
    create_open_id_connect_provider: Call
    create_policy: Call
    create_policy_version: Call
    create_role: Call
    delete_open_id_connect_provider: Call
    delete_policy: Call
    delete_policy_version: Call
    delete_role: Call
    delete_role_permissions_boundary: Call
    delete_role_policy: Call
    detach_role_policy: Call
    get_open_id_connect_provider: Call
    get_policy: Call
    get_policy_version: Call
    get_role: Call
    get_user: Call
    list_open_id_connect_providers: Call
    put_role_permissions_boundary: Call
    remove_role_from_instance_profile: Call
    tag_open_id_connect_provider: Call
    tag_policy: Call
    tag_role: Call
    update_assume_role_policy: Call


class Kms(Service):
    cancel_key_deletion: Call
    create_alias: Call
    create_key: Call
    delete_alias: Call
    describe_key: Call
    disable_key_rotation: Call
    enable_key: Call
    enable_key_rotation: Call
    get_key_policy: Call
    get_key_rotation_status: Call
    put_key_policy: Call
    schedule_key_deletion: Call
    tag_resource: Call
    update_alias: Call
    update_key_description: Call


class Logs(Service):
    create_log_group: Call
    delete_log_group: Call
    list_tags_for_resource: Call
    put_retention_policy: Call
    tag_resource: Call


class Pricing(Service):
    get_products: Call


class Route53(Service):
    change_resource_record_sets: Call
    get_hosted_zone: Call
    list_hosted_zones_by_name: Call
    list_resource_record_sets: Call


class S3(Service):
    get_object: Call
    list_object_versions: Call
    put_object: Call


class SecretsManager(Service):
    create_secret: Call
    delete_resource_policy: Call
    delete_secret: Call
    describe_secret: Call
    get_resource_policy: Call
    get_secret_value: Call
    list_secrets: Call
    put_secret_value: Call
    restore_secret: Call
    tag_resource: Call


class ServiceQuotas(Service):
    get_aws_default_service_quota: Call
    get_service_quota: Call


class Sts(Service):
    get_caller_identity: Call


class Services(ABC):
    """The services that this package uses: a name that is none of these is a mistake, and mypy finds it."""

    acm: Acm
    ec2: Ec2
    eks: Eks
    elasticache: ElastiCache
    elbv2: ElbV2
    iam: Iam
    kms: Kms
    logs: Logs
    pricing: Pricing
    resourcegroupstaggingapi: Service
    route53: Route53
    s3: S3
    secretsmanager: SecretsManager
    service_quotas: ServiceQuotas
    sts: Sts

    @abstractmethod
    def service(self, name: str) -> Service:
        """The service that boto3 has under this name."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Service:
            if name not in Services.__annotations__:
                raise AttributeError(f"{type(self).__name__} has no {name}")
            return self.service(name.replace("_", "-"))


class Once(Services):
    """The same services through clients that send each request at most once."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def service(self, name: str) -> Service:
        return Service(self._door, name, retries=False)
