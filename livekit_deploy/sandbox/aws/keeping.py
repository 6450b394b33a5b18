"""KMS and Secrets Manager: what is scheduled for deletion refuses to be used, and says when it goes.

Source: KMS API reference, ScheduleKeyDeletion; Secrets Manager API reference, CreateSecret.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse
from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend

from livekit_deploy.sandbox.aws.patching import around

Original = Callable[..., Any]


def install() -> None:
    """Correct KMS and Secrets Manager."""

    @around(KmsResponse, "schedule_key_deletion")
    def schedule_key_deletion(original: Original, response: Any) -> str:
        said = json.loads(original())
        return json.dumps({**said, "KeyState": "PendingDeletion", "PendingWindowInDays": 7})

    for operation in ("encrypt", "generate_data_key"):

        @around(KmsBackend, operation)
        def use(original: Original, backend: Any, key_id: str, *args: Any, **more: Any) -> Any:
            key = backend.keys.get(backend.any_id_to_key_id(key_id))
            if key is not None and key.key_state == "PendingDeletion":
                raise _invalid_state(key.arn)
            return original(key_id, *args, **more)

    @around(SecretsManagerBackend, "create_secret")
    def create_secret(original: Original, backend: Any, name: str, *args: Any, **more: Any) -> Any:
        secret = backend.secrets.get(name)
        if secret is not None and secret.deleted_date:
            raise InvalidRequestException(
                "You can't create this secret because a secret with this name is already scheduled for deletion."
            )
        return original(name, *args, **more)


def _invalid_state(arn: str) -> JsonRESTError:
    return JsonRESTError("KMSInvalidStateException", f"{arn} is pending deletion.")
