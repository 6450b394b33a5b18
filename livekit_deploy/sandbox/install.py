"""Installs the corrections of moto, once in a process and before its first request."""

from __future__ import annotations

import threading

import moto

from livekit_deploy.sandbox import clock
from livekit_deploy.sandbox.aws import (
    acm,
    ec2,
    eks,
    elasticache,
    elbv2,
    iam,
    kms,
    logs,
    pricing,
    route53,
    s3,
    secretsmanager,
    servicequotas,
    sts,
)
from livekit_deploy.sandbox.aws.every_service.corrections import paging, turns, urls
from livekit_deploy.sandbox.aws.every_service.speed import answers, caches
from livekit_deploy.sandbox.faults import calls
from livekit_deploy.sandbox.rights import keys, simulation

#: what the corrections were written and tested against: they reach into moto
MOTO = "5.2.5"
#: each is put around those before it, where several replace the same method: turns are taken innermost
_ALL = (
    *(turns, urls, answers, s3, ec2, eks, elasticache, elbv2, acm, route53, iam, logs, simulation, sts, kms),
    *(secretsmanager, servicequotas, pricing, paging, caches, keys, calls),
)
_installing = threading.Lock()
_installed = False


def install(used: clock.SandboxClock) -> None:
    """Apply every correction, and let AWS's waits last as long as the clock says that is ``used``.

    Raises RuntimeError with another moto than the one that they are for.
    """
    global _installed
    with _installing:
        clock.use(used)
        if _installed:
            return
        if moto.__version__ != MOTO:
            raise RuntimeError(f"the sandbox needs moto {MOTO}, not {moto.__version__}")
        for part in _ALL:
            part.install()
        _installed = True
