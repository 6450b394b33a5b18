"""Describes this process as the holder of a lease, for others that wait for it."""

from __future__ import annotations

import getpass
import os
import socket
import uuid

from livekit_deploy.base.clock import utc_now
from livekit_deploy.state.document import Holder


def this_process(command: str, lease_seconds: float) -> Holder:
    """A new holder for a run of ``command``."""
    return Holder(
        id=uuid.uuid4().hex,
        user=_whole(_user()),
        host=_whole(socket.gethostname()),
        pid=os.getpid(),
        command=_whole(command),
        since=utc_now(),
        seconds=lease_seconds,
        ci_url=_whole(_ci_url()),
    )


def _whole(text: str) -> str:
    """Without the halves of characters that Python makes of bytes that are no UTF-8: no JSON is read with them."""
    return text.encode("utf-8", "replace").decode()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _ci_url() -> str:
    """The page of the CI run, where we run in one (GitHub Actions, default environment variables)."""
    server, repository, run = (os.environ.get(f"GITHUB_{k}", "") for k in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if run else ""
