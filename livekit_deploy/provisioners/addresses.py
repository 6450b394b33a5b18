"""The addresses and names of resources that other modules refer to."""

from __future__ import annotations

#: LiveKit's release, and its namespace
LIVEKIT = "livekit"
RELEASE, CLUSTER = f"helm.release/{LIVEKIT}", "eks.cluster/main"
SIGNAL, TURN = "elbv2.load_balancer/signal", "elbv2.load_balancer/turn"
API_KEYS = "secretsmanager.secret/api-keys"
WEBHOOK_SERVICE = "aws-load-balancer-webhook-service"
