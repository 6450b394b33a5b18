"""Checks before `up` whether it can succeed: identity, permissions, quotas, offerings, reachability."""

from livekit_deploy.checks.prerequisites.context import PrerequisitesContext
from livekit_deploy.checks.prerequisites.identity import long_lease, right_account
from livekit_deploy.checks.prerequisites.table import run_checks

__all__ = ["PrerequisitesContext", "long_lease", "right_account", "run_checks"]
