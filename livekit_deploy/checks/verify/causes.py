"""The usual cause and remedy for what Kubernetes reports of a pod and livekit-server writes to its log.

Sources: livekit-server with a Redis that it cannot use, go-redis; Kubernetes, the kubelet's reasons and what admission
says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from livekit_deploy.errors import DeployError
from livekit_deploy.k8s.access.client import Api
from livekit_deploy.k8s.pod_logs import Excerpt, PodLogs
from livekit_deploy.provisioners.addresses import LIVEKIT

_TAIL = 50  # lines of each pod: one that cannot reach Redis says so at its end
_LOG = f"kubectl logs -n {LIVEKIT} deployment/{LIVEKIT}"
#: how a line of livekit-server begins that is about Redis: at its start, or of a connection to it later
REDIS = r"(?:unable to connect to redis|dial tcp \S+:6379).*"
_ENDED, _SILENT = "CrashLoopBackOff|RunContainerError|CreateContainerError", ""
#: where the pod's own log tells more than Kubernetes does
SPOKEN = (_ENDED, _SILENT)


@dataclass(frozen=True)
class Cause:
    """``words`` is a regular expression of what is said; ``why`` that usually is, and what to do (``remedy``)."""

    words: str
    why: str
    remedy: str


#: of pods, the first that fits
PODS = (
    Cause(
        "is paused",
        "somebody paused it: a new revision is not rolled out",
        f"kubectl rollout resume -n {LIVEKIT} deployment/{LIVEKIT}",
    ),
    Cause(
        "violates PodSecurity",
        "the namespace has a Pod Security label: LiveKit's pods use their node's network, which only privileged allows",
        f"take the label away: kubectl label namespace {LIVEKIT} pod-security.kubernetes.io/enforce-",
    ),
    Cause(
        "exceeded quota|failed quota",
        "a ResourceQuota of the namespace has no room for another pod",
        f"see it (kubectl describe quota -n {LIVEKIT}), and raise it; the pods come by themselves then",
    ),
    Cause(
        r"(?:maximum|minimum) (?:cpu|memory|ephemeral-storage) (?:usage|limit to request ratio) per (?:Container|Pod)",
        "a LimitRange of the namespace does not admit what the pods ask for",
        f"see it (kubectl describe limitrange -n {LIVEKIT}), and change it; the pods come by themselves then",
    ),
    Cause(
        "ValidatingAdmissionPolicy|denied the request|failed calling webhook",
        "a policy of the cluster, which somebody else keeps, does not admit the pods",
        f"make an exception for the namespace {LIVEKIT} in the policy that is named",
    ),
    Cause(
        "FailedCreate",
        "the API server does not let the pods be made",
        f"see: kubectl describe replicaset -n {LIVEKIT}",
    ),
    Cause(
        "CreateContainerConfigError",
        "a Secret or ConfigMap that LiveKit reads is gone",
        "make it again: livekit-deploy up",
    ),
    Cause(
        "ImagePull|InvalidImageName",
        "the image's tag does not exist, or the nodes have no way to its registry",
        "correct livekit.image_tag and run: livekit-deploy up",
    ),
    Cause(
        _ENDED,
        "LiveKit exits at its start: it refuses a setting or cannot reach Redis; its log tells which",
        f"read it: {_LOG} --previous",
    ),
    Cause(
        "nodes are available",
        "one pod fits on a media node, and there are fewer nodes than pods",
        "raise nodes.media.desired, or lower livekit.replicas",
    ),
    Cause(
        _SILENT,
        "LiveKit answers 406 while it cannot reach Redis: running calls continue, new ones are refused",
        f"read its log: {_LOG}",
    ),
)

#: of what livekit-server itself says
LOG = (
    Cause(
        "WRONGPASS",
        "Redis no longer knows the token that these pods were started with: it was set anew, or rotated twice, "
        "while they ran",
        "give them the present one, which restarts them: livekit-deploy up",
    ),
    Cause(
        "NOAUTH",
        "Redis asks for a token, and these pods have none",
        "give them the token: livekit-deploy up",
    ),
    Cause(
        REDIS + "x509: ",
        "Redis has a certificate of an authority that the image does not know: another server answers at its address",
        "see what redis.address leads to: livekit-deploy outputs -o redis.address",
    ),
    Cause(
        REDIS + "connection refused",
        "nothing listens at Redis' address: it is failing over, or gone",
        "see its state and the events of the replication group; livekit-deploy plan shows whether it is as configured",
    ),
    Cause(
        REDIS + "(?:context deadline exceeded|i/o timeout)",
        "Redis does not answer: its security group does not admit the nodes', or it has no TLS and the pods ask for it",
        "see whether a rule is missing, or redis.tls differs: livekit-deploy plan; up corrects it",
    ),
    Cause(
        REDIS + r"(?:EOF|broken pipe|connection reset)",
        "Redis asks for TLS, and these pods do not speak it",
        "see whether redis.tls differs: livekit-deploy plan; up corrects it",
    ),
    Cause(
        REDIS + "no such host",
        "the name of Redis does not resolve: it is gone, or the VPC's DNS is off",
        "see: livekit-deploy plan",
    ),
)


def of_pod(said: str) -> Cause:
    """Why a pod that says this is not ready."""
    return next(one for one in PODS if re.search(one.words, said))


def of_log(lines: Iterable[str]) -> tuple[Cause, str] | None:
    """The cause that the newest line tells that tells one, with that line."""
    for line in reversed(list(lines)):
        for one in LOG:
            if re.search(one.words, line):
                return one, line
    return None


def cause_in_logs(api: Api) -> tuple[Cause, str] | None:
    """What LiveKit's pods say, now or before their last start, of why they do not serve; None for nothing known."""
    logs = PodLogs(api, LIVEKIT, lambda _: None)
    for previous in (False, True):
        try:
            lines = [line.text for line in logs.lines(None, Excerpt(tail=_TAIL, previous=previous))]
        except DeployError:  # without a log there is the pod's own reason
            continue
        if found := of_log(lines):
            return found
    return None
