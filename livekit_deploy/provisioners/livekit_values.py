"""LiveKit's values for each chart: the bundled one and the vendor's.

Source: LiveKit documentation, "Self-hosting: ports and firewall", and the server's config-sample.yaml.
"""

from __future__ import annotations

from typing import Any

from livekit_deploy.config import LiveKit, merged
from livekit_deploy.engine.inputs import Ref
from livekit_deploy.provisioners.redis import RedisProvisioner

PORT, METRICS_PORT = 7880, 6789
_TURN_TLS_PORT = 5349
#: for how long a server continues trying to reach another one through a Redis that is away; its default, 7.5 s, makes a
#: short outage end the signalling of every call
_RELAY_TRIES = "60s"
#: as in our chart: how long connections through a load balancer last once their pod is asked to end
_DEREGISTRATION = "deregistration_delay.timeout_seconds=60"
_MEDIA = {"livekit-deploy/group": "media"}
Values = dict[str, Any]
_OTHER_ZONE: Values = {
    "weight": 100,
    "podAffinityTerm": {
        "topologyKey": "topology.kubernetes.io/zone",
        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "livekit-server"}},
    },
}


def _server(livekit: LiveKit, redis: RedisProvisioner) -> Values:
    """The server's own configuration, without anything secret."""
    first, last = livekit.rtc.udp_ports
    found: Values = {
        "port": PORT,
        "logging": {"level": "info", "json": True},
        "rtc": {
            "tcp_port": livekit.rtc.tcp_port,
            "port_range_start": first,
            "port_range_end": last,
            "use_external_ip": True,
        },
        # said in full: a missing insecure is not the same in every version
        "redis": {"address": redis.address, **({"tls": {"enabled": True, "insecure": False}} if redis.tls else {})},
        "prometheus": {"port": METRICS_PORT},
        "signal_relay": {"retry_timeout": _RELAY_TRIES},
    }
    if livekit.turn is not None:
        found["turn"] = {"enabled": True, "udp_port": livekit.turn.udp_port}
        if domain := livekit.turn_domain:
            found["turn"] |= {"domain": domain, "tls_port": _TURN_TLS_PORT, "external_tls": True}
    if livekit.webhook_urls:
        found["webhook"] = {"urls": list(livekit.webhook_urls)}
    return merged(found, livekit.settings)


def bundled_values(
    livekit: LiveKit, *, redis: RedisProvisioner, certificate: str | Ref[str], versions: dict[str, Ref[str]]
) -> Values:
    """For our chart; ``versions`` are those of the Secrets, so that a new one rolls the pods."""
    scaling = livekit.autoscaling
    values: Values = {
        "replicas": livekit.replicas,
        "image": {"tag": livekit.image_tag},
        "config": _server(livekit, redis),
        "secrets": {"keys": {"name": "livekit-api-keys", "key": "keys"}},
        "secretVersions": versions,
        "ingress": {"host": livekit.domain, "certificateArn": certificate, "sslPolicy": livekit.ssl_policy},
        "nodeSelector": _MEDIA,
    }
    if livekit.webhook_urls:
        # webhooks are signed with an API key, and LiveKit does not start without one
        values["secrets"]["webhook"] = {"name": "livekit-api-keys", "key": "api-key"}
    if "redis" in versions:
        values["secrets"]["redis"] = {"name": "livekit-redis", "key": "password"}
    if scaling is not None:
        values["autoscaling"] = {"enabled": True, "min": scaling.min, "max": scaling.max, "cpu": scaling.cpu}
    if livekit.turn_domain:
        values["turn"] = {"enabled": True, "tlsPort": _TURN_TLS_PORT, "certificateArn": certificate}
        values["turn"]["sslPolicy"] = livekit.ssl_policy
    return values


def official_values(
    livekit: LiveKit, *, redis: RedisProvisioner, certificate: str | Ref[str], versions: dict[str, Ref[str]]
) -> Values:
    """For the vendor's chart 1.9: keys from our Secret, one pod a node, an Ingress for the controller.

    Its host ports allow one pod a node, so that a new one must not come before an old one has gone. What it has no
    values for is left as it is: a pod gets SIGTERM at once and not after its load balancers are done with it, counts as
    available as soon as it is ready, and both its probes ask ``/``, which wants Redis. Service links stay on: they
    begin with ``LIVEKIT_LIVEKIT_SERVER_``, after its Service, and the server has no setting of such a name.
    """
    annotations = {
        "alb.ingress.kubernetes.io/certificate-arn": certificate,
        "alb.ingress.kubernetes.io/ssl-policy": livekit.ssl_policy,
        "alb.ingress.kubernetes.io/target-type": "ip",
        "alb.ingress.kubernetes.io/target-group-attributes": _DEREGISTRATION,
    }
    server = _server(livekit, redis)
    values: Values = {
        "replicaCount": livekit.replicas,
        "image": {"tag": livekit.image_tag},
        "livekit": {**server, "key_file": "keys"},
        "storeKeysInSecret": {"enabled": True, "existingSecret": "livekit-api-keys"},
        "loadBalancer": {"type": "alb", "annotations": annotations, "tls": [{"hosts": [livekit.domain]}]},
        "deploymentStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "podAnnotations": {f"secret-version/{name}": version for name, version in versions.items()},
        "nodeSelector": _MEDIA,
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [_OTHER_ZONE]}},
        # the chart mounts the keys for root alone; with a group they are readable to it, and to nobody else
        "podSecurityContext": {"fsGroup": 65532},
    }
    if livekit.turn_domain:
        annotations = _turn_annotations(certificate, livekit.ssl_policy)
        values["livekit"]["turn"]["loadBalancerAnnotations"] = annotations
    return values


def _turn_annotations(certificate: str | Ref[str], policy: str) -> Values:
    """What asks the controller for the load balancer of TURN/TLS."""
    said: Values = {
        "type": "external",
        "scheme": "internet-facing",
        "nlb-target-type": "ip",
        "ssl-cert": certificate,
        "ssl-ports": "443",
        "ssl-negotiation-policy": policy,
        "target-group-attributes": _DEREGISTRATION,
    }
    return {f"service.beta.kubernetes.io/aws-load-balancer-{name}": value for name, value in said.items()}
