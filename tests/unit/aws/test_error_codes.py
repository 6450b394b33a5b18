"""Every error that AWS's models give to an operation that we call has its class, exit code, and a remedy."""

from __future__ import annotations

import functools
from collections import defaultdict

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker

from livekit_deploy.aws.errors import codes
from livekit_deploy.aws.errors.causes import RULES
from livekit_deploy.aws.errors.codes import REFUSED, kind_of
from livekit_deploy.aws.errors.login import Login
from livekit_deploy.aws.errors.translation import translate
from livekit_deploy.engine.run import passes
from livekit_deploy.errors import (
    Absent,
    Busy,
    Conflict,
    CredentialsError,
    Denied,
    DeployError,
    InUse,
    QuotaExceeded,
    ResourceError,
    Throttled,
    Unavailable,
)
from tests.service_authorization import named

LOGIN = Login("uat", "us-east-1", environ={})


@functools.cache
def _called() -> dict[str, set[str]]:
    """boto3's name of a service → the operations of it that a file of the product names."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for service, operation, _ in named():
        found[service].add(operation)
    return found


@functools.cache
def _modeled() -> dict[str, str]:
    """Each error code of those operations, and one operation that has it."""
    found = {}
    for service, names in _called().items():
        model = botocore.session.get_session().get_service_model(service)
        for name in sorted(names):
            for shape in model.operation_model(name).error_shapes:
                found[str(shape.metadata.get("error", {}).get("code") or shape.name)] = f"{service}:{name}"
    return found


def answered(code: str, said: str = "It is so.", called: str = "ec2:DescribeVpcs", login: Login = LOGIN) -> DeployError:
    service, _, operation = called.partition(":")
    response = {"Error": {"Code": code, "Message": said}, "ResponseMetadata": {"RequestId": "7b1f"}}
    return translate(ClientError(response, operation), service, operation, login)


def test_the_models_are_read() -> None:
    assert len(_modeled()) > 130
    assert {"eks", "elasticache", "kms", "secretsmanager", "s3", "route53", "elbv2", "iam"} <= _called().keys()


@pytest.mark.parametrize("code", sorted(_modeled()))
def test_each_modeled_error_has_its_class_and_a_remedy(code: str) -> None:
    """One that is new to the models fails here: say in `codes` what it means."""
    error = answered(code, called=_modeled()[code])
    assert isinstance(error, CredentialsError) or kind_of(code) is not ResourceError or code in REFUSED
    assert "look up" not in error.hint
    assert error.hint
    assert "It is so." in error.message
    assert isinstance(error, CredentialsError | ResourceError)
    assert (error.code, error.request_id) == (code, "7b1f")


def test_what_is_refused_as_it_stands_is_of_no_other_class() -> None:
    assert {code for code in REFUSED if kind_of(code) is not ResourceError} == set()


def test_every_code_that_botocore_waits_for_is_one_that_asks_to_slow_down() -> None:
    known = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    # of ACM, EKS, KMS and IAM it is a quota, which botocore does not know
    assert known - codes.THROTTLED == {"LimitExceededException"}


#: the common errors of every API reference, those of EC2's and S3's, which no model has, and what is easily mistaken
MEANT = [
    ("AccessDenied", "", Denied),
    ("UnauthorizedOperation", "You are not authorized to perform this operation.", Denied),
    (
        "InvalidRequestException",
        "You are not authorized to launch instances with this launch template. Encoded",
        Denied,
    ),
    (
        "InvalidRequestException",
        "Failed to validate if SLR exists due to missing permissions for 'iam:GetRole'",
        Denied,
    ),
    ("InvalidParameterValue", "User: u is not authorized to perform: kms:CreateGrant", Denied),
    ("AuthFailure", "Not authorized for images: [ami-1]", Denied),
    ("AuthFailure", "You do not have permission to access the specified resource.", InUse),
    ("AuthFailure", "AWS was not able to validate the provided access credentials", CredentialsError),
    ("DependencyViolation", "The vpc 'vpc-1' has dependencies and cannot be deleted.", InUse),
    ("ResourceInUse", "Target group 'arn' is currently in use by a listener or a rule", InUse),
    ("InvalidNetworkInterface.InUse", "Interface: [eni-1] in use.", InUse),
    ("InvalidParameterValue", "Network interface 'eni-1' is currently in use.", InUse),
    ("InvalidParameterValue", "Value (x) for parameter y is invalid.", ResourceError),
    ("InvalidGroup.InUse", "", InUse),
    ("InvalidIPAddress.InUse", "", InUse),
    ("IncorrectState", "The vpc endpoint is not in the right state", InUse),
    ("ResourceInUseException", "Cannot LoggingUpdate because cluster main currently has update 0e5c in progress", Busy),
    ("ResourceInUseException", "Cluster has nodegroups attached", InUse),
    ("OperationAborted", "A conflicting conditional operation is currently in progress", Busy),
    ("ConcurrentModification", "", Busy),
    ("ConflictException", "", Busy),
    ("InvalidVpcID.NotFound", "", Absent),
    ("ClientException", "No cluster found for name: main.", Absent),
    ("ServiceLinkedRoleNotFoundFault", "The specified service linked role was not found.", ResourceError),
    ("InvalidLaunchTemplateName.AlreadyExistsException", "", Conflict),
    ("InvalidGroup.Duplicate", "", Conflict),
    ("BucketAlreadyExists", "", Conflict),
    ("RequestLimitExceeded", "", Throttled),
    ("BandwidthLimitExceeded", "", Throttled),
    ("EC2ThrottledException", "", Throttled),
    ("VcpuLimitExceeded", "", QuotaExceeded),
    ("MaxSpotInstanceCountExceeded", "", QuotaExceeded),
    ("NodeQuotaForClusterExceeded", "", QuotaExceeded),
    ("TooManyBuckets", "", QuotaExceeded),
    ("InternalError", "", Unavailable),
    ("InternalFailure", "", Unavailable),
    ("ServiceUnavailable", "", Unavailable),
    ("RequestTimeout", "", Unavailable),
    ("503", "Service Unavailable", Unavailable),
    ("ExpiredToken", "", CredentialsError),
    ("RequestExpired", "", CredentialsError),
    ("IncompleteSignature", "", CredentialsError),
    ("InvalidClientTokenId", "", CredentialsError),
    ("InvalidAccessKeyId", "", CredentialsError),
    ("OptInRequired", "", CredentialsError),
    ("RegionDisabledException", "STS is not activated in this region for account", CredentialsError),
]


@pytest.mark.parametrize(("code", "said", "kind"), MEANT)
def test_codes_mean_what_their_service_says(code: str, said: str, kind: type[DeployError]) -> None:
    error = answered(code, said)
    assert type(error) is kind
    assert error.exit_code == (4 if kind in (Denied, CredentialsError) else 1)
    assert passes(error) == (kind in (Throttled, Unavailable))


def test_who_may_not_launch_instances_is_told_what_a_launch_needs() -> None:
    error = answered(
        "InvalidRequestException",
        "You are not authorized to launch instances with this launch template. Encoded authorization failure",
        "eks:CreateNodegroup",
    )
    assert "ec2:RunInstances" in error.hint
    assert "ec2:CreateTags" in error.hint


@pytest.mark.parametrize(
    ("because", "remedy"),
    [
        (
            "because no identity-based policy allows the eks:CreateCluster action",
            "allow the action eks:CreateCluster to",
        ),
        ("with an explicit deny in a service control policy", "a service control policy forbids eks:CreateCluster"),
        ("with an explicit deny in an identity-based policy", "identity-based policy forbids eks:CreateCluster"),
        ("because no permissions boundary allows the eks:CreateCluster action", "let the permissions boundary of"),
        ("because no session policy allows the eks:CreateCluster action", "let the session policy of"),
    ],
)
def test_who_lacks_a_right_is_told_which_policy_to_change(because: str, remedy: str) -> None:
    me = "arn:aws:iam::123456789012:user/ada"
    said = f"User: {me} is not authorized to perform: eks:CreateCluster on resource: * {because}"
    error = answered("AccessDeniedException", said, "eks:CreateCluster")
    assert isinstance(error, Denied)
    assert remedy in error.hint
    assert me in error.hint


def test_every_code_of_a_cause_is_written_as_aws_writes_codes() -> None:
    for rule in RULES:
        assert all(code[0].isupper() for code in rule.codes.split("|")), rule
