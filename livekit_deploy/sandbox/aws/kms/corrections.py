"""KMS: a key that is disabled or scheduled for deletion cannot be used, and shows its deletion date.

moto uses it all the same. Source: KMS API reference, ScheduleKeyDeletion and CancelKeyDeletion; KMS developer guide,
"Key states of AWS KMS keys".
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kms.models import Key
from moto.kms.responses import KmsResponse

from livekit_deploy.sandbox.aws.every_service.patching import Corrections, Original

corrected = Corrections()
install = corrected.install

#: what a key that is pending deletion refuses (KMS developer guide, "Key states of AWS KMS keys")
_REFUSED = (
    "encrypt",
    "generate_data_key",
    "generate_data_key_without_plaintext",
    "schedule_key_deletion",
    "enable_key",
    "disable_key",
    "enable_key_rotation",
    "disable_key_rotation",
    "update_key_description",
    "create_alias",
    "tag_resource",
    "untag_resource",
)


#: what a disabled key refuses as well
_NEEDS_ENABLED = ("encrypt", "generate_data_key", "enable_key_rotation", "disable_key_rotation", "create_grant")


@corrected(KmsResponse, *_REFUSED)
def use(original: Original, response: Any) -> Any:
    _check_key(response, response._get_param("KeyId") or response._get_param("TargetKeyId"))
    return original()


@corrected(KmsResponse)
def decrypt(original: Original, response: Any) -> Any:
    said = original()
    _check_key(response, json.loads(said)["KeyId"])
    return said


@corrected(KmsResponse)
def schedule_key_deletion(original: Original, response: Any) -> str:
    days = response._get_param("PendingWindowInDays") or 30
    said = json.loads(original())
    arn = response.kms_backend.describe_key(said["KeyId"]).arn
    return json.dumps({**said, "KeyId": arn, "KeyState": "PendingDeletion", "PendingWindowInDays": days})


@corrected(Key)
def to_dict(original: Original, key: Any) -> Any:
    said = original()
    used = {"KeyUsage": key.key_usage or "ENCRYPT_DECRYPT", "MultiRegion": bool(key.multi_region)}
    return {**said, "KeyMetadata": {**said["KeyMetadata"], **used}}


@corrected(KmsResponse, *_NEEDS_ENABLED)
def need(original: Original, response: Any) -> Any:
    key = _key(response, response._get_param("KeyId"))
    if key is not None and key.key_state == "Disabled":
        raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")
    return original()


@corrected(KmsResponse)
def cancel_key_deletion(original: Original, response: Any) -> Any:
    key = _key(response, response._get_param("KeyId"))
    if key is not None and key.key_state != "PendingDeletion":
        raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is not pending deletion.")
    return original()


@corrected(KmsResponse)
def get_key_rotation_status(original: Original, response: Any) -> str:
    key, said = _key(response, response._get_param("KeyId")), json.loads(original())
    gone = key is not None and key.key_state == "PendingDeletion"
    return json.dumps({**said, **({"KeyRotationEnabled": False} if gone else {})})


def _check_key(response: Any, id: str | None) -> None:
    key = _key(response, id)
    if key is not None and key.key_state == "PendingDeletion":
        raise _invalid_state(key.arn)


def _key(response: Any, id: str | None) -> Any:
    backend = response.kms_backend
    return backend.keys.get(backend.any_id_to_key_id(id)) if id else None


def _invalid_state(arn: str) -> JsonRESTError:
    return JsonRESTError("KMSInvalidStateException", f"{arn} is pending deletion.")
