"""EKS's refusals. Source: EKS API reference, common errors of each operation."""

from __future__ import annotations

from moto.eks.exceptions import (
    EKSError,
    InvalidParameterException,
    InvalidRequestException,
    ResourceInUseException,
    ResourceNotFoundException,
)


class UnsupportedAvailabilityZoneException(EKSError):  # type: ignore[misc]
    TYPE = "UnsupportedAvailabilityZoneException"
    STATUS = 400


def unsupported_zone(zone: str, zones: list[str]) -> EKSError:
    """EKS places no control plane in ``zone``, and does in ``zones``."""
    said = (
        f"Cannot create cluster because EKS does not support creating control plane instances in {zone}, the targeted "
        "Availability Zone. Retry cluster creation using control plane subnets that span at least two of these "
        f"Availability Zones: {', '.join(zones)}."
    )
    return UnsupportedAvailabilityZoneException(message=said, validZones=zones)


def absent(message: str) -> EKSError:
    return ResourceNotFoundException(message=message)


def in_use(message: str) -> EKSError:
    return ResourceInUseException(message=message)


def invalid(message: str) -> EKSError:
    return InvalidParameterException(message=message)


def not_now(message: str) -> EKSError:
    return InvalidRequestException(message=message)
