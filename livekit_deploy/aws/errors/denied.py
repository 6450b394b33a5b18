"""What an error says of a right in AWS that is missing: which one to allow, and to whom."""

from __future__ import annotations

import re

#: operations whose right has another name (Service Authorization Reference, Amazon S3)
_RIGHTS = {
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}


def allow(said: str, action: str) -> str:
    """Which action to allow to whom, as AWS says it, or else as it was asked for."""
    if "launch instances with this launch template" in said:
        return (
            "allow ec2:RunInstances with the launch template, and ec2:CreateTags on all that a launch makes "
            "(livekit-deploy iam-policy prints both); aws sts decode-authorization-message "
            "--encoded-message TEXT tells which was refused"
        )
    denied = re.search(r"perform: ([\w-]+:\w+)", said)
    who = re.search(r"User: (arn:\S+)", said)
    principal = who[1] if who else "the principal that runs this"
    right = denied[1] if denied else _RIGHTS.get(action, action)
    if forbidden := re.search(r"with an explicit deny in an? ([\w -]+policy)", said):
        return f"a {forbidden[1]} forbids {right} to {principal}, even where others allow it: have that policy changed"
    if limit := re.search(r"because no (permissions boundary|session policy|\w+ control policy) allows", said):
        return f"let the {limit[1]} of {principal} allow {right} too (livekit-deploy iam-policy prints all)"
    return f"allow the action {right} to {principal} (livekit-deploy iam-policy prints all)"
