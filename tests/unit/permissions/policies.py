"""Statements of the printed policies, and what the Service Authorization Reference says of their actions."""

from __future__ import annotations

from pathlib import Path

import botocore.session

from livekit_deploy.aws.access.partitions import partition_of
from livekit_deploy.config import Environment, load_environment


def pattern(arn: str) -> str:
    """An ARN format as a shell pattern."""
    out, depth = "", 0
    for part in arn.replace("${", "\0").replace("}", "\1"):
        depth += (part == "\0") - (part == "\1")
        out += "*" if part == "\0" else "" if depth or part == "\1" else part
    return out


# ---- every region, with the longest names

_LABELS = ".".join(letter * 60 for letter in "abcd")
LONGEST_NAMES = """
project: {project}
name: {name}
region: {region}
account_id: '123456789012'
network: {{nat: per_az, flow_logs: true}}
cluster: {{secrets_key: true, public_cidrs: [203.0.113.0/24]}}
iam: {{path: /{path}/, permissions_boundary: 'arn:{partition}:iam::123456789012:policy/{boundary}'}}
livekit:
  domain: {domain}
  hosted_zone: {zone}
  certificate: 'arn:{partition}:acm:{region}:123456789012:certificate/0123-4567'
  turn: {{domain: t.{zone}}}
"""


def regions() -> list[str]:
    session = botocore.session.get_session()
    return [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("eks", partition, allow_non_regional=False)
    ]


def longest_names(region: str, folder: Path) -> Environment:
    zone = f"{_LABELS}.com"[-235:]
    values = {"partition": partition_of(region), "region": region, "zone": zone, "domain": f"livekit.{zone}"}
    names = {"project": "p" * 14, "name": "e" * 13, "path": "x" * 64, "boundary": "b" * 128}
    path = folder / "here.yaml"
    path.write_text(LONGEST_NAMES.format(**values, **names))
    return load_environment(path, environ={})


FULL = """
region: us-east-1
network: {nat: per_az, flow_logs: true}
cluster: {secrets_key: true, public_cidrs: [203.0.113.0/24]}
livekit: {domain: a.example.com, hosted_zone: example.com, turn: {domain: turn.example.com}}
"""
