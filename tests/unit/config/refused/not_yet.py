"""What is refused because it is not there yet."""

from __future__ import annotations

from tests.unit.config.refused.case import Case, livekit, media

CASES = [
    Case(
        "an own VPC",
        "network: {vpc_id: vpc-1}",
        "3:11",
        "network.vpc_id",
        "an own VPC is not supported yet",
        "leave it out",
        "network: {}",
    ),
    Case(
        "own subnets for the nodes",
        media(subnet_ids="[subnet-1]"),
        "3:17",
        "nodes.media.subnet_ids",
        "an own VPC is not supported yet",
        "leave it out",
        media(),
    ),
    Case(
        "a zone to make",
        livekit("create_hosted_zone: true"),
        "5:3",
        "livekit.create_hosted_zone",
        "to make a hosted zone is not supported yet",
        "by hand",
        livekit("hosted_zone: example.com"),
    ),
    Case(
        "a zone to make, as a mapping",
        livekit("hosted_zone: {create: true}"),
        "5:3",
        "livekit.hosted_zone",
        "to make a hosted zone is not supported yet",
        "name it in livekit.hosted_zone",
        livekit("hosted_zone: example.com"),
    ),
    Case(
        "an own key",
        "cluster: {secrets_key: 'arn:aws:kms:us-east-1:123456789012:key/1'}",
        "3:11",
        "cluster.secrets_key",
        "an own KMS key is not supported yet",
        "cluster.secrets_key: true makes one",
        "cluster: {secrets_key: true}",
    ),
    Case(
        "an own key by another word",
        "cluster: {kms_key_arn: x}",
        "3:11",
        "cluster.kms_key_arn",
        "an own KMS key is not supported yet",
        "makes one",
        "cluster: {secrets_key: false}",
    ),
    Case(
        "an own Redis",
        "redis: {endpoint: 'r.example.com:6379'}",
        "3:9",
        "redis.endpoint",
        "an own Redis is not supported yet",
        "section redis",
        "redis: {replicas: 0}",
    ),
]
