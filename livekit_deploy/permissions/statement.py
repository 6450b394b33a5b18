"""A statement of the policy, and the scope that names one environment's objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from livekit_deploy.aws.access.partitions import partition_of
from livekit_deploy.aws.access.tags import ENV, PROJECT
from livekit_deploy.aws.state_bucket.bucket import default_bucket
from livekit_deploy.config import Environment

Conditions = Mapping[str, Mapping[str, str | Sequence[str]]]


@dataclass(frozen=True)
class Statement:
    """Allows ``actions`` of one service (its IAM prefix) on ``resources`` under ``conditions``."""

    sid: str
    service: str
    actions: Sequence[str]
    resources: Sequence[str] = ("*",)
    conditions: Conditions = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The statement as it stands in a policy document."""
        said: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": [f"{self.service}:{action}" for action in self.actions],
            "Resource": list(self.resources),
        }
        return {**said, "Condition": self.conditions} if self.conditions else said


@dataclass(frozen=True)
class Scope:
    """One environment in one account: what its objects are called, and how its tags are asked for."""

    env: Environment
    account: str

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` and so on; raises `UsageError` for a region of none."""
        return partition_of(self.env.region)

    @property
    def prefix(self) -> str:
        """First part of every physical name."""
        return self.env.resource_prefix

    @property
    def cluster(self) -> str:
        """The EKS cluster's name."""
        return f"{self.prefix}-main"

    @property
    def bucket(self) -> str:
        """The ARN of the bucket that keeps the state, where one does."""
        named = getattr(self.env.state, "bucket", None)
        return f"arn:{self.partition}:s3:::{named or default_bucket(self.account, self.env.region)}"

    @property
    def of_account(self) -> Conditions:
        """Only a bucket of the environment's account."""
        return {"StringEquals": {"s3:ResourceAccount": self.account}}

    def arn(self, service: str, resource: str) -> str:
        """A regional ARN."""
        return f"arn:{self.partition}:{service}:{self.env.region}:{self.account}:{resource}"

    def iam(self, kind: str, name: str) -> str:
        """An ARN of IAM: ``kind`` is role or policy; the environment's path is part of it."""
        return f"arn:{self.partition}:iam::{self.account}:{kind}{self.env.iam.path}{name}"

    @property
    def in_region(self) -> Conditions:
        """Only in the environment's region."""
        return {"StringEquals": {"aws:RequestedRegion": self.env.region}}

    @property
    def tagging(self) -> Conditions:
        """Only with our tags in the request."""
        return {"StringEquals": self._marked("aws:RequestTag")}

    @property
    def marking(self) -> Conditions:
        """Only with our tags in the request, and only what carries no tags yet, or ours."""
        return {**self.tagging, "StringEqualsIfExists": self._marked("aws:ResourceTag")}

    @property
    def tagged(self) -> Conditions:
        """Only what carries our tags."""
        return {"StringEquals": self._marked("aws:ResourceTag")}

    def _marked(self, key: str) -> Mapping[str, str]:
        return {f"{key}/{PROJECT}": self.env.project, f"{key}/{ENV}": self.env.name}
