"""LiveKit's own chart, 1.9.0: what it makes of our values, on the real server.

The chart itself is not run here, since it is not ours to keep: `made_of` says what its templates do with the values
that we give, as they were read in livekit/livekit-helm (livekit-server/templates/deployment.yaml and configmap.yaml).
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from livekit_deploy.aws.kinds import api_keys
from tests.real.livekit.manifests import Given, Manifests, Object, given
from tests.real.livekit.site import Site, room_on

#: what its values.yaml says of the server's configuration
_DEFAULTS = {"log_level": "info", "keys": {}}
_NAME = "livekit-livekit-server"


def made_of(told: Given, keys: str) -> Manifests:
    """The objects: its container is root, with a file of keys for root and the pod's group, and not strict."""
    values = told.values
    config: Object = {**_DEFAULTS, **values["livekit"]}
    rtc, turn, file = config["rtc"], config.get("turn", {"enabled": False}), config["key_file"]
    ports = {"http": config["port"], "rtc-tcp": rtc["tcp_port"]}
    if turn["enabled"]:
        ports |= {"turn-tls": turn["tls_port"], "turn-udp": turn["udp_port"]}
    asked = {"httpGet": {"path": "/", "port": "http"}}
    container = {
        "args": ["--disable-strict-config"],
        "env": [{"name": "LIVEKIT_CONFIG", "valueFrom": {"configMapKeyRef": {"name": _NAME, "key": "config.yaml"}}}],
        "ports": [{"name": name, "containerPort": port} for name, port in ports.items()],
        "livenessProbe": asked,
        "readinessProbe": asked,
        "volumeMounts": [{"name": "keys-volume", "mountPath": file, "subPath": file}],
        "securityContext": {},
    }
    secret = values["storeKeysInSecret"]["existingSecret"]
    pod = {
        "containers": [container],
        "hostNetwork": True,
        "securityContext": values["podSecurityContext"],
        "volumes": [{"name": "keys-volume", "secret": {"secretName": secret, "defaultMode": 0o600}}],
    }
    service = {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}
    return Manifests(
        [
            _named("Deployment", _NAME, spec={"template": {"spec": pod}}),
            _named("ConfigMap", _NAME, data={"config.yaml": yaml.safe_dump(config)}),
            _named("Service", _NAME, spec=service),
            _named("Service", f"{_NAME}-turn", spec={"ports": [{"name": "turn", "port": 443, "protocol": "TCP"}]}),
            _named("Secret", secret, data={"keys": keys}),
        ],
        told.open,
    )


def _named(kind: str, name: str, **more: Any) -> Object:
    return {"kind": kind, "metadata": {"name": name}, **more}


def test_the_server_starts_with_what_the_official_chart_makes_of_our_values(site: Site) -> None:
    redis = site.redis(auth=False)
    told = {"livekit.chart": {"version": "1.9.0"}, "redis.auth": False}
    made = made_of(given("uat", told, redis.address), json.loads(api_keys.dump(site.pairs))["keys"])
    one, other = [pod.started() for pod in (site.start(made), site.start(made))]
    room = room_on(one, other, redis, site.pairs[0])
    people = [site.dial(pod, room, name) for pod, name in ((one, "first"), (other, "second"))]
    for caller in people:
        caller.joined().hears()
