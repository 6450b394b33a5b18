"""Checks whether LiveKit answers, and if not, which part between a user and a pod fails, and why."""

from livekit_deploy.checks.verify.table import run_checks, serves

__all__ = ["run_checks", "serves"]
