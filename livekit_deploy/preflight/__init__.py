"""Whether `up` can succeed, before it begins: who we are, what we may, what is left, offered and reachable."""

from livekit_deploy.preflight.checks import look_at
from livekit_deploy.preflight.identity import long_lease, right_account
from livekit_deploy.preflight.survey import Survey

__all__ = ["Survey", "long_lease", "look_at", "right_account"]
