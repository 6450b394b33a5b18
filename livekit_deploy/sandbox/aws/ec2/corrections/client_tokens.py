"""A client token that was seen before is answered as before; moto makes another one.

Source: EC2 developer guide, "Ensuring idempotency in Amazon EC2 API requests".
"""

from __future__ import annotations

from functools import partial
from typing import Any

from moto.ec2.responses import EC2Response

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original, kept

corrected = Corrections()
install = corrected.install


_WITH_TOKEN = (
    "create_nat_gateway",
    "create_route_table",
    "create_vpc_endpoint",
    "create_launch_template",
    "create_flow_logs",
)


def _once(operation: str, original: Original, response: Any) -> Any:
    token = response._get_param("ClientToken")
    answers = kept(response.ec2_backend, "tokens", dict)
    if token and (operation, token) in answers:
        return answers[operation, token]
    answer = original()
    if token:
        answers[operation, token] = answer
    return answer


for _operation in _WITH_TOKEN:
    corrected(EC2Response, _operation)(partial(_once, _operation))
