"""Checks `cluster.admins`: IAM roles and users, by their own ARN."""

from __future__ import annotations

import re

#: those of a role that IAM Identity Center gave
_SSO = "AWSReservedSSO_"
_SESSION = re.compile(r"arn:([\w-]+):sts::(\d{12}):assumed-role/([\w+=,.@-]+)(/.*)?")
_ROOT = re.compile(r"arn:[\w-]+:iam::(\d{12}):root")
_SUCH_AS = "such as 'arn:aws:iam::123456789012:role/platform'"


def instead(text: str) -> str:
    """What to write where an ARN is not that of a role or user. Source: EKS user guide, "Create access entries"."""
    if (session := _SESSION.fullmatch(text)) is not None:
        partition, account, role = session[1], session[2], session[3]
        if role.startswith(_SSO):
            asked = f"aws iam get-role --role-name {role} --query Role.Arn"
            return f"it is a session of a role that has a path: write the ARN that this prints: {asked}"
        return (
            f"it is a session: write its role, arn:{partition}:iam::{account}:role/{role}, with its path if it has one"
        )
    if _ROOT.fullmatch(text):
        return f"EKS does not accept the ARN of a whole account: name a role or user, {_SUCH_AS}"
    return _SUCH_AS


def service_linked(arn: str) -> bool:
    """Whether it is the role of a service of AWS, which EKS takes in no access entry."""
    return "/aws-service-role/" in arn
