"""Tells how long the credentials last: a session that ends in the middle of `up` means another run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime

from botocore.credentials import RefreshableCredentials

from livekit_deploy.aws.access.clients import Clients

#: where tools that hand out a session say when it ends
ENDS = "AWS_CREDENTIAL_EXPIRATION"


def session_end(clients: Clients, environ: Mapping[str, str] = os.environ) -> tuple[str, datetime | None]:
    """What kind of credentials these are, and when they end as far as that is known: None for never or unknown."""
    credentials = clients.credentials()
    if credentials is None:
        return "no credentials", None
    said = environ.get(ENDS) if credentials.method == "env" else None
    if said is None and isinstance(credentials, RefreshableCredentials):
        return "a session that renews itself", None
    if not credentials.token:
        return "long-lived keys", None
    if said is None:
        return f"a session that does not say when it ends (set {ENDS})", None
    try:
        return "a session", datetime.fromisoformat(said.replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        return f"a session whose end cannot be read ({ENDS}: {said})", None
