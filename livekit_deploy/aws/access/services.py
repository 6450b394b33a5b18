"""The services of AWS that are used; their operations are in the stub beside this, which `make schema` writes.

By the stub mypy refuses the name of an operation that AWS does not have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from livekit_deploy.aws.access.service import Door, Service

#: by the names that boto3 gives them, with _ for -
NAMES = (
    *("acm", "ec2", "eks", "elasticache", "elbv2", "iam", "kms", "logs", "pricing", "resourcegroupstaggingapi"),
    *("route53", "s3", "secretsmanager", "service_quotas", "sts"),
)


class Services(ABC):
    """The services that this package uses: a name that is none of these is a mistake, and mypy finds it."""

    @abstractmethod
    def service(self, name: str) -> Service:
        """The service that boto3 has under this name."""

    def __getattr__(self, name: str) -> Service:
        if name not in NAMES:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        return self.service(name.replace("_", "-"))


class Once(Services):
    """The same services through clients that send each request at most once."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def service(self, name: str) -> Service:
        return Service(self._door, name, retries=False)
