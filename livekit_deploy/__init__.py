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

from livekit_deploy.base import isolated_python

isolated_python.leave()  # before anything is imported that a file of the same name could stand for

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from livekit_deploy.aws.access.clients import Clients as Clients
    from livekit_deploy.base.clock import Clock as Clock
    from livekit_deploy.config import Environment as Environment
    from livekit_deploy.config import load_environment as load_environment
    from livekit_deploy.deployer import Deployer as Deployer
    from livekit_deploy.engine.inputs import Change as Change
    from livekit_deploy.engine.inputs import Input as Input
    from livekit_deploy.engine.inputs import Inputs as Inputs
    from livekit_deploy.engine.inputs import Output as Output
    from livekit_deploy.engine.inputs import Ref as Ref
    from livekit_deploy.engine.plan import Action as Action
    from livekit_deploy.engine.plan import FieldDiff as FieldDiff
    from livekit_deploy.engine.plan import Plan as Plan
    from livekit_deploy.engine.plan import PlannedChange as PlannedChange
    from livekit_deploy.engine.resource import Found as Found
    from livekit_deploy.engine.resource import Live as Live
    from livekit_deploy.engine.resource import Resource as Resource
    from livekit_deploy.engine.resource import Status as Status
    from livekit_deploy.errors import DeployError as DeployError
    from livekit_deploy.events import Event as Event
    from livekit_deploy.operations.report import Report as Report
    from livekit_deploy.stack import stack as stack

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
__all__ = sorted(_HOME)


if not TYPE_CHECKING:  # a checker knows the names above, and no other

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOME[name]), name)
