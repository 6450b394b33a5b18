"""Whether `up` can succeed, before it begins: who we are, what we may, what is left, offered and reachable."""

from livekit_deploy.checks.prerequisites.context import PrerequisitesContext
from livekit_deploy.checks.prerequisites.identity import long_lease, right_account
from livekit_deploy.checks.prerequisites.table import look_at

__all__ = ["PrerequisitesContext", "long_lease", "look_at", "right_account"]
