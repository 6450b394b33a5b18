"""What EKS reports of the health of a cluster, a node group or an add-on: which issues pass by themselves, which need a
person, and what that person does.

Sources: EKS API reference, ClusterIssue, Issue and AddonIssue; EKS user guide, "Troubleshooting".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livekit_deploy.aws.causes import cause_of
from livekit_deploy.aws.states import COMING, STUCK, Meaning, Standing, States

_UP = "then run: livekit-deploy up"
_LATER = "EKS goes on trying: look again later with livekit-deploy verify"
_GROUP_ANEW = (
    "EKS cannot mend it: change something that makes another group first, such as the order of its instance_types, "
    "and run up; the old one goes last, once its calls have ended"
)
_TEMPLATE = f"put the launch template back as livekit-deploy made it, {_UP}"
_SUBNET = f"put the subnet back as livekit-deploy plan shows it, {_UP}"
_ROLE = f"put the role and its policies back as livekit-deploy plan shows them, {_UP}"
_KEY_BACK = f"put the KMS key back as livekit-deploy plan shows it, {_UP}"
_EVICTED = "see what keeps its pods: kubectl get pdb -A; they end by themselves when their calls do"
_SUPPORT = "ask AWS Support, with the name of the cluster"

#: what a person does about an issue, by its code; of one that passes by itself `_LATER`, unless it is here
_REMEDIES: Mapping[str, str] = {
    "AccessDenied": _ROLE,
    "AddonPermissionFailure": f"give the add-on's role the rights that the message names, {_UP}",
    "AddonSubscriptionNeeded": f"subscribe to the add-on in AWS Marketplace, or take it out of cluster.addons, {_UP}",
    "AdmissionRequestDenied": f"let the cluster's admission webhooks admit the add-on's objects, {_UP}",
    "AmiIdNotFound": f"choose another AMI in nodes.*.ami, {_UP}",
    "AsgInstanceLaunchFailures": f"see the activity of its Auto Scaling group in EC2, put that right, {_UP}",
    "AutoScalingGroupInvalidConfiguration": "put the Auto Scaling group back as EKS made it: nobody else may change it",
    "AutoScalingGroupNotFound": _GROUP_ANEW,
    "AutoScalingGroupOptInRequired": f"opt in to EC2 Auto Scaling in this region, {_UP}",
    "ClusterUnreachable": "see that the nodes' subnets reach the cluster's endpoint: livekit-deploy verify",
    "ConfigurationConflict": f"remove from the cluster what the message names, or drop it from cluster.addons, {_UP}",
    "Ec2InstanceTypeDoesNotExist": f"choose other types in nodes.*.instance_types, {_UP}",
    "Ec2LaunchTemplateDeletionFailure": "see who uses the launch template of the node group, and let go of it",
    "Ec2LaunchTemplateInvalidConfiguration": _TEMPLATE,
    "Ec2LaunchTemplateMaxLimitExceeded": f"delete launch templates that nobody uses, {_UP}",
    "Ec2LaunchTemplateNotFound": _GROUP_ANEW,
    "Ec2LaunchTemplateVersionMaxLimitExceeded": f"delete old versions of the launch template, {_UP}",
    "Ec2LaunchTemplateVersionMismatch": _TEMPLATE,
    "Ec2SecurityGroupDeletionFailure": "see what holds the security group that the message names, and let go of it",
    "Ec2SecurityGroupNotFound": "the cluster's security group is gone: EKS makes none again. Run down and then up",
    "Ec2ServiceNotSubscribed": "subscribe the account to EC2: AWS Support can tell what is missing",
    "Ec2SubnetInvalidConfiguration": f"let the subnet give its instances public addresses again, {_UP}",
    "Ec2SubnetListTooLong": _GROUP_ANEW,
    "Ec2SubnetMissingIpv6Assignment": _SUBNET,
    "Ec2SubnetNotFound": f"the subnet is gone: {_SUBNET}",
    "IamInstanceProfileNotFound": _GROUP_ANEW,
    "IamLimitExceeded": f"delete roles or instance profiles that nobody uses, {_UP}",
    "IamNodeRoleNotFound": _ROLE,
    "IamRoleNotFound": _ROLE,
    "InstanceLimitExceeded": f"ask for more in Service Quotas: ec2, L-1216C47A, {_UP}",
    "InsufficientFreeAddresses": f"free addresses in the subnets that the message names, {_UP}",
    "K8sResourceNotFound": f"update the add-on, which makes its objects again: change its version, {_UP}",
    "KmsGrantRevoked": f"grant the cluster's role the use of its KMS key again (aws kms create-grant), {_UP}",
    "KmsKeyDisabled": _KEY_BACK,
    "KmsKeyMarkedForDeletion": _KEY_BACK,
    "KmsKeyNotFound": "the KMS key is gone, and with it the cluster's secrets: run down and then up",
    "KubernetesLabelInvalid": f"correct the labels of the node group, {_UP}",
    "LimitExceeded": f"ask for a higher quota in Service Quotas, or delete what is not used, {_UP}",
    "NodeCreationFailure": "see that the nodes' subnets have a route to the Internet and to the cluster's endpoint: "
    "livekit-deploy plan",
    "NodeTerminationFailure": _EVICTED,
    "Other": _SUPPORT,
    "PodEvictionFailure": _EVICTED,
    "ResourceLimitExceeded": f"ask for a higher quota in Service Quotas, or delete what is not used, {_UP}",
    "ResourceNotFound": f"put back what the message names: livekit-deploy plan shows it, {_UP}",
    "SourceEc2LaunchTemplateNotFound": f"the launch template is gone: run up, which makes another one. {_GROUP_ANEW}",
    "StsRegionalEndpointDisabled": "turn STS on for this region: IAM console, account settings",
    "Unknown": _SUPPORT,
    "UnsupportedAddonModification": f"undo by hand what was changed of the add-on's objects, {_UP}",
    "UnsupportedVersion": "raise cluster.version one minor version at a time, with an up for each",
    "VpcNotFound": "the VPC is gone: run down and then up",
}

_PASSING = (
    *("InternalFailure", "ClusterUnreachable", "InsufficientFreeAddresses"),
    *("AsgInstanceLaunchFailures", "InstanceLimitExceeded", "AutoScalingGroupRateLimitExceeded", "IamThrottling"),
    *("AutoScalingGroupInstanceRefreshActive", "NodeTerminationFailure", "PodEvictionFailure", "LimitExceeded"),
    *("InsufficientNumberOfReplicas", "K8sResourceNotFound", "ResourceLimitExceeded", "Unknown", "Other"),
)


def _issues(enum: str, *persons: str) -> States:
    return States("eks", enum, {STUCK: persons, COMING: _PASSING}, _REMEDIES)


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

    def told(self, seen: Standing) -> dict[str, Any]:
        """How an object in this state tells of it, as arguments of `Standing.live`."""
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
        cause.remedy if cause else _REMEDIES.get(code, _LATER),
        all(states.of(one.get("code")).meaning is not Meaning.STUCK for one in issues),
    )


def _told(issue: Mapping[str, Any]) -> str:
    """``NodeCreationFailure: Instances failed to join (i-0a1)``."""
    ids = [str(one) for one in issue.get("resourceIds") or () if one and str(one) not in str(issue.get("message", ""))]
    said = f"{issue.get('code', '')}: {issue.get('message', '')}"
    return f"{said} ({', '.join(ids)})" if ids else said
