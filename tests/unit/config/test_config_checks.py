"""Every check of an environment file: a bad file is refused by place, field and remedy, its good neighbour is taken."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import boto3
import pytest

from livekit_deploy.aws.kinds.eks.addons import AFTER_NODES, BEFORE_NODES
from livekit_deploy.config import checks, load_environment
from livekit_deploy.config.models import Redis
from livekit_deploy.config.redis_checks import engine_support
from livekit_deploy.config.regions import REGIONS
from livekit_deploy.errors import ConfigError
from tests.unit.environments import HEAD, LIVEKIT, File


@dataclass(frozen=True)
class Case:
    """``bad`` begins on line 3 of the file; ``good`` is the nearest file that is taken."""

    name: str
    bad: str
    place: str
    field: str
    wrong: str
    remedy: str
    good: str


ARN = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b"
LONG = ".".join(["a" * 40, "b" * 40, "example.com"])
TAGS = ", ".join(f"t{number}: x" for number in range(41))


def media(**values: object) -> str:
    keys = ", ".join(f"{key}: {value}" for key, value in values.items())
    return f"nodes: {{media: {{{keys}}}}}"


def livekit(*keys: str) -> str:
    return "\n".join(["livekit:", "  domain: livekit.example.com", *(f"  {key}" for key in keys)])


OFFICIAL = "chart: {version: 1.9.0}"
CASES = [
    # ---- names and tags
    Case(
        "name too long for ElastiCache",
        "name: a-name-of-18-chars\nproject: another-of-18-char",
        "3:1",
        "name",
        "longer than the 40 characters of an ElastiCache id",
        "shorten name or project by 8",
        "name: a-name-of-10\nproject: another-of-10",
    ),
    Case(
        "name with an underscore",
        "name: my_env",
        "3:1",
        "name",
        "hyphens, a letter first, not my_env",
        "such as uat",
        "name: my-env",
    ),
    Case(
        "name with two hyphens",
        "name: my--env",
        "3:1",
        "name",
        "hyphens, a letter first, not my--env",
        "such as uat",
        "name: my-env",
    ),
    Case("name of one letter", "name: x", "3:1", "name", "2 to 20 small letters", "such as uat", "name: xy"),
    Case("tag of AWS", "tags: {aws:team: x}", "3:8", "tags.aws:team", "is reserved", "another key", "tags: {team: x}"),
    Case("tag Name", "tags: {Name: x}", "3:8", "tags.Name", "is reserved", "another key", "tags: {name: x}"),
    Case("tag too long", f"tags: {{a: {'x' * 257}}}", "3:8", "tags.a", "up to 256", "shorten", "tags: {a: x}"),
    Case(
        "tag with = in its key", "tags: {a=b: x}", "3:8", "tags.a=b", "cannot give the tag", "without", "tags: {a: x}"
    ),
    Case("tag with a colon", 'tags: {a: "x: y"}', "3:8", "tags.a", "cannot give the tag", "without", "tags: {a: x:y}"),
    Case("tag that ends so", 'tags: {a: "x:"}', "3:8", "tags.a", "cannot give the tag", "without", "tags: {a: x}"),
    Case("tag with a space", 'tags: {a: " x"}', "3:8", "tags.a", "cannot give the tag", "without", "tags: {a: x}"),
    Case("tag of odd letters", "tags: {a: x*y}", "3:8", "tags.a", "AWS takes letters", "others out", "tags: {a: x-y}"),
    Case("too many tags", f"tags: {{{TAGS}}}", "3:1", "tags", "41 tags", "drop some", f"tags: {{{TAGS[:-7]}}}"),
    Case(
        "tag that is a number",
        "tags: {cost: 12}",
        "3:8",
        "tags.cost",
        "text",
        'quote it, as in "12"',
        'tags: {cost: "12"}',
    ),
    Case(
        "account that is a number",
        "account_id: 123456789012",
        "3:1",
        "account_id",
        "must be text, the 12 digits of an AWS account, not 123456789012",
        'quote it, as in "123456789012"',
        'account_id: "123456789012"',
    ),
    Case(
        "account too short",
        'account_id: "12345"',
        "3:1",
        "account_id",
        "the 12 digits of an AWS account, not '12345'",
        "such as '123456789012'",
        'account_id: "123456789012"',
    ),
    Case(
        "tags alike but for case",
        "tags: {Team: x, team: y}",
        "3:1",
        "tags",
        "differ only in case",
        "rename one",
        "tags: {Team: x, crew: y}",
    ),
    Case(
        "a boundary that is no policy",
        "iam: {permissions_boundary: 'arn:aws:iam::123456789012:role/x'}",
        "3:7",
        "iam.permissions_boundary",
        "must be the ARN of an IAM policy, not",
        "such as 'arn:aws:iam::123456789012:policy/boundary'",
        "iam: {permissions_boundary: 'arn:aws:iam::aws:policy/x'}",
    ),
    Case(
        "an add-on that is nearly there",
        "cluster: {addons: {core-dns: {}}}",
        "3:20",
        "cluster.addons.core-dns",
        "EKS has no add-on core-dns",
        "did you mean 'coredns'?",
        "cluster: {addons: {coredns: {}, aws-ebs-csi-driver: {}}}",
    ),
    # ---- network
    Case(
        "VPC too large",
        "network: {cidr: 10.0.0.0/15}",
        "3:11",
        "network.cidr",
        "is a /15",
        "/16",
        "network: {cidr: 10.2.0.0/16}",
    ),
    Case(
        "VPC too small",
        "network: {cidr: 10.2.0.0/23}",
        "3:11",
        "network.cidr",
        "is a /23",
        "write 10.2.0.0/16",
        "network: {cidr: 10.2.0.0/22}",
    ),
    Case(
        "VPC overlaps the first service range",
        "network: {cidr: 10.100.64.0/18}",
        "3:11",
        "network.cidr",
        "overlaps 10.100.0.0/16, a range of the cluster's services",
        "10.20.0.0/16",
        "network: {cidr: 10.101.64.0/18}",
    ),
    Case(
        "VPC overlaps the second service range",
        "network: {cidr: 172.20.0.0/16}",
        "3:11",
        "network.cidr",
        "overlaps 172.20.0.0/16",
        "10.20.0.0/16",
        "network: {cidr: 172.21.0.0/16}",
    ),
    Case(
        "VPC overlaps Docker",
        "network: {cidr: 172.17.0.0/16}",
        "3:11",
        "network.cidr",
        "a range that Docker uses",
        "10.20.0.0/16",
        "network: {cidr: 172.18.0.0/16}",
    ),
    Case(
        "VPC of public addresses",
        "network: {cidr: 8.8.0.0/16}",
        "3:11",
        "network.cidr",
        "not a private range",
        "10.0.0.0/8",
        "network: {cidr: 192.168.0.0/16}",
    ),
    Case(
        "VPC with host bits",
        "network: {cidr: 10.20.1.0/16}",
        "3:11",
        "network.cidr",
        "must be an IPv4 range",
        "write 10.20.0.0/16",
        "network: {cidr: 10.20.0.0/16}",
    ),
    Case(
        "VPC of IPv6",
        "network: {cidr: 'fd00::/48'}",
        "3:11",
        "network.cidr",
        "must be an IPv4 range",
        "such as 10.20.0.0/16",
        "network: {cidr: 10.20.0.0/16}",
    ),
    Case(
        "one zone",
        "network: {availability_zones: 1}",
        "3:11",
        "network.availability_zones",
        "two zones or more",
        "2 or 3",
        "network: {availability_zones: 2}",
    ),
    Case(
        "one named zone",
        "network: {availability_zones: [us-east-1a]}",
        "3:11",
        "network.availability_zones",
        "two different zones",
        "us-east-1a, us-east-1b",
        "network: {availability_zones: [us-east-1a, us-east-1b]}",
    ),
    Case(
        "the same zone twice",
        "network: {availability_zones: [us-east-1a, us-east-1a]}",
        "3:11",
        "network.availability_zones",
        "two different zones",
        "us-east-1b",
        "network: {availability_zones: [us-east-1a, us-east-1c]}",
    ),
    Case(
        "a zone named again",
        "network: {availability_zones: [us-east-1a, us-east-1b, us-east-1a]}",
        "3:11",
        "network.availability_zones",
        "named once",
        "two or three",
        "network: {availability_zones: [us-east-1a, us-east-1b, us-east-1c]}",
    ),
    Case(
        "a zone that EKS refuses",
        "network: {availability_zones: [us-east-1a, use1-az3]}",
        "3:44",
        "network.availability_zones.1",
        "no control plane in use1-az3",
        "another zone",
        "network: {availability_zones: [us-east-1a, us-east-1f]}",
    ),
    Case(
        "a zone of another region",
        "network: {availability_zones: [us-east-1a, eu-west-1b]}",
        "3:44",
        "network.availability_zones.1",
        "not a zone of us-east-1",
        "us-east-1a",
        "network: {availability_zones: [us-east-1a, us-east-1b]}",
    ),
    Case(
        "a local zone",
        "network: {availability_zones: [us-east-1a, us-east-1-bos-1a]}",
        "3:44",
        "network.availability_zones.1",
        "not a zone of us-east-1",
        "us-east-1a",
        "network: {availability_zones: [us-east-1a, us-east-1d]}",
    ),
    Case(
        "the id of a zone, half of it",
        "network: {availability_zones: [az1, use1-az2]}",
        "3:32",
        "network.availability_zones.0",
        "az1 is not a zone",
        "us-east-1a",
        "network: {availability_zones: [use1-az1, use1-az2]}",
    ),
    # ---- cluster
    Case(
        "a version that EKS has no more",
        'cluster: {version: "1.29"}',
        "3:11",
        "cluster.version",
        "no longer has version 1.29",
        "one of 1.32, 1.33",
        'cluster: {version: "1.32"}',
    ),
    Case(
        "a version that EKS has not yet",
        'cluster: {version: "1.99"}',
        "3:11",
        "cluster.version",
        "EKS has no version 1.99",
        "1.37",
        'cluster: {version: "1.37"}',
    ),
    Case(
        "a version that is a number",
        "cluster: {version: 1.36}",
        "3:11",
        "cluster.version",
        "must be text",
        'quote it, as in "1.36"',
        'cluster: {version: "1.36"}',
    ),
    Case(
        "nobody may reach the API",
        "cluster: {public_cidrs: []}",
        "3:11",
        "cluster.public_cidrs",
        "a list of 1 to 40, not an empty list",
        "such as [203.0.113.0/24]",
        "cluster: {public_cidrs: [203.0.113.0/24]}",
    ),
    Case(
        "a private range may reach the API",
        "cluster: {public_cidrs: [203.0.113.0/24, 10.0.0.0/8]}",
        "3:42",
        "cluster.public_cidrs.1",
        "10.0.0.0/8 is private",
        "reach the Internet from",
        "cluster: {public_cidrs: [203.0.113.0/24, 198.51.100.7]}",
    ),
    Case(
        "an address with host bits",
        "cluster: {public_cidrs: [203.0.113.7/24]}",
        "3:26",
        "cluster.public_cidrs.0",
        "must be an IPv4 range",
        "write 203.0.113.0/24",
        "cluster: {public_cidrs: [203.0.113.7/32]}",
    ),
    Case(
        "the session of a role as admin",
        "cluster: {admins: ['arn:aws:sts::123456789012:assumed-role/ops/ada']}",
        "3:20",
        "cluster.admins.0",
        "must be the ARN of an IAM role or user",
        "write its role, arn:aws:iam::123456789012:role/ops, with its path",
        "cluster: {admins: ['arn:aws:iam::123456789012:role/ops']}",
    ),
    Case(
        "the session of somebody who logs in by Identity Center as admin",
        "cluster: {admins: ['arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ada']}",
        "3:20",
        "cluster.admins.0",
        "must be the ARN of an IAM role or user",
        "aws iam get-role --role-name AWSReservedSSO_Admin_0123456789abcdef",
        "cluster: {admins: ['arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_0']}",
    ),
    Case(
        "a whole account as admin",
        "cluster: {admins: ['arn:aws:iam::123456789012:root']}",
        "3:20",
        "cluster.admins.0",
        "must be the ARN of an IAM role or user",
        "name a role or user",
        "cluster: {admins: ['arn:aws:iam::123456789012:user/ops/ada']}",
    ),
    Case(
        "the role of a service as admin",
        "cluster: {admins: ['arn:aws:iam::123456789012:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX']}",
        "3:20",
        "cluster.admins.0",
        "a service role of AWS",
        "name a role or user of people",
        "cluster: {admins: ['arn:aws:iam::123456789012:role/AWSServiceRoleForX']}",
    ),
    Case(
        "a log that EKS has not",
        "cluster: {logs: [api, scheduling]}",
        "3:23",
        "cluster.logs.1",
        "one of api, audit, authenticator, controllerManager, scheduler, not scheduling",
        "did you mean 'scheduler'?",
        "cluster: {logs: [api, scheduler]}",
    ),
    Case(
        "a retention that CloudWatch has not",
        "cluster: {log_retention_days: 31}",
        "3:11",
        "cluster.log_retention_days",
        "30",
        "name one of these",
        "cluster: {log_retention_days: 30}",
    ),
    # ---- nodes
    Case(
        "max below min",
        media(min=3, desired=3, max=2),
        "3:37",
        "nodes.media.max",
        "max 2 is below min 3",
        "raise max or lower min",
        media(min=3, desired=3, max=3),
    ),
    Case(
        "desired above max",
        media(min=1, desired=4, max=3),
        "3:25",
        "nodes.media.desired",
        "outside 1…3",
        "put it between",
        media(min=1, desired=3, max=3),
    ),
    Case(
        "no room for a node",
        "nodes: {system: {instance_types: [t3.medium], min: 0, desired: 0, max: 0}}",
        "3:67",
        "nodes.system.max",
        "room for one node",
        "set max to 1",
        "nodes: {system: {instance_types: [t3.medium], min: 0, desired: 0, max: 1}}",
    ),
    Case(
        "Graviton with an image for x86",
        media(instance_types="[c7gn.large]"),
        "3:9",
        "nodes.media.ami",
        "c7gn.large does not run AL2023_x86_64_STANDARD",
        "set nodes.media.ami to AL2023_ARM_64_STANDARD",
        media(instance_types="[c7gn.large]", ami="AL2023_ARM_64_STANDARD"),
    ),
    Case(
        "x86 with an image for ARM",
        media(instance_types="[g4dn.xlarge]", ami="BOTTLEROCKET_ARM_64"),
        "3:48",
        "nodes.media.ami",
        "g4dn.xlarge does not run",
        "AL2023_x86_64_STANDARD",
        media(instance_types="[g4dn.xlarge]", ami="BOTTLEROCKET_x86_64"),
    ),
    Case(
        "the first Graviton",
        media(instance_types="[a1.large]"),
        "3:9",
        "nodes.media.ami",
        "a1.large does not run",
        "ARM_64",
        media(instance_types="[a1.large]", ami="AL2023_ARM_64_STANDARD"),
    ),
    Case(
        "no instance type",
        media(instance_types="[]"),
        "3:17",
        "nodes.media.instance_types",
        "a list of one or more, not an empty list",
        "such as [c6i.2xlarge]",
        media(instance_types="[c6i.large, c5.large]"),
    ),
    Case(
        "system nodes without a type",
        "nodes: {system: {min: 1}}",
        "3:9",
        "nodes.system.instance_types",
        "nodes.system.instance_types is missing",
        "such as [c6i.2xlarge]",
        "nodes: {system: {min: 1, instance_types: [t3.medium]}}",
    ),
    # ---- Redis
    Case(
        "failover without a replica",
        "redis: {multi_az: true, replicas: 0}",
        "3:9",
        "redis.multi_az",
        "needs a replica",
        "redis.replicas to 1",
        "redis: {multi_az: true, replicas: 1}",
    ),
    Case(
        "a token without TLS",
        "redis: {tls: false}",
        "3:1",
        "redis.auth",
        "only with TLS",
        "redis.tls to true",
        "redis: {tls: false, auth: false}",
    ),
    Case(
        "a version that Redis has not",
        'redis: {engine: redis, version: "8.0"}',
        "3:24",
        "redis.version",
        "no redis 8.0",
        "one of 6.2, 7.0, 7.1",
        'redis: {engine: redis, version: "7.1"}',
    ),
    Case(
        "nodes with data tiering",
        "redis: {node_type: cache.r6gd.xlarge}",
        "3:9",
        "redis.node_type",
        "data tiering",
        "take cache.r6g.xlarge",
        "redis: {node_type: cache.r6g.xlarge}",
    ),
    Case(
        "a Valkey of no major version",
        'redis: {version: "10.0"}',
        "3:9",
        "redis.version",
        "no valkey 10.0",
        "9.1",
        'redis: {version: "9.1"}',
    ),
    Case(
        "a window for snapshots that is too short",
        "redis: {snapshot_window: '23:30-00:15'}",
        "3:9",
        "redis.snapshot_window",
        "23:30-00:15 lasts 45 minutes",
        "write 23:30-00:30",
        "redis: {snapshot_retention_days: 1, snapshot_window: '23:30-00:30'}",
    ),
    Case(
        "a window for snapshots with an hour that there is not",
        "redis: {snapshot_window: 5:00-24:00}",
        "3:9",
        "redis.snapshot_window",
        "two times of day in 24 hours with a hyphen between",
        "such as '05:00-06:00'",
        "redis: {snapshot_retention_days: 1, snapshot_window: 05:00-06:00}",
    ),
    Case(
        "cluster mode",
        'redis: {parameters: {cluster-enabled: "yes"}}',
        "3:22",
        "redis.parameters.cluster-enabled",
        "cluster mode splits the keys",
        "leave it out",
        'redis: {parameters: {timeout: "300"}}',
    ),
    Case(
        "a parameter whose value is a number",
        "redis: {parameters: {timeout: 300}}",
        "3:22",
        "redis.parameters.timeout",
        "it must be text, the value of a parameter, up to 255 characters, not 300",
        'quote it, as in "300"',
        'redis: {parameters: {timeout: "300"}}',
    ),
    # ---- LiveKit: pods
    Case(
        "more pods than media nodes",
        livekit("replicas: 2"),
        "5:3",
        "livekit.replicas",
        "2 pods do not fit on 1 media node: one pod a node",
        "raise nodes.media.desired to 2",
        livekit("replicas: 1"),
    ),
    Case(
        "autoscaling above media nodes",
        livekit("autoscaling: {max: 3}"),
        "5:17",
        "livekit.autoscaling.max",
        "3 pods do not fit on 1 media node",
        "raise nodes.media.desired to 3",
        media(desired=2) + "\n" + livekit("autoscaling: {max: 2}"),
    ),
    Case(
        "autoscaling upside down",
        media(desired=2) + "\n" + livekit("autoscaling: {min: 2, max: 1}"),
        "6:25",
        "livekit.autoscaling.max",
        "max 1 is below min 2",
        "raise max",
        media(desired=2) + "\n" + livekit("autoscaling: {min: 1, max: 2}"),
    ),
    Case(
        "autoscaling to nothing",
        livekit("autoscaling: {min: 0, max: 1}"),
        "5:17",
        "livekit.autoscaling.min",
        "a whole number from 1 to 100, not 0",
        "such as 1",
        livekit("autoscaling: {min: 1, max: 1}"),
    ),
    # ---- LiveKit: ports
    Case(
        "ports upside down",
        livekit("rtc: {udp_ports: [60000, 50000]}"),
        "5:9",
        "livekit.rtc.udp_ports",
        "60000…50000 is not a range",
        "[50000, 60000]",
        livekit("rtc: {udp_ports: [50000, 60000]}"),
    ),
    Case(
        "media below 1024",
        livekit("rtc: {udp_ports: [1000, 2000]}"),
        "5:9",
        "livekit.rtc.udp_ports",
        "no media ports below 1024",
        "[50000, 60000]",
        livekit("rtc: {udp_ports: [1024, 2000]}"),
    ),
    Case(
        "media above 65535",
        livekit("rtc: {udp_ports: [50000, 70000]}"),
        "5:28",
        "livekit.rtc.udp_ports.1",
        "a whole number from 1 to 65535, not 70000",
        "such as 60000",
        livekit("rtc: {udp_ports: [50000, 65535]}"),
    ),
    Case(
        "one media port",
        livekit("rtc: {udp_ports: [50000]}"),
        "5:9",
        "livekit.rtc.udp_ports.1",
        "livekit.rtc.udp_ports.1 is missing",
        "such as [50000, 60000]",
        livekit("rtc: {udp_ports: [50000, 50001]}"),
    ),
    Case(
        "a low TCP port",
        livekit("rtc: {tcp_port: 444}"),
        "5:9",
        "livekit.rtc.tcp_port",
        "LiveKit does not listen on TCP 444",
        "take 7881",
        livekit("rtc: {tcp_port: 7881}"),
    ),
    Case(
        "TCP 443 with our chart",
        livekit("rtc: {tcp_port: 443}"),
        "5:9",
        "livekit.rtc.tcp_port",
        "without the rights for TCP 443",
        "take 7881",
        "redis: {auth: false}\n" + livekit(OFFICIAL, "rtc: {tcp_port: 443}"),
    ),
    Case(
        "a TCP port that is taken",
        livekit("rtc: {tcp_port: 10250}"),
        "5:9",
        "livekit.rtc.tcp_port",
        "taken by the kubelet",
        "take 7881",
        livekit("rtc: {tcp_port: 10251}"),
    ),
    Case(
        "TURN on a low port",
        livekit("turn: {tls: false, udp_port: 100}"),
        "5:22",
        "livekit.turn.udp_port",
        "LiveKit does not listen on UDP 100",
        "take 3478",
        livekit("turn: {tls: false, udp_port: 3479}"),
    ),
    Case(
        "TURN on 443 with our chart",
        livekit("turn: {tls: false, udp_port: 443}"),
        "5:22",
        "livekit.turn.udp_port",
        "without the rights for UDP 443",
        "take 3478",
        "redis: {auth: false}\n" + livekit(OFFICIAL, "turn: {tls: false, udp_port: 443}"),
    ),
    Case(
        "TURN among the media ports",
        livekit("turn: {tls: false, udp_port: 50100}"),
        "5:22",
        "livekit.turn.udp_port",
        "50100 lies in the media range 50000…60000",
        "take 3478",
        livekit("turn: {tls: false, udp_port: 49999}"),
    ),
    # ---- LiveKit: names
    Case(
        "a domain outside the zone",
        livekit("hosted_zone: example.org"),
        "4:3",
        "livekit.domain",
        "livekit.example.com is not in the hosted zone example.org",
        "ends in .example.org",
        livekit("hosted_zone: example.com"),
    ),
    Case(
        "a domain that only looks like the zone's",
        "livekit: {domain: notexample.com, hosted_zone: example.com}",
        "3:11",
        "livekit.domain",
        "notexample.com is not in the hosted zone",
        "ends in .example.com",
        "livekit: {domain: example.com, hosted_zone: example.com}",
    ),
    Case(
        "TURN outside the zone",
        livekit("hosted_zone: example.com", "turn: {domain: turn.example.org}"),
        "6:10",
        "livekit.turn.domain",
        "turn.example.org is not in the hosted zone example.com",
        "ends in .example.com",
        livekit("hosted_zone: example.com", "turn: {domain: turn.example.com}"),
    ),
    Case(
        "TURN/TLS without a name",
        livekit("turn: {tls: true}"),
        "5:3",
        "livekit.turn.domain",
        "needs a name of its own",
        "turn.example.com, or livekit.turn.tls to false",
        livekit("turn: {tls: true, domain: turn.example.com}"),
    ),
    Case(
        "TURN under LiveKit's name",
        livekit("turn: {domain: livekit.example.com}"),
        "5:10",
        "livekit.turn.domain",
        "another name than LiveKit",
        "such as turn.example.com",
        livekit("turn: {domain: turn.example.com}"),
    ),
    Case(
        "a domain with a scheme",
        "livekit: {domain: 'https://livekit.example.com'}",
        "3:11",
        "livekit.domain",
        "must be a name in DNS",
        "write livekit.example.com",
        "livekit: {domain: livekit.example.com}",
    ),
    Case(
        "a domain too long for a certificate",
        f"livekit: {{domain: {LONG}}}",
        "3:11",
        "livekit.domain",
        "takes a name of 64 characters, this one has 93",
        "bring a certificate",
        f"livekit: {{domain: {LONG}, certificate: '{ARN}'}}",
    ),
    Case(
        "a certificate of another region",
        livekit(f"certificate: {ARN.replace('us-east-1', 'us-west-2')}"),
        "5:3",
        "livekit.certificate",
        "this certificate is in us-west-2",
        "request one there",
        livekit(f"certificate: {ARN}"),
    ),
    Case(
        "a certificate of another account",
        'account_id: "210987654321"\n' + livekit(f"certificate: {ARN}"),
        "6:3",
        "livekit.certificate",
        "of account 123456789012, not 210987654321",
        "of this account",
        'account_id: "123456789012"\n' + livekit(f"certificate: {ARN}"),
    ),
    # ---- LiveKit: charts
    Case(
        "the official chart with a Redis password",
        livekit(OFFICIAL),
        "1:1",
        "redis.auth",
        "keeps the Redis password in a ConfigMap",
        "set redis.auth to false",
        "redis: {auth: false}\n" + livekit(OFFICIAL),
    ),
    Case(
        "the official chart with autoscaling",
        "redis: {auth: false}\n" + livekit(OFFICIAL, "autoscaling: {max: 1}"),
        "7:3",
        "livekit.autoscaling",
        "not supported with the official chart",
        "chart: bundled",
        livekit("autoscaling: {max: 1}"),
    ),
    Case(
        "the official chart with webhooks",
        "redis: {auth: false}\n" + livekit(OFFICIAL, "webhook_urls: ['https://example.com']"),
        "7:3",
        "livekit.webhook_urls",
        "not supported with the official chart",
        "chart: bundled",
        livekit("webhook_urls: ['https://example.com']"),
    ),
    Case(
        "a chart of nobody",
        livekit("chart: official"),
        "5:3",
        "livekit.chart",
        "must be bundled, or a section with keys of its own, not official",
        "name one of these",
        livekit("chart: bundled"),
    ),
    # ---- LiveKit: settings
    Case(
        "an unknown setting",
        livekit("settings: {rooms: {empty_timeout: 1}}"),
        "5:14",
        "livekit.settings.rooms",
        "LiveKit has no setting 'rooms'",
        "did you mean 'room'?",
        livekit("settings: {room: {empty_timeout: 1}}"),
    ),
    Case(
        "an unknown setting of a section",
        livekit("settings: {room: {empty_timeut: 1}}"),
        "5:21",
        "livekit.settings.room.empty_timeut",
        "LiveKit has no setting 'room.empty_timeut'",
        "did you mean 'empty_timeout'?",
        livekit("settings: {room: {departure_timeout: 1}}"),
    ),
    Case(
        "a setting like no other",
        livekit("settings: {zzz: 1}"),
        "5:14",
        "livekit.settings.zzz",
        "LiveKit has no setting 'zzz'",
        "config-sample.yaml",
        livekit("settings: {region: here}"),
    ),
    Case(
        "a section that is a value",
        livekit("settings: {room: 5}"),
        "5:14",
        "livekit.settings.room",
        "section with keys of its own",
        "such as ",
        livekit("settings: {development: true}"),
    ),
    Case(
        "a setting that has a key of its own",
        livekit("settings: {rtc: {tcp_port: 7882}}"),
        "5:20",
        "livekit.settings.rtc.tcp_port",
        "rtc.tcp_port is set by this program",
        "use livekit.rtc.tcp_port",
        livekit("rtc: {tcp_port: 7882}"),
    ),
    Case(
        "metrics that are off",
        livekit("settings: {prometheus: {port: 0}}"),
        "5:27",
        "livekit.settings.prometheus.port",
        "this port is for LiveKit's health checks",
        "take 6789",
        livekit("settings: {prometheus: {port: 9100}}"),
    ),
    Case(
        "metrics on a port that is no number",
        livekit("settings: {prometheus: {port: here}}"),
        "5:27",
        "livekit.settings.prometheus.port",
        "not between 1024 and 65535",
        "take 6789",
        livekit("settings: {prometheus: {username: u}}"),
    ),
    Case(
        "metrics where ICE/TCP is",
        livekit("settings: {prometheus: {port: 7881}}"),
        "5:27",
        "livekit.settings.prometheus.port",
        "is livekit.rtc.tcp_port",
        "take 6789",
        livekit("settings: {prometheus: {port: 7883}}"),
    ),
    Case(
        "metrics where the kubelet is",
        livekit("settings: {prometheus: {port: 10250}}"),
        "5:27",
        "livekit.settings.prometheus.port",
        "taken by the kubelet",
        "take 6789",
        livekit("settings: {prometheus: {port: 6789}}"),
    ),
    Case(
        "metrics by their old name",
        livekit("settings: {prometheus_port: 6789}"),
        "5:14",
        "livekit.settings.prometheus_port",
        "is set by this program",
        "use prometheus.port",
        livekit("settings: {prometheus: {port: 6789}}"),
    ),
    Case(
        "a section that has one of its own",
        livekit("settings: {redis: {db: 1}}"),
        "5:14",
        "livekit.settings.redis",
        "redis is set by this program",
        "use the section redis",
        livekit("settings: {rtc: {congestion_control: {enabled: true}}}"),
    ),
    # ---- what is not there yet
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
    # ---- secrets
    Case(
        "a password",
        livekit("settings: {redis: {password: hunter2}}"),
        "5:22",
        "livekit.settings.redis.password",
        "a secret does not belong here",
        "generated into Secrets Manager",
        livekit("settings: {}"),
    ),
    Case(
        "a token for Redis",
        "redis: {auth_token: hunter2}",
        "3:9",
        "redis.auth_token",
        "a secret does not belong here",
        "Secrets Manager",
        "redis: {auth: true}",
    ),
    Case(
        "LiveKit's keys",
        livekit("keys: {APIhunter2: hunter2}"),
        "5:3",
        "livekit.keys",
        "a secret does not belong here",
        "Secrets Manager",
        livekit(),
    ),
    Case(
        "a secret in camel case",
        "cluster: {addons: {x: {configuration: {apiToken: hunter2}}}}",
        "3:40",
        "cluster.addons.x.configuration.apiToken",
        "a secret does not belong here",
        "remove it",
        "cluster: {addons: {x: {configuration: {tokenSeconds: 5}}}}",
    ),
    Case(
        "a list of TURN servers with a credential",
        livekit("settings: {rtc: {turn_servers: [{host: t, credential: hunter2}]}}"),
        "5:45",
        "livekit.settings.rtc.turn_servers.0.credential",
        "a secret does not belong here",
        "remove it",
        livekit("settings: {rtc: {turn_servers: [{host: t}]}}"),
    ),
    Case(
        "a password in a URL",
        livekit("webhook_urls: ['https://ada:hunter2@example.com/']"),
        "5:18",
        "livekit.webhook_urls.0",
        "a secret does not belong here",
        "remove it",
        livekit("webhook_urls: ['https://example.com/@ada']"),
    ),
    Case(
        "an AWS key under a harmless name",
        "tags: {owner: AKIAIOSFODNN7EXAMPLE}",
        "3:8",
        "tags.owner",
        "a secret does not belong here",
        "remove it",
        "tags: {owner: ada}",
    ),
    # ---- state
    Case(
        "a bucket name with capitals",
        "state: {bucket: Acme}",
        "3:9",
        "state.bucket",
        "must be the name of a bucket",
        "such as acme-livekit-state",
        "state: {bucket: acme.state-1}",
    ),
    Case(
        "a lease too short",
        "state: {lease_seconds: 5}",
        "3:9",
        "state.lease_seconds",
        "a whole number from 10 to 900, not 5",
        "such as 90",
        "state: {lease_seconds: 10}",
    ),
    Case(
        "a bucket and a file",
        "state: {path: x.json, bucket: acme}",
        "3:23",
        "state.bucket",
        "'bucket' does not go together with the other keys of state",
        "remove one of them",
        "state: {path: x.json}",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_file_is_refused_and_its_neighbour_taken(case: Case, tmp_path: Path) -> None:
    file = File(tmp_path / "dev.yaml")
    error = file.about(case.bad).refused()
    assert error.where == f"{file.path}:{case.place}", error
    assert str(error).startswith(error.where)
    assert error.field == case.field
    assert case.wrong in str(error)
    assert case.remedy in error.hint
    assert error.exit_code == 3
    file.about(case.good).load()


@pytest.mark.parametrize("case", [case for case in CASES if "hunter2" in case.bad], ids=lambda case: case.name)
def test_what_was_typed_is_not_repeated(case: Case, tmp_path: Path) -> None:
    error = File(tmp_path / "dev.yaml").about(case.bad).refused()
    assert "hunter2" not in "".join([*traceback.format_exception(error), error.hint, repr(error)])


@pytest.mark.parametrize(
    ("typo", "place", "near"),
    [
        ("regoin: x", "3:1", "did you mean 'region'?"),
        ("redis: {node_typ: x}", "3:9", "did you mean 'node_type'?"),
        ("nodes: {media: {instance_type: x}}", "3:17", "did you mean 'instance_types'?"),
        ("nodes: {medea: {}}", "3:9", "did you mean 'media'?"),
        ("state: {bukket: x}", "3:9", "did you mean 'bucket'?"),
        (
            "livekit: {domain: a.example.com, chart: {versoin: x}}\nredis: {auth: false}",
            "3:42",
            "did you mean 'version'?",
        ),
        ("livekit: {domain: a.example.com, turn: {tls: false, udp_prt: 1}}", "3:53", "did you mean 'udp_port'?"),
        ("cluster: {addons: {coredns: {verson: x}}}", "3:30", "did you mean 'version'?"),
        ("iam: {qqq: x}", "3:7", "known in iam: path, permissions_boundary"),
        ("qqq: x", "3:1", "known in the top of the file: account_id, "),
    ],
)
def test_an_unknown_key_is_refused_with_its_place_and_the_nearest(
    typo: str, place: str, near: str, tmp_path: Path
) -> None:
    file = File(tmp_path / "dev.yaml")
    error = file.about(typo).refused()
    assert error.where == f"{file.path}:{place}"
    assert "unknown key" in str(error)
    assert near in error.hint


@pytest.mark.parametrize(
    ("text", "field", "hint"),
    [
        ("livekit: {domain: a.example.com}", "region", "such as us-east-1"),
        ("region: us-east-1\nlivekit: {}", "livekit.domain", "such as livekit.example.com"),
        ("region: us-east-1", "livekit.domain", "such as livekit.example.com"),
    ],
)
def test_what_has_no_default_is_asked_for(text: str, field: str, hint: str, tmp_path: Path) -> None:
    error = File(tmp_path / "dev.yaml").write(text).refused()
    assert error.field == field
    assert f"{field} is missing" in str(error)
    assert hint in error.hint


@pytest.mark.parametrize("preset", ["uat", "prod"])
def test_outside_dev_somebody_must_say_who_reaches_the_api(preset: str, tmp_path: Path) -> None:
    text = f"preset: {preset}\nregion: us-east-1\nlivekit: {{domain: a.example.com}}\n"
    file = File(tmp_path / f"{preset}.yaml")
    error = file.write(text).refused()
    assert error.field == "cluster.public_cidrs"
    assert "such as [203.0.113.0/24]" in error.hint
    file.write(text + "cluster: {public_cidrs: [203.0.113.0/24]}\n").load()


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = File(tmp_path / "dev.yaml")
    error = file.write("regoin: us-east-1\nredis:\n  tls: maybe\nlivekit:\n  domain: x_y\n").refused()
    assert "4 things are wrong" in str(error)
    for line in (
        "1:1: unknown key 'regoin' (did you mean 'region'?)",
        "1:1: region is missing",
        "3:3: redis.tls: it must be true or false",
        "5:3: livekit.domain",
    ):
        assert f"{file.path}:{line}" in str(error)
    both = file.about("network: {availability_zones: 1}\nredis: {tls: false}").refused()
    assert "2 things are wrong" in str(both)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('cluster: {version: "1.33"}', "1.33 is in paid extended support since 2026-07-29: move to 1.37"),
        ("preset: uat\ncluster: {public_cidrs: [0.0.0.0/0]}", "the whole Internet"),
        ("nodes: {media: {capacity: spot}}", "two minutes' notice"),
        ("network: {cidr: 10.20.0.0/22}\n" + media(max=4), "leaves 118 addresses in the public subnets, and 4 nodes"),
        ("preset: uat\ncluster: {public_cidrs: [203.0.113.0/24]}\n" + media(instance_types="[t3.medium]"), "burstable"),
        (livekit("settings: {development: true}"), "debug handlers"),
        (
            'redis: {engine: redis, version: "6.2"}',
            "AWS's standard support ends on 2027-01-31; after that each node costs 80 % more, and 160 % in the third "
            'year; set redis.version to "7.1"',
        ),
        ('redis: {version: "9.2"}', "redis.version 9.2 of valkey was not known"),
        ("redis: {snapshot_window: 05:00-06:00}", "redis.snapshot_window has no effect"),
    ],
)
def test_what_works_but_should_be_known_is_a_warning(text: str, warning: str, tmp_path: Path) -> None:
    head = HEAD.replace("preset: dev\n", "") if "preset" in text else HEAD
    tail = "" if "livekit:" in text else LIVEKIT
    env = File(tmp_path / "e1.yaml").write(f"{head}{text}\n{tail}").load()
    assert warning in env.warnings[0]
    assert len(env.warnings) == 1


def test_the_end_of_support_for_an_engine_is_said_half_a_year_before() -> None:
    old = Redis(engine="redis", version="6.2")
    assert engine_support(old, date(2026, 8, 1)) == ""
    assert "ends on 2027-01-31" in engine_support(old, date(2026, 8, 4))
    assert "ends on 2027-01-31" in engine_support(old, date(2027, 1, 31))
    assert "ended on 2027-01-31" in engine_support(old, date(2027, 2, 1))
    assert engine_support(Redis(), date(2030, 1, 1)) == ""


@pytest.mark.parametrize(
    ("region", "remedy"),
    [("us-esat-1", "did you mean 'us-east-1'?"), ("ue-west-1", "did you mean 'eu-west-1'?"), ("zz-q-9", "such as us-")],
)
def test_a_region_that_can_be_none_is_refused(region: str, remedy: str, tmp_path: Path) -> None:
    error = File(tmp_path / "dev.yaml").write(HEAD.replace("us-east-1", region) + LIVEKIT).refused()
    assert (error.field, error.where) == ("region", f"{tmp_path / 'dev.yaml'}:2:1")
    assert remedy in error.hint


@pytest.mark.parametrize("region", ["us-east-9", "nz-north-1"])
def test_a_region_that_is_not_known_is_a_warning(region: str, tmp_path: Path) -> None:
    file = File(tmp_path / "dev.yaml").write(HEAD.replace("us-east-1", region) + LIVEKIT)
    (warning,) = file.load().warnings
    assert f"region {region} was not known when this program was released" in warning


def test_the_regions_are_those_of_the_sdk() -> None:
    session = boto3.Session()
    known = {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("eks", partition)
    }
    assert known >= REGIONS


def test_the_addons_that_are_always_there_are_those_that_are_made() -> None:
    assert (*BEFORE_NODES, *AFTER_NODES) == checks.ALWAYS_THERE


def test_a_version_is_gone_the_day_after_its_last(tmp_path: Path) -> None:
    file = File(tmp_path / "dev.yaml").about('cluster: {version: "1.32"}')
    load_environment(file.path, environ={}, today=date(2027, 3, 23))
    with pytest.raises(ConfigError, match=r"no longer has version 1\.32"):
        load_environment(file.path, environ={}, today=date(2027, 3, 24))
