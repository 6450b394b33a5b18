"""Installs the corrections of moto, once in a process and before its first request."""

from __future__ import annotations

import threading

import moto

from livekit_deploy.sandbox.aws import (
    acm,
    answers,
    ec2,
    eks,
    elasticache,
    elbv2,
    iam,
    keeping,
    logs,
    once,
    paging,
    price_list,
    route53,
    s3,
    service_quotas,
    sts,
    turns,
    urls,
)
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
