"""Installs the corrections of moto, once in a process and before its first request."""

from __future__ import annotations

import threading

import moto

from livekit_deploy.sandbox.aws import eks
from livekit_deploy.sandbox.aws.acm import corrections as acm
from livekit_deploy.sandbox.aws.ec2.corrections import nat_gateways as ec2
from livekit_deploy.sandbox.aws.elasticache.corrections import replication_groups as elasticache
from livekit_deploy.sandbox.aws.elbv2.corrections import load_balancers as elbv2
from livekit_deploy.sandbox.aws.every_service.corrections import paging, turns, urls
from livekit_deploy.sandbox.aws.every_service.speed import answers
from livekit_deploy.sandbox.aws.every_service.speed import caches as once
from livekit_deploy.sandbox.aws.iam import corrections as iam
from livekit_deploy.sandbox.aws.kms import corrections as keeping
from livekit_deploy.sandbox.aws.logs import corrections as logs
from livekit_deploy.sandbox.aws.pricing import additions as price_list
from livekit_deploy.sandbox.aws.route53 import corrections as route53
from livekit_deploy.sandbox.aws.s3 import corrections as s3
from livekit_deploy.sandbox.aws.servicequotas import additions as service_quotas
from livekit_deploy.sandbox.aws.sts import corrections as sts
from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.faults import calls
from livekit_deploy.sandbox.rights import keys, simulation

#: what the corrections were written and tested against: they reach into moto
MOTO = "5.2.5"
_installing = threading.Lock()
_clock: SandboxClock | None = None


def _now() -> SandboxClock:
    assert _clock is not None
    return _clock


def install(clock: SandboxClock) -> None:
    """Apply every correction, and let AWS's waits last as long as ``clock`` says.

    Raises RuntimeError with another moto than the one that they are for.
    """
    global _clock
    with _installing:
        first, _clock = _clock is None, clock
        if not first:
            return
        if moto.__version__ != MOTO:
            raise RuntimeError(f"the sandbox needs moto {MOTO}, not {moto.__version__}")
        turns.install()
        urls.install()
        answers.install()
        s3.install()
        ec2.install(_now)
        eks.install(_now)
        elasticache.install(_now)
        elbv2.install(_now)
        acm.install(_now)
        route53.install()
        iam.install()
        logs.install()
        simulation.install()
        sts.install()
        keeping.install()
        service_quotas.install()
        price_list.install()
        paging.install()
        once.install()
        keys.install(_now)
        calls.install()
