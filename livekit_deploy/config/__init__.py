"""The environment file: its models, its checks, and its errors."""

from livekit_deploy.config.livekit import Autoscaling, LiveKit, OfficialChart, Turn
from livekit_deploy.config.load import load_environment
from livekit_deploy.config.models import (
    AddonSettings,
    Cluster,
    Environment,
    FileState,
    Guard,
    Iam,
    LoadBalancerController,
    Network,
    NodeGroup,
    Nodes,
    Redis,
    S3State,
)
from livekit_deploy.config.presets import merged
from livekit_deploy.config.teardown import load_teardown_config
from livekit_deploy.config.zones import zones

__all__ = [
    "AddonSettings",
    "Autoscaling",
    "Cluster",
    "Environment",
    "FileState",
    "Guard",
    "Iam",
    "LiveKit",
    "LoadBalancerController",
    "Network",
    "NodeGroup",
    "Nodes",
    "OfficialChart",
    "Redis",
    "S3State",
    "Turn",
    "load_environment",
    "load_teardown_config",
    "merged",
    "zones",
]
