"""How many of all Inputs are tried by a drift case, and why the others are not: told at the end of a run of tests."""

from __future__ import annotations

import livekit_deploy.stack  # noqa: F401  (imports every kind)
from tests.contract.cases import CASES
from tests.k8s.drifts import OWNED_IN_CLUSTER, TRIED_IN_CLUSTER
from tests.kinds import kinds

#: who keeps an input from drifting: AWS offers no call that changes it, an autoscaler sets it, it is applied once, the
#: object does not tell it, it is what the object is found by, or the object is another's to make
OWNERS = ("AWS", "autoscaler", "create-only", "write-only", "identity", "observed")


def declared() -> set[str]:
    """``kind.input`` of every Input that there is."""
    ours = [kind for kind in kinds().values() if kind.__module__.startswith("livekit_deploy.")]
    return {f"{kind.kind}.{name}" for kind in ours for name in kind.inputs}


def tried() -> set[str]:
    """Those that a drift case changes by hand."""
    return {f"{case.kind.kind}.{name}" for case in CASES for name in case.drifts} | TRIED_IN_CLUSTER


def owned() -> dict[str, str]:
    """The exceptions, each with its owner and the reason."""
    named = {f"{case.kind.kind}.{name}": why for case in CASES for name, why in case.owned.items()}
    return named | OWNED_IN_CLUSTER


def figure() -> str:
    """One line for the end of the run."""
    counts = dict.fromkeys(OWNERS, 0)
    for why in owned().values():
        counts[why.partition(":")[0]] += 1
    rest = ", ".join(f"{count} {owner}" for owner, count in counts.items() if count)
    return f"Drift: Inputs covered {len(tried())} of {len(declared())}; the others by owner: {rest}"
