"""Reads the value of a secret. Errors name the secret and never show its value.

Source: Secrets Manager API reference, GetSecretValue, RestoreSecret and UpdateSecretVersionStage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from livekit_deploy.errors import ResourceError, StateError


class SecretsManager(Protocol):
    """The two calls of Secrets Manager that reading one takes."""

    def get_secret_value(self, **parameters: Any) -> Any: ...

    def describe_secret(self, **parameters: Any) -> Any: ...


@dataclass(frozen=True)
class Held:
    """The value of one version of a secret."""

    name: str
    version: str
    text: str = field(repr=False)

    def wrong(self, what: str) -> StateError:
        """The error that says what is wrong with it, and how an earlier version comes back."""
        return _wrong(self.name, self.version, what)

    def fields(self) -> Mapping[str, Any]:
        """It as a JSON object. Raises `StateError` when it is none."""
        try:
            found = json.loads(self.text)
        except (ValueError, RecursionError):
            raise self.wrong("it is not JSON" if self.text.strip() else "it is empty") from None
        if not isinstance(found, dict):
            raise self.wrong("it is JSON, but not an object with fields")
        return found

    def of(self, key: str) -> str:
        """One text of it, or all of it for "". Raises `StateError` when that is not there."""
        value = self.fields().get(key) if key else self.text
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(f"it has no text in its field {key}" if key else "it is empty")
        return value


def held(secretsmanager: SecretsManager, id: str, version: str = "") -> Held:
    """What a secret holds now, or in ``version``; keep it nowhere.

    Raises `StateError` for one that holds bytes, and for one that is scheduled for deletion.
    """
    asked = {"VersionId": version} if version else {}
    try:
        said = secretsmanager.get_secret_value(SecretId=id, **asked)
    except ResourceError as error:
        if error.code != "InvalidRequestException" or "delet" not in error.message:
            raise
        raise _scheduled(secretsmanager, id) from error
    if "SecretString" not in said:
        raise _wrong(said["Name"], said["VersionId"], "it holds bytes, not text")
    return Held(said["Name"], said["VersionId"], said["SecretString"])


def _scheduled(secretsmanager: SecretsManager, id: str) -> StateError:
    secret = secretsmanager.describe_secret(SecretId=id)
    date = f" on {secret['DeletedDate']:%Y-%m-%d}" if "DeletedDate" in secret else ""
    return StateError(
        f"the secret {secret['Name']} is scheduled for deletion{date}: it cannot be read until it is restored",
        hint=f"restore it: aws secretsmanager restore-secret --secret-id {secret['Name']}; then run the same "
        f"command again",
    )


def _wrong(name: str, version: str, what: str) -> StateError:
    return StateError(
        f"the secret {name} was changed by somebody else and cannot be used: {what} (its version {version})",
        hint=f"find an earlier one: aws secretsmanager list-secret-version-ids --secret-id {name}; make it current: "
        f"aws secretsmanager update-secret-version-stage --secret-id {name} --version-stage AWSCURRENT "
        f"--remove-from-version-id {version} --move-to-version-id EARLIER; then run: livekit-deploy up",
    )
