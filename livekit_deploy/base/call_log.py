"""Logs what leaves this process: calls to AWS and to the cluster and runs of helm, each with the resource it is for.

Lines go to the standard library's logger of this module, at level DEBUG, so that a program decides what becomes of
them; the command line shows them with ``-vv``. What a service warns of is at level WARNING, which ``-v`` shows too.
What a call sends and what it is answered are no part of a line: both can hold secrets.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from livekit_deploy.errors import DeployError

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
_address: ContextVar[str] = ContextVar("address", default="")


@contextmanager
def made_for(address: str) -> Iterator[None]:
    """What is called in this context is called for the resource at this address."""
    token = _address.set(address)
    try:
        yield
    finally:
        _address.reset(token)


def warned(service: str, operation: str, text: str) -> None:
    """What a service warns of in its answer to a call, at level WARNING."""
    about = {"address": address} if (address := _address.get()) else {}
    _log.warning("warned", extra={"service": service, "operation": operation, "warning": text, **about})


@contextmanager
def logged(service: str, operation: str) -> Iterator[dict[str, Any]]:
    """One call: how long it took in real seconds, the code of its error, and what is put into the yielded mapping."""
    said: dict[str, Any] = {"service": service, "operation": operation}
    if address := _address.get():
        said["address"] = address
    began = time.monotonic()
    try:
        yield said
    except DeployError as error:
        said["code"] = getattr(error, "code", type(error).__name__)
        raise
    finally:
        _log.debug("call", extra={**said, "seconds": round(time.monotonic() - began, 3)})
