"""The environment file: its models, its checks, and its errors."""

from livekit_deploy.config.livekit import LiveKit as LiveKit
from livekit_deploy.config.load import load_environment as load_environment
from livekit_deploy.config.models import Cluster as Cluster
from livekit_deploy.config.models import Environment as Environment
from livekit_deploy.config.models import FileState as FileState
from livekit_deploy.config.models import Iam as Iam
from livekit_deploy.config.models import LoadBalancerController as LoadBalancerController
from livekit_deploy.config.models import Network as Network
from livekit_deploy.config.models import NodeGroup as NodeGroup
from livekit_deploy.config.models import Nodes as Nodes
from livekit_deploy.config.models import Redis as Redis
from livekit_deploy.config.models import S3State as S3State
from livekit_deploy.config.presets import merged as merged
from livekit_deploy.config.teardown import load_teardown_config as load_teardown_config
