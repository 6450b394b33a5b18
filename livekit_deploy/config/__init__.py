"""The environment file: its models, its checks, and its errors."""

from livekit_deploy.config.livekit import LiveKit
from livekit_deploy.config.load import load_environment
from livekit_deploy.config.models import (
    Cluster,
    Environment,
    FileState,
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

__all__ = [
    "Cluster",
    "Environment",
    "FileState",
    "Iam",
    "LiveKit",
    "LoadBalancerController",
    "Network",
    "NodeGroup",
    "Nodes",
    "Redis",
    "S3State",
    "load_environment",
    "load_teardown_config",
    "merged",
]
