"""The addresses and names of resources that other modules refer to."""

from __future__ import annotations

from livekit_deploy.config.charts import LIVEKIT_SERVER

#: LiveKit's release, and its namespace
LIVEKIT = LIVEKIT_SERVER.release
RELEASE, CLUSTER = f"helm.release/{LIVEKIT}", "eks.cluster/main"
SIGNAL, TURN = "elbv2.load_balancer/signal", "elbv2.load_balancer/turn"
API_KEYS = "secretsmanager.secret/api-keys"
