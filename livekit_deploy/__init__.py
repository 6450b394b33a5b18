"""Deploys LiveKit to AWS EKS from one environment file, and removes it again.

    from livekit_deploy import Deployer, load_environment

    env = load_environment("manifests/environments/uat.yaml")
    with Deployer(env, on_event=print) as deployer:
        plan = deployer.plan()
        if plan.changes:
            report = deployer.up(plan)
        print(deployer.outputs()["livekit.url"])

The names below are the public API. They are imported on first use, so that ``--help`` imports nothing heavy.
"""

from livekit_deploy.base import isolated

isolated.leave()  # before anything is imported that a file of the same name could stand for

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from livekit_deploy.aws.access.clients import Clients
    from livekit_deploy.base.clock import Clock
    from livekit_deploy.config import Environment, load_environment
    from livekit_deploy.deployer import Deployer
    from livekit_deploy.engine.inputs import Change, Input, Inputs, Output, Ref
    from livekit_deploy.engine.plan import Action, FieldDiff, Plan, PlannedChange
    from livekit_deploy.engine.resource import Found, Live, Resource, Status
    from livekit_deploy.errors import DeployError
    from livekit_deploy.events import Event
    from livekit_deploy.operations.report import Report
    from livekit_deploy.stack import stack

_HOMES = {
    "livekit_deploy.aws.access.clients": ("Clients",),
    "livekit_deploy.base.clock": ("Clock",),
    "livekit_deploy.config": ("Environment", "load_environment"),
    "livekit_deploy.deployer": ("Deployer",),
    "livekit_deploy.operations.report": ("Report",),
    "livekit_deploy.engine.inputs": ("Change", "Input", "Inputs", "Output", "Ref"),
    "livekit_deploy.engine.plan": ("Action", "FieldDiff", "Plan", "PlannedChange"),
    "livekit_deploy.engine.resource": ("Found", "Live", "Resource", "Status"),
    "livekit_deploy.errors": ("DeployError",),
    "livekit_deploy.events": ("Event",),
    "livekit_deploy.stack": ("stack",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "Action",
    "Change",
    "Clients",
    "Clock",
    "DeployError",
    "Deployer",
    "Environment",
    "Event",
    "FieldDiff",
    "Found",
    "Input",
    "Inputs",
    "Live",
    "Output",
    "Plan",
    "PlannedChange",
    "Ref",
    "Report",
    "Resource",
    "Status",
    "load_environment",
    "stack",
]


if not TYPE_CHECKING:  # a checker knows the names above, and no other

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOME[name]), name)
