"""EKS's refusals. Source: EKS API reference, common errors of each operation."""

from __future__ import annotations

from moto.eks.exceptions import (
    EKSError,
    InvalidParameterException,
    InvalidRequestException,
    ResourceInUseException,
    ResourceNotFoundException,
)


def absent(message: str) -> EKSError:
    return ResourceNotFoundException(message=message)


def in_use(message: str) -> EKSError:
    return ResourceInUseException(message=message)


def invalid(message: str) -> EKSError:
    return InvalidParameterException(message=message)


def not_now(message: str) -> EKSError:
    return InvalidRequestException(message=message)
