"""Finds the service and region of a request: moto finds regions anywhere in a URL, and EKS has ARNs in its paths.

The role of somebody who logs in by IAM Identity Center has ``sso.amazonaws.com`` in its ARN.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import BaseResponse

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install


@corrected(BaseResponse)
def get_region_from_url(original: Original, response: Any, request: Any, full_url: str) -> Any:
    return original(request, "/".join(full_url.split("/", 3)[:3]))
