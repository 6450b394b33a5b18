"""What one run is bound by, and whom it tells and asks: one value that is made when the run begins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from livekit_deploy.aws.access.clients import Fence
from livekit_deploy.engine.kinds import Kinds
from livekit_deploy.state.limits import Limits


@dataclass(frozen=True)
class RunContext:
    """``limits`` say how long what is done under the lease may take. ``cancel`` ends a wait for a turn to call.

    ``fence``, of a run that holds a lease, is called right before each attempt of a mutating call leaves, with the
    real time at which its first attempt began; it raises `LostLease` to keep the request from leaving.
    ``stopping`` says whether the run is to end: what goes on for long by other ways than boto3 asks it.
    ``renew`` writes the lease anew, or raises `LostLease`: before what lasts longer than a call.

    ``command`` is what is carried out, "" before something is: after `up` the environment goes on, so that nodes that
    take over may still have to join; with `down` all of it goes, and nothing serves in the place of what ends.
    ``max_drain`` is the most seconds that a pod is given to end its calls before its node goes; None is what its chart
    gives it.

    ``tell`` says something that is worth a line, although nothing follows from it. ``nameservers`` gives those that a
    domain is delegated to, as public DNS says. ``kinds`` are those that the environment may have objects of, by their
    names. ``other_holders`` says which pods have another version of a secret than
    this one, "" for none: it is given a name, and the version.
    """

    limits: Limits = field(default_factory=Limits)
    cancel: threading.Event = field(default_factory=threading.Event)
    fence: Fence | None = None
    stopping: Callable[[], bool] = lambda: False
    renew: Callable[[], None] = lambda: None
    command: str = ""
    max_drain: int | None = None
    tell: Callable[[str], None] = lambda text: None
    nameservers: Callable[[str], set[str]] = lambda domain: set()
    kinds: Kinds = field(default_factory=dict)
    other_holders: Callable[[str, str], str] = lambda secret, version: ""
