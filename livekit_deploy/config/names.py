"""The forms of names, ARNs, types and files that an environment file may give, each with the words that say it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from livekit_deploy.config.section import Form, Whole

Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", min_length=2, max_length=20),
    Form("2 to 20 small letters, digits and single hyphens, a letter first"),
]
Bucket = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]|\.[a-z0-9]){1,61}[a-z0-9]$", max_length=63),
    Form("the name of a bucket: 3 to 63 small letters, digits, hyphens and single dots, a letter or digit at its ends"),
]
Principal = Annotated[
    str,
    StringConstraints(pattern=r"^arn:[A-Za-z0-9_-]+:iam::[0-9]{12}:(role|user)/[A-Za-z0-9_+=,.@/-]+$"),
    Form("the ARN of an IAM role or user"),
]
Role = Annotated[
    str,
    StringConstraints(pattern=r"^arn:[A-Za-z0-9_-]+:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$"),
    Form("the ARN of an IAM role"),
]
Boundary = Annotated[
    str,
    StringConstraints(pattern=r"^arn:[A-Za-z0-9_-]+:iam::([0-9]{12}|aws):policy/[A-Za-z0-9_+=,.@/-]+$"),
    Form("the ARN of an IAM policy"),
]
KmsKey = Annotated[
    str,
    StringConstraints(pattern=r"^arn:[A-Za-z0-9_-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"),
    Form("the ARN of a KMS key, not of an alias"),
]
InstanceType = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"),
    Form("an instance type of EC2: family, dot, size"),
]
NodeType = Annotated[
    str,
    StringConstraints(pattern=r"^cache\.[a-z][a-z0-9]*\.[a-z0-9]+$"),
    Form("a node type of ElastiCache: cache, family and size, with dots between"),
]
Zone = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$"),
    Form("the name or id of an availability zone"),
]
_UNSEEN = r"\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\ufeff"
File = Annotated[
    str,
    StringConstraints(pattern=rf"^[^~$\s{_UNSEEN}]([^{_UNSEEN}]*[^\s/{_UNSEEN}])?$"),
    Form("the path of a file as it is: ~ and variables are not expanded"),
]
AddonVersion = Annotated[
    str,
    StringConstraints(pattern=r"^v?[0-9][0-9A-Za-z_.+-]*$"),
    Form("the version of an add-on: a number with dots, and what EKS writes behind it"),
]
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
DailyWindow = Annotated[
    str,
    StringConstraints(pattern=rf"^{_TIME}-{_TIME}$"),
    Form("two times of day in 24 hours with a hyphen between, as in 05:00-06:00"),
]
ParameterName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=255),
    Form("the name of a parameter: small letters, digits and hyphens, a letter first"),
]
ParameterValue = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]([ -~]*[!-~])?$", max_length=255),
    Form("the value of a parameter, up to 255 characters"),
]
LeaseSeconds = Annotated[Whole, Field(ge=10, le=900)]
