"""EKS's health issues of a cluster, a node group or an add-on: which pass by themselves, and which need manual action.
Causes and remedies are in `causes`.

Sources: EKS API reference, ClusterIssue, Issue and AddonIssue; EKS user guide, "Troubleshooting".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livekit_deploy.aws.errors.causes import cause_of
from livekit_deploy.aws.kinds.states import COMING, STUCK, Meaning, ObservedState, States

_LATER = "EKS keeps trying: check again later with livekit-deploy verify"
_PASSING = (
    *("InternalFailure", "ClusterUnreachable", "InsufficientFreeAddresses"),
    *("AsgInstanceLaunchFailures", "InstanceLimitExceeded", "AutoScalingGroupRateLimitExceeded", "IamThrottling"),
    *("AutoScalingGroupInstanceRefreshActive", "NodeTerminationFailure", "PodEvictionFailure", "LimitExceeded"),
    *("InsufficientNumberOfReplicas", "K8sResourceNotFound", "ResourceLimitExceeded", "Unknown", "Other"),
)


def _issues(enum: str, *persons: str) -> States:
    return States("eks", enum, {STUCK: persons, COMING: _PASSING})


CLUSTER_ISSUE = _issues(
    "ClusterIssueCode",
    *("AccessDenied", "ConfigurationConflict", "ResourceNotFound", "IamRoleNotFound", "VpcNotFound"),
    *("Ec2ServiceNotSubscribed", "Ec2SubnetNotFound", "Ec2SecurityGroupNotFound", "KmsGrantRevoked", "KmsKeyNotFound"),
    *("KmsKeyMarkedForDeletion", "KmsKeyDisabled", "StsRegionalEndpointDisabled", "UnsupportedVersion"),
)
NODE_GROUP_ISSUE = _issues(
    "NodegroupIssueCode",
    *("AccessDenied", "AmiIdNotFound", "AutoScalingGroupInvalidConfiguration", "AutoScalingGroupNotFound"),
    *("AutoScalingGroupOptInRequired", "Ec2InstanceTypeDoesNotExist", "Ec2LaunchTemplateDeletionFailure"),
    *("Ec2LaunchTemplateInvalidConfiguration", "Ec2LaunchTemplateMaxLimitExceeded", "Ec2LaunchTemplateNotFound"),
    *("Ec2LaunchTemplateVersionMaxLimitExceeded", "Ec2LaunchTemplateVersionMismatch", "Ec2SubnetListTooLong"),
    *("Ec2SecurityGroupDeletionFailure", "Ec2SecurityGroupNotFound", "Ec2SubnetInvalidConfiguration"),
    *("Ec2SubnetMissingIpv6Assignment", "Ec2SubnetNotFound", "IamInstanceProfileNotFound", "IamLimitExceeded"),
    *("IamNodeRoleNotFound", "KubernetesLabelInvalid", "NodeCreationFailure", "SourceEc2LaunchTemplateNotFound"),
)
ADDON_ISSUE = _issues(
    "AddonIssueCode",
    *("AccessDenied", "AddonPermissionFailure", "AddonSubscriptionNeeded", "AdmissionRequestDenied"),
    *("ConfigurationConflict", "UnsupportedAddonModification"),
)


@dataclass(frozen=True)
class Health:
    """What is wrong, in AWS's words with the things it names; the first issue's code, what to do, and whether all of it
    passes by itself."""

    said: str = ""
    code: str = ""
    remedy: str = ""
    passes: bool = True

    def told(self, seen: ObservedState) -> dict[str, Any]:
        """How an object in this state tells of it, as arguments of `ObservedState.live`."""
        said = self.said if seen.meaning is Meaning.USABLE else f"{seen.value}: {self.said}"
        known = {"warning": said} if self.said else {}
        remedy = (seen.remedy or self.remedy) if seen.meaning is STUCK else (self.remedy or seen.remedy)
        return {**known, "code": self.code, "remedy": remedy, "cured_by_waiting": self.passes}


def health(states: States, issues: Sequence[Mapping[str, Any]]) -> Health:
    """What EKS reports; nothing where all is well."""
    if not issues:
        return Health()
    worst = next((one for one in issues if states.of(one.get("code")).meaning is Meaning.STUCK), issues[0])
    code, message = str(worst.get("code", "")), str(worst.get("message", ""))
    cause = cause_of(code, message)
    return Health(
        "; ".join(map(_told, issues)),
        code,
        cause.remedy if cause else _LATER,
        all(states.of(one.get("code")).meaning is not Meaning.STUCK for one in issues),
    )


def _told(issue: Mapping[str, Any]) -> str:
    """``NodeCreationFailure: Instances failed to join (i-0a1)``."""
    ids = [str(one) for one in issue.get("resourceIds") or () if one and str(one) not in str(issue.get("message", ""))]
    said = f"{issue.get('code', '')}: {issue.get('message', '')}"
    return f"{said} ({', '.join(ids)})" if ids else said
