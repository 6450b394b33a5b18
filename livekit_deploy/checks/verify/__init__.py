"""Checks whether LiveKit answers, and if not, which part between a user and a pod fails, and why."""

from livekit_deploy.checks.verify.table import look_at, serves

__all__ = ["look_at", "serves"]
