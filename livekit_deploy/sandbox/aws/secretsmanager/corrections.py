"""Secrets Manager: the name of a secret that is scheduled for deletion is refused with InvalidRequestException.

moto says ResourceExistsException. Source: Secrets Manager API reference, CreateSecret.
"""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install


@corrected(SecretsManagerBackend)
def create_secret(original: Original, backend: Any, name: str, *args: Any, **more: Any) -> Any:
    secret = backend.secrets.get(name)
    if secret is not None and secret.deleted_date:
        raise InvalidRequestException(
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
    return original(name, *args, **more)
