"""EC2's refusals by their codes (EC2 user guide, "Error codes")."""

from __future__ import annotations

from moto.ec2.exceptions import EC2ClientError


def refused(code: str, message: str) -> EC2ClientError:
    """An error of EC2's by its code."""
    return EC2ClientError(code, message)
