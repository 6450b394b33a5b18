"""LiveKit's server API of the stand-in: authorization, and whether Redis is reachable.

Source: LiveKit documentation, "Server APIs" and "Authentication".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

PREFIX = "/twirp/livekit.RoomService/"


def answer(headers: Mapping[str, str], keys: Mapping[str, str], unreachable: str) -> tuple[int, bytes]:
    """The answer to any call of the room service: 401, 500 without Redis and why, or that there are no rooms."""
    token = headers.get("authorization", "").removeprefix("Bearer ")
    if not _signed(token, keys):
        return 401, json.dumps({"code": "unauthenticated", "msg": "invalid token"}).encode()
    if unreachable:
        return 500, json.dumps({"code": "internal", "msg": unreachable}).encode()
    return 200, b'{"rooms":[]}'


def _signed(token: str, keys: Mapping[str, str]) -> bool:
    """Whether a JWT is signed with one of the keys and is still good."""
    try:
        head, body, signature = token.split(".")
        claims = json.loads(_decoded(body))
        secret = keys.get(claims.get("iss", ""))
        if secret is None or claims.get("exp", 0) < time.time():
            return False
        wanted = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
        return hmac.compare_digest(wanted, _decoded(signature))
    except (ValueError, binascii.Error):
        return False


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
