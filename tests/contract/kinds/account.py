"""Logs, roles, keys and secrets."""

from __future__ import annotations

from livekit_deploy.aws.kinds.iam.oidc import OidcProvider
from livekit_deploy.aws.kinds.iam.roles import Policy, Role
from livekit_deploy.aws.kinds.keys import Alias, Key
from livekit_deploy.aws.kinds.logs import FlowLog, LogGroup
from livekit_deploy.aws.kinds.secrets import API_KEYS, TOKEN, Secret
from tests.contract import out_of_band
from tests.contract.kinds.case import NODES_TRUST, TRUST, Case, document, literal, made, trust
from tests.contract.out_of_band import Drift

CASES = [
    Case(
        FlowLog,
        made(
            FlowLog,
            "x",
            vpc_id=lambda b: b.vpc().id,
            group_name=lambda b: b.log_group("flow").group_name,
            role_arn=lambda b: b.role("flow").arn,
        ),
        {
            "vpc_id": lambda b: b.other_vpc().id,
            "group_name": lambda b: b.log_group("cluster").group_name,
            "role_arn": lambda b: b.role("other").arn,
        },
        owned=dict.fromkeys(("vpc_id", "group_name", "role_arn"), "AWS: a flow log has no call that changes it"),
    ),
    Case(
        LogGroup,
        made(LogGroup, "cluster", retention=literal(7)),
        {"retention": literal(30)},
        drifts={
            "retention": Drift(out_of_band.call("logs", "put_retention_policy", "logGroupName", retentionInDays=90))
        },
    ),
    Case(
        Role,
        made(Role, "x", trust=literal(TRUST), managed=literal(["AmazonEKSVPCResourceController"])),
        {
            "trust": literal(NODES_TRUST),
            "managed": literal(["AmazonEKSClusterPolicy"]),
            "boundary": literal("arn:aws:iam::aws:policy/ReadOnlyAccess"),
            "path": literal("/other/"),
        },
        {"values": "part of trust, and compared with it", "inline_policies": "always none: what others put into it"},
        drifts={
            "inline_policies": Drift(out_of_band.inline("theirs")),
            "trust": Drift(out_of_band.trust(NODES_TRUST)),
            "values": Drift(
                out_of_band.trust(TRUST), {"trust": literal(trust("${who}")), "values": literal({"who": "x"})}
            ),
            "managed": Drift(out_of_band.attach("AdministratorAccess")),
            "boundary": Drift(
                out_of_band.call(
                    "iam",
                    "put_role_permissions_boundary",
                    "RoleName",
                    PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess",
                )
            ),
        },
        owned={"path": "AWS: a role keeps it"},
    ),
    Case(
        Policy,
        made(Policy, "x", document=literal(document("s3:GetObject"))),
        {"document": literal(document("s3:PutObject")), "path": literal("/other/")},
        drifts={"document": Drift(out_of_band.policy_version(document("s3:*")))},
        owned={"path": "AWS: a policy keeps it"},
    ),
    Case(
        OidcProvider,
        made(OidcProvider, "x", url=literal("https://oidc.eks.us-east-1.amazonaws.com/id/A")),
        {"url": literal("https://oidc.eks.us-east-1.amazonaws.com/id/B")},
        owned={"url": "AWS: a provider keeps it"},
    ),
    Case(
        Key,
        made(Key, "x", description=literal("d")),
        {"description": literal("other"), "rotation": literal(False)},
        {"state": "a key that is wanted is enabled", "key_policy": "always none: what others wrote into it"},
        drifts={
            "key_policy": Drift(
                out_of_band.call("kms", "put_key_policy", "KeyId", PolicyName="default", Policy=out_of_band.lets_in())
            ),
            "state": Drift(out_of_band.call("kms", "disable_key", "KeyId")),
            "description": Drift(out_of_band.call("kms", "update_key_description", "KeyId", Description="theirs")),
            "rotation": Drift(out_of_band.call("kms", "disable_key_rotation", "KeyId")),
        },
    ),
    Case(
        Alias,
        made(Alias, "x", key_id=lambda b: b.key().id),
        {"key_id": lambda b: b.key("other").id},
        drifts={"key_id": Drift(out_of_band.alias_of_another_key, gives_away=True)},
    ),
    Case(
        Secret,
        made(Secret, "x", form=literal(TOKEN)),
        {"form": literal(API_KEYS), "recovery_days": literal(7)},
        {
            "retired": "says whether the value must be drawn anew: test_secrets.py",
            "state": "a secret that is wanted is kept",
            "resource_policy": "always none: what others wrote",
        },
        drifts={
            "resource_policy": Drift(
                out_of_band.call(
                    "secretsmanager", "put_resource_policy", "SecretId", ResourcePolicy=out_of_band.lets_in()
                )
            ),
            "retired": Drift(out_of_band.retire),
            "state": Drift(out_of_band.call("secretsmanager", "delete_secret", "SecretId", RecoveryWindowInDays=7)),
        },
        owned={"form": "write-only: it says what was drawn", "recovery_days": "create-only"},
    ),
]
