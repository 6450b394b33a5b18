"""TLS and AUTH of a replication group: which changes are allowed in which order.

Source: ElastiCache user guide, "Enabling in-transit encryption" and "Modifying the AUTH token".
"""

from __future__ import annotations

import re

from livekit_deploy.sandbox.aws.elasticache.wire import Asked, Item, refused

_TOKEN = re.compile(r"[!-~]{16,128}")


def authenticate(wire: Item, asked: Asked, tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Give a group a token beside the one before, that one alone, or none: those that it takes from now on.

    "" stands for those who give none, whom a group lets in as well between the first ROTATE and its SET.
    """
    strategy, token = asked.get("AuthTokenUpdateStrategy"), asked.get("AuthToken")
    if strategy == "DELETE":
        if token or not asked.get("UserGroupIdsToAdd"):
            raise refused("InvalidParameterCombination", "DELETE is allowed only when transitioning to RBAC.")
        wire["AuthTokenEnabled"] = False
        return ()
    if not token:
        if strategy:
            raise refused("InvalidParameterCombination", "AuthTokenUpdateStrategy needs an AuthToken.")
        return tokens
    if not wire["TransitEncryptionEnabled"]:
        raise refused("InvalidParameterCombination", "AUTH needs encryption in transit.")
    check_token(token)
    if strategy == "SET":
        if len(tokens) < 2 or token not in tokens:
            raise refused("InvalidParameterCombination", "SET is allowed only after ROTATE, with one of its tokens.")
        return (token,)
    wire["AuthTokenEnabled"] = True
    return (*(tokens[-1:] or ("",)), token)


def encrypt(wire: Item, asked: Asked) -> None:
    """In two steps either way: plain text is allowed beside TLS in between."""
    on, mode = asked.get("TransitEncryptionEnabled"), asked.get("TransitEncryptionMode")
    have = wire.get("TransitEncryptionMode") if wire["TransitEncryptionEnabled"] else None
    if on is None and mode is None:
        return
    if (on is False and have == "required") or (on and have is None and mode != "preferred"):
        raise refused("InvalidParameterCombination", "Transit encryption mode must be preferred first.")
    if on is False:
        wire["TransitEncryptionEnabled"] = False
        wire.pop("TransitEncryptionMode")
    else:
        wire["TransitEncryptionEnabled"], wire["TransitEncryptionMode"] = True, mode or have


def check_token(token: str) -> None:
    """Refuse a token that ElastiCache would refuse."""
    if not _TOKEN.fullmatch(token) or set(token) & set('"/@ '):
        raise refused("InvalidParameterValue", "AuthToken must be 16 to 128 printable characters.")
