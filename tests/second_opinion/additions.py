"""What MiniStack 1.5.33 leaves out of an answer and AWS does not: put into it on the way to the client.

Nothing here decides anything: filters are applied as the EC2 API reference defines them, and a description repeats what
the call that made the object said.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botocore.awsrequest import AWSResponse

#: parameter with ids of what is to be described → the error where there is none (EC2 API reference, Error codes)
_UNKNOWN = {
    "AllocationIds": "InvalidAllocationID.NotFound",
    "FlowLogIds": "InvalidFlowLogId.NotFound",
    "GroupIds": "InvalidGroup.NotFound",
    "InternetGatewayIds": "InvalidInternetGatewayID.NotFound",
    "LaunchTemplateIds": "InvalidLaunchTemplateId.NotFound",
    "NatGatewayIds": "NatGatewayNotFound",
    "RouteTableIds": "InvalidRouteTableID.NotFound",
    "SecurityGroupRuleIds": "InvalidSecurityGroupRuleId.NotFound",
    "SubnetIds": "InvalidSubnetID.NotFound",
    "VpcEndpointIds": "InvalidVpcEndpointId.NotFound",
    "VpcIds": "InvalidVpcID.NotFound",
}


class Additions:
    """For the clients of one account."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, Any]] = {}

    def watch(self, client: Any) -> None:
        """See what this client asks and is answered."""
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"provide-client-params.{service}", self._asked)
        client.meta.events.register(f"after-call.{service}", self._answered)
        client.meta.events.register("before-call.eks.DescribeAddonVersions", _offered)

    def _asked(self, params: Any, context: Any, **_: Any) -> None:
        context["asked"] = params

    def _answered(self, model: Any, parsed: Any, http_response: Any, context: Any, **_: Any) -> None:
        asked = context.get("asked", {})
        if "Error" in parsed:
            return
        self._made(model.name, parsed, asked)
        self._described(model.name, parsed)
        if model.service_model.service_name == "ec2" and model.name.startswith("Describe"):
            _filtered(parsed, asked.get("Filters") or asked.get("Filter") or ())
            if error := _unknown(parsed, asked):
                parsed["Error"], http_response.status_code = error, 400

    def _made(self, operation: str, parsed: Any, asked: Mapping[str, Any]) -> None:
        match operation:
            case "CreateFlowLogs":
                self._note(parsed["FlowLogIds"], asked, "LogGroupName", "DeliverLogsPermissionArn")
            case "CreateNodegroup":
                self._note([asked["nodegroupName"]], asked, "launchTemplate", "updateConfig")
            case "CreateNatGateway":
                addresses = [{"AllocationId": asked["AllocationId"]}]
                made = parsed["NatGateway"]["NatGatewayId"]
                self._note([made], {"NatGatewayAddresses": addresses}, "NatGatewayAddresses")

    def _described(self, operation: str, parsed: Any) -> None:
        match operation:
            case "DescribeCluster":
                _over_tls(parsed["cluster"])
            case "DescribeFlowLogs":
                self._complete(parsed["FlowLogs"], "FlowLogId")
            case "DescribeNodegroup":
                self._complete([parsed["nodegroup"]], "nodegroupName")
            case "DescribeNatGateways":
                self._complete(parsed["NatGateways"], "NatGatewayId")

    def _note(self, ids: Iterable[str], asked: Mapping[str, Any], *members: str) -> None:
        for id in ids:
            self._said[id] = {member: asked[member] for member in members if member in asked}

    def _complete(self, items: Iterable[dict[str, Any]], id: str) -> None:
        """Members that the emulator tells stay as it tells them."""
        for item in items:
            for member, value in self._said.get(item[id], {}).items():
                item[member] = item.get(member) or value


def _offered(context: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
    """An answer to DescribeAddonVersions, which it does not have: two versions of whatever is asked for."""
    name = context["asked"].get("addonName", "vpc-cni")
    versions = [{"addonVersion": version} for version in ("v1.21.1-eksbuild.1", "v1.20.4-eksbuild.2")]
    answer = {"addons": [{"addonName": name, "addonVersions": versions}], "ResponseMetadata": {}}
    return AWSResponse("", 200, {}, None), answer


def _over_tls(cluster: dict[str, Any]) -> None:
    """EKS's issuers are always https (EKS User Guide, "IAM roles for service accounts")."""
    oidc = cluster["identity"]["oidc"]
    oidc["issuer"] = oidc["issuer"].replace("http://", "https://")


def _unknown(parsed: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, str] | None:
    """The error where an empty list was answered to ids."""
    if any(isinstance(items, list) and items for items in parsed.values()):
        return None
    named = next((name for name in _UNKNOWN if asked.get(name)), None)
    return {"Code": _UNKNOWN[named], "Message": f"{asked[named]} does not exist"} if named else None


def _filtered(parsed: dict[str, Any], filters: Sequence[Mapping[str, Any]]) -> None:
    """Leave only what each filter admits, of those that name a member of the item itself."""
    for one in filters:
        member = "".join(part.capitalize() for part in one["Name"].split("-"))
        for key, items in parsed.items():
            if isinstance(items, list):
                parsed[key] = [item for item in items if member not in item or _admits(one["Values"], item[member])]


def _admits(values: Sequence[str], value: object) -> bool:
    said = str(value).lower() if isinstance(value, bool) else str(value)
    return any(fnmatch.fnmatchcase(said, pattern) for pattern in values)
