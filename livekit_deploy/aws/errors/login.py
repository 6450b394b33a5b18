"""How the user logs in: the remedy for credentials that are missing, expired or not accepted.

It is read from where botocore reads it, and only when it is needed. Source: AWS SDKs and tools reference guide,
"Understand credential providers" and "Settings reference".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError

#: regions that every account has; all others of AWS's first partition are enabled by the account
#: (AWS account management reference guide, "Enable or disable AWS Regions in your account")
_ALWAYS = {
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2"),
}
AGAIN = "run the same command again: it continues from what is recorded"


@dataclass(frozen=True)
class Login:
    """``profile`` and ``region`` are those of the command, ``role_arn`` is the role that it assumes first."""

    profile: str | None = None
    region: str = ""
    role_arn: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def name(self) -> str:
        """The profile that counts."""
        return self.profile or self.environ.get("AWS_PROFILE") or self.environ.get("AWS_DEFAULT_PROFILE") or "default"

    @property
    def config(self) -> str:
        """AWS's configuration file."""
        return self._file("AWS_CONFIG_FILE", "config")

    @property
    def credentials(self) -> str:
        """AWS's file of keys."""
        return self._file("AWS_SHARED_CREDENTIALS_FILE", "credentials")

    def _file(self, variable: str, name: str) -> str:
        return self.environ.get(variable) or str(Path("~/.aws") / name)

    @property
    def opt_in(self) -> bool:
        """Whether the region is one that an account enables before it can use it."""
        return self.region.split("-")[0] in ("af", "ap", "ca", "eu", "il", "me", "mx") and self.region not in _ALWAYS

    def again(self) -> str:
        """What gives new credentials."""
        if self.profile is None and "AWS_ACCESS_KEY_ID" in self.environ:
            return "get new keys and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for a session, AWS_SESSION_TOKEN"
        return self._of(self.name, ()) or (
            "set AWS_PROFILE or --profile to one that has credentials (aws sso login, or your own tool), or rehearse "
            "with --sandbox"
        )

    def _of(self, name: str, seen: tuple[str, ...]) -> str:
        """The same for one profile; one that assumes a role logs in with another."""
        said = self._profiles().get(name, {})
        source = said.get("source_profile")
        if source and source != name and source not in seen:
            return self._of(source, (*seen, name))
        where = f"profile {name} in {self.config}"
        for key, remedy in (
            ("sso_session", f"aws sso login --profile {name}"),
            ("sso_start_url", f"aws sso login --profile {name}"),
            ("login_session", f"aws login --profile {name}"),
            ("credential_process", f"run the command in credential_process of {where} alone and read its error"),
            ("web_identity_token_file", f"get a new token into the web_identity_token_file of {where}"),
            ("credential_source", f"look at the credential_source of {where}"),
            ("aws_access_key_id", f"put new keys into profile {name} in {self.credentials}"),
        ):
            if said.get(key):
                return remedy
        return "" if self.profile or name != "default" else self._of_machine()

    def _of_machine(self) -> str:
        for variable, remedy in (
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "get a new token into the file of AWS_WEB_IDENTITY_TOKEN_FILE"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "look at the role of the task that this runs in"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "look at the role of the pod or task that this runs in"),
        ):
            if self.environ.get(variable):
                return remedy
        return ""

    def _profiles(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            found: Mapping[str, Mapping[str, Any]] = botocore.session.Session().full_config["profiles"]
        except BotoCoreError:  # the file is what is wrong, which is told
            return {}
        return found
