"""However credentials are found, what is wrong with them ends with 4, in AWS's words, and with what helps there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.awsrequest import AWSResponse

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.errors import CredentialsError, DeployError

#: a profile or variables, and the words that must be in the remedy
BROKEN: dict[str, tuple[str, dict[str, str], str]] = {
    "nothing": ("", {}, "set AWS_PROFILE or --profile"),
    "no such profile": ("", {"AWS_PROFILE": "gone"}, "aws configure list-profiles"),
    "half of the keys": ("", {"AWS_ACCESS_KEY_ID": "AKIA"}, "both the key and its secret"),
    "half of a profile": (
        "[profile uat]\naws_access_key_id = A",
        {"AWS_PROFILE": "uat"},
        "both the key and its secret",
    ),
    "never logged in": (
        "[profile uat]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start",
        {"AWS_PROFILE": "uat"},
        "aws sso login --profile uat",
    ),
    "never logged in, the older way": (
        "[profile uat]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 1\n"
        "sso_role_name = r",
        {"AWS_PROFILE": "uat"},
        "aws sso login --profile uat",
    ),
    "half of an SSO profile": (
        "[profile uat]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1",
        {"AWS_PROFILE": "uat"},
        "aws sso login --profile uat",
    ),
    "never logged in to AWS itself": (
        "[profile uat]\nlogin_session = arn:aws:iam::123456789012:user/ada",
        {"AWS_PROFILE": "uat"},
        "",  # the one or the other, as the CRT is installed or not
    ),
    "a command that is not there": (
        "[profile uat]\ncredential_process = /nowhere/tool",
        {"AWS_PROFILE": "uat"},
        "credential_process of profile uat",
    ),
    "a command that fails": (
        "[profile uat]\ncredential_process = false",
        {"AWS_PROFILE": "uat"},
        "credential_process of profile uat",
    ),
    "a command that says no JSON": (
        "[profile uat]\ncredential_process = echo hello",
        {"AWS_PROFILE": "uat"},
        "credential_process of profile uat",
    ),
    "a command with an open quotation mark": (
        "[profile uat]\ncredential_process = 'tool",
        {"AWS_PROFILE": "uat"},
        "credential_process of profile uat",
    ),
    "a command that says too little": (
        '[profile uat]\ncredential_process = echo {"Version":1}',
        {"AWS_PROFILE": "uat"},
        "credential_process of profile uat",
    ),
    "a role without a source": (
        "[profile uat]\nrole_arn = arn:aws:iam::123456789012:role/deploy",
        {"AWS_PROFILE": "uat"},
        "profile uat",
    ),
    "a source that is not there": (
        "[profile uat]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = gone",
        {"AWS_PROFILE": "uat"},
        "correct what it names in profile uat",
    ),
    "sources in a circle": (
        "[profile uat]\nrole_arn = arn:aws:iam::123456789012:role/a\nsource_profile = b\n"
        "[profile b]\nrole_arn = arn:aws:iam::123456789012:role/b\nsource_profile = uat",
        {"AWS_PROFILE": "uat"},
        "correct what it names in profile uat",
    ),
    "an unknown source": (
        "[profile uat]\nrole_arn = arn:aws:iam::123456789012:role/a\ncredential_source = Moon",
        {"AWS_PROFILE": "uat"},
        "correct what it names in profile uat",
    ),
    "MFA and nobody to ask": (
        "[profile uat]\nrole_arn = arn:aws:iam::123456789012:role/a\nsource_profile = b\nmfa_serial = m\n"
        "[profile b]\naws_access_key_id = A\naws_secret_access_key = s",
        {"AWS_PROFILE": "uat"},
        "profile uat",
    ),
    "no token of the job": (
        "",
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/ci"},
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ),
    "a file that is no configuration": ("[profile", {"AWS_PROFILE": "uat"}, "correct what it names in profile uat"),
    "an unknown retry mode": (
        "[profile uat]\naws_access_key_id = A\naws_secret_access_key = s\ndefaults_mode = fast",
        {"AWS_PROFILE": "uat"},
        "correct it in profile uat",
    ),
    "an address that is none": (
        "",
        {"AWS_ENDPOINT_URL": "x y", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"},
        "AWS_ENDPOINT_URL",
    ),
    "an end that is no time": (
        "",
        {
            "AWS_ACCESS_KEY_ID": "A",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_SESSION_TOKEN": "t",
            "AWS_CREDENTIAL_EXPIRATION": "soon",
        },
        "AWS_ACCESS_KEY_ID",
    ),
    "an end that has passed": (
        "",
        {
            "AWS_ACCESS_KEY_ID": "A",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_SESSION_TOKEN": "t",
            "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
        },
        "AWS_ACCESS_KEY_ID",
    ),
}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str]], None]:
    """A machine with this configuration file and these variables, and no instance metadata."""

    def prepare(config: str, variables: dict[str, str]) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        (tmp_path / "config").write_text(config)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return prepare


def _asked(profile: str | None = None, role_arn: str | None = None, region: str = "us-east-1") -> Cloud:
    return Cloud(Clients(region, profile=profile, role_arn=role_arn), OwnershipTags("livekit", "uat"))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_login_ends_with_4_and_its_own_remedy(
    name: str, machine: Callable[[str, dict[str, str]], None]
) -> None:
    config, variables, remedy = BROKEN[name]
    machine(config, variables)
    with pytest.raises(CredentialsError) as caught:
        _asked().sts.get_caller_identity()
    assert caught.value.exit_code == 4
    assert remedy in caught.value.hint
    assert caught.value.message.count(":") >= 1, "botocore's own words are kept"


@pytest.mark.parametrize("name", sorted(BROKEN.keys() - {"an unknown retry mode", "an address that is none"}))
def test_the_credentials_of_the_cluster_and_the_end_of_the_session_are_asked_for_with_the_same_care(
    name: str, machine: Callable[[str, dict[str, str]], None]
) -> None:
    config, variables, _ = BROKEN[name]
    machine(config, variables)
    with pytest.raises(CredentialsError):
        _asked().eks_token("main")


# ---- AWS's own answers, to the call and to what was to get credentials for it

_KEYS = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}


def _answering(cloud: Cloud, code: str, said: str) -> Cloud:
    """Whatever is asked is answered with this error."""

    def answer(request: object, **_: object) -> AWSResponse:
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{said}</Message></Error>"
        whole = f"{body}<RequestId>7b1f</RequestId></ErrorResponse>".encode()

        class Raw:
            def stream(self, **_: object) -> list[bytes]:
                return [whole]

        return AWSResponse("https://aws", 403, {}, Raw())

    cloud.clients.session().events.register("before-send", answer)
    return cloud


def _refused(cloud: Cloud) -> DeployError:
    with pytest.raises(DeployError) as caught:
        cloud.sts.get_caller_identity()
    return caught.value


ANSWERS = [
    ("ExpiredToken", "The security token included in the request is expired", "no longer valid", "AWS_SESSION_TOKEN"),
    ("RequestExpired", "Request has expired.", "no longer valid", "AWS_SESSION_TOKEN"),
    ("InvalidClientTokenId", "The security token included in the request is invalid", "does not know", "get new keys"),
    ("UnrecognizedClientException", "The security token is invalid", "does not know", "get new keys"),
    ("InvalidToken", "The provided token is malformed or otherwise invalid.", "does not know", "get new keys"),
    ("AuthFailure", "AWS was not able to validate the provided access credentials", "does not know", "get new keys"),
    ("SignatureDoesNotMatch", "The request signature we calculated does not match", "incomplete", "the secret key"),
    ("SignatureDoesNotMatch", "Signature expired: 20261130T1 is now earlier than 20261130T2", "clock", "timedatectl"),
    ("InvalidSignatureException", "Signature not yet current", "clock", "timedatectl"),
    ("RequestTimeTooSkewed", "The difference between the request time and the current time", "clock", "timedatectl"),
    ("IncompleteSignature", "Authorization header requires 'Credential' parameter", "incomplete", "get new keys"),
    ("MissingAuthenticationToken", "Request is missing Authentication Token", "incomplete", "get new keys"),
    ("OptInRequired", "You are not subscribed to this service", "cannot use", "registration"),
    ("PendingVerification", "Your request is being verified", "cannot use", "registration"),
]


@pytest.mark.parametrize(("code", "said", "what", "remedy"), ANSWERS)
def test_credentials_that_aws_does_not_accept_end_with_4_and_their_own_remedy(
    code: str, said: str, what: str, remedy: str, machine: Callable[[str, dict[str, str]], None]
) -> None:
    machine("", _KEYS)
    error = _refused(_answering(_asked(), code, said.replace("'", "")))
    assert isinstance(error, CredentialsError)
    assert error.code == code
    assert error.request_id == "7b1f"
    assert what in error.message
    assert said.replace("'", "") in error.message
    assert remedy in error.hint


@pytest.mark.parametrize("region", ["me-south-1", "af-south-1", "ap-east-1", "eu-south-2", "il-central-1"])
def test_keys_that_are_not_known_in_a_region_that_is_enabled_first_name_that(
    region: str, machine: Callable[[str, dict[str, str]], None]
) -> None:
    machine("", _KEYS)
    error = _refused(_answering(_asked(region=region), "InvalidClientTokenId", "The security token is invalid"))
    assert error.exit_code == 4
    assert error.hint.index("enable-region") < error.hint.index("get new keys")
    assert region in error.message


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1", "ap-northeast-3"])
def test_other_regions_are_not_asked_to_be_enabled(region: str, machine: Callable[[str, dict[str, str]], None]) -> None:
    machine("", _KEYS)
    error = _refused(_answering(_asked(region=region), "InvalidClientTokenId", "The security token is invalid"))
    assert "enable" not in error.hint


_SOURCE = (
    "[profile uat]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = base\n"
    "[profile base]\naws_access_key_id = A\naws_secret_access_key = s"
)


@pytest.mark.parametrize("by_option", [False, True])
def test_a_role_that_cannot_be_assumed_is_named_and_not_the_call_that_needed_it(
    by_option: bool, machine: Callable[[str, dict[str, str]], None]
) -> None:
    machine(_SOURCE, {"AWS_PROFILE": "base" if by_option else "uat"})
    role = "arn:aws:iam::123456789012:role/other"
    cloud = _answering(_asked(role_arn=role if by_option else None), "AccessDenied", "User: u is not authorized")
    error = _refused(cloud)
    assert error.exit_code == 4
    assert "AssumeRole" in error.message
    assert "sts:GetCallerIdentity" not in error.message
    assert (f"--role-arn {role}" if by_option else "role_arn of profile uat") in error.hint


def test_a_session_of_a_role_is_renewed_by_whoever_it_comes_from(
    machine: Callable[[str, dict[str, str]], None],
) -> None:
    machine(_SOURCE.replace("aws_access_key_id = A\naws_secret_access_key = s", "sso_session = s"), {})
    assert _asked("uat").clients.login.again() == "aws sso login --profile base"


def test_an_answer_that_is_no_json_of_a_container_is_told(machine: Callable[[str, dict[str, str]], None]) -> None:
    said = json.dumps("not an object")
    machine(f"[profile uat]\ncredential_process = echo {said}", {"AWS_PROFILE": "uat"})
    with pytest.raises(CredentialsError):
        _asked().sts.get_caller_identity()
