"""One probe for each correction of moto: what AWS does, asserted through boto3."""

from __future__ import annotations

import importlib
import pkgutil

from tests.sandbox.corrections.harness import PROBES, Probe

_HEAD = """\
# The sandbox's AWS against plain moto

The sandbox runs on moto 5.2.5 and puts right what this program touches (`livekit_deploy/sandbox/aws`: a folder per
service, in it corrections apart from additions). Each row is one of them and its probe in `corrections/`, which
`test_corrections.py` runs twice: in the sandbox, where it must pass, and on plain moto, where it must fail in the way
that it names: a correction that is lost fails the first run, and one that a newer moto makes needless fails the second.

This file is made from the probes' docstrings by `make schema`.

| Service | Plain moto | AWS, and the sandbox | Probe |
|---|---|---|---|
"""


def probes() -> list[Probe]:
    """Every probe of this package, in the order of its files."""
    for module in sorted(one.name for one in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return list(PROBES.values())


def table() -> str:
    """The README of tests/sandbox: a row for each probe."""
    rows = (f"| {one.service} | {one.moto} | {one.aws} | `{one.name}` |\n" for one in probes())
    return _HEAD + "".join(rows)
