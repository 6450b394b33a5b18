"""Whether LiveKit answers, and if not, which piece between a user and a pod does not do its part, and why."""

from livekit_deploy.checks.verify.table import look_at, serves

__all__ = ["look_at", "serves"]
