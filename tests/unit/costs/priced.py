"""The estimate of an environment."""

from __future__ import annotations

from datetime import date

from livekit_deploy.config import Environment
from livekit_deploy.costs import bill
from livekit_deploy.engine.estimate import Estimate
from livekit_deploy.stack import stack
from tests.unit.environments import TODAY


def priced(env: Environment, today: date = TODAY) -> Estimate:
    return bill.of_stack(stack(env), env.region, today)
