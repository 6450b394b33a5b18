"""How long a container takes to end: its preStop hook, and what its process needs after SIGTERM.

Source: Kubernetes documentation, "Pod Lifecycle: termination of Pods" and "Container Lifecycle Hooks".
"""

from __future__ import annotations

from livekit_deploy.sandbox.cluster.world import Obj

#: AWS's seconds that a process takes to end by itself: there are no calls here that it would wait for
PROCESS = 2.0
#: what a process is given at least, when what ran before has used up the grace
_LEAST = 2.0


def seconds(pod: Obj, grace: float) -> float:
    """AWS's seconds until the last container has ended, from the moment the pod is told to."""
    return max((ending(container, grace) for container in pod["spec"]["containers"]), default=0.0)


def ending(container: Obj, grace: float) -> float:
    """The same of one container."""
    if not grace:
        return 0.0
    before = min(before_stop(container), grace)
    return before + min(PROCESS, max(grace - before, _LEAST))


def before_stop(container: Obj) -> float:
    """How long its ``preStop`` lasts; a request over HTTP, or a command that is no sleep, is over at once."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if "sleep" in hook:
        return float(hook["sleep"].get("seconds") or 0)
    words = " ".join((hook.get("exec") or {}).get("command") or []).split()
    number = words[words.index("sleep") + 1] if "sleep" in words[:-1] else ""
    return float(number) if number.replace(".", "", 1).isdigit() else 0.0
