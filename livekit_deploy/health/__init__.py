"""Whether LiveKit answers, and if not, which piece between a user and a pod does not do its part, and why."""

from livekit_deploy.health.checks import look_at, serves
from livekit_deploy.health.look import API_KEYS, CLUSTER, RELEASE
from livekit_deploy.health.reach import Reach

__all__ = ["API_KEYS", "CLUSTER", "RELEASE", "Reach", "look_at", "serves"]
