"""Launch templates show the tags that they have now, and an unknown id is refused; moto shows the tags of the start.

Source: EC2 API reference, DescribeLaunchTemplates.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.launch_templates import LaunchTemplate

from livekit_deploy.sandbox.aws.ec2.errors import refused
from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()


@corrected(EC2Backend)
def describe_launch_templates(
    original: Original,
    backend: Any,
    template_names: list[str] | None = None,
    template_ids: list[str] | None = None,
    filters: Any = None,
) -> Any:
    missing = [id for id in template_ids or [] if id not in backend.launch_templates]
    if missing:
        raise refused("InvalidLaunchTemplateId.NotFound", f"The launch template {missing[0]} does not exist")
    return original(template_names, template_ids, filters)


def install() -> None:
    """Correct launch templates."""
    corrected.install()
    LaunchTemplate.tags = property(LaunchTemplate.get_tags, lambda template, tags: None)
