"""What the load balancer controller makes in AWS: load balancers, target groups, listeners, groups and their rules.

It is called as the controller calls AWS: with the role of its service account, by the public API, idempotently, with
its tags and names. Source: AWS Load Balancer Controller, "Ingress specification" and "Security groups".
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError

from livekit_deploy.sandbox.cluster.port import Listener, LoadBalancerRequest

_CLUSTER, _RULE = "elbv2.k8s.aws/cluster", "elbv2.k8s.aws/targetGroupBinding=shared"
_STACK = {"application": "ingress.k8s.aws/stack", "network": "service.k8s.aws/stack"}
_RESOURCE = {"application": "ingress.k8s.aws/resource", "network": "service.k8s.aws/resource"}
Key = tuple[str, str, str]


@functools.cache
def _client(service: str, account: str, region: str, endpoint: str | None) -> Any:
    return _session(account, region).client(service, endpoint_url=endpoint)


@functools.cache
def _session(account: str, region: str) -> boto3.Session:
    """One for all clusters: each reads the models of its services anew."""
    return boto3.Session(f"ASIA{account}", "controller", region_name=region)


@dataclass
class Made:
    """A load balancer that was asked for, and what it was last asked to be."""

    arn: str
    dns_name: str
    request: LoadBalancerRequest
    active: bool = False
    target_groups: dict[int, str] = field(default_factory=dict)


class Balancers:
    """The load balancers of one cluster. ``endpoint`` is where AWS is, None in the process of moto itself."""

    def __init__(self, account: str, region: str, cluster: str, vpc_id: str, endpoint: str | None) -> None:
        self._cluster, self._vpc = cluster, vpc_id
        self._where = (account, region, endpoint)
        self.made: dict[Key, Made] = {}

    def _client(self, service: str) -> Any:
        return _client(service, *self._where)

    # ---- making

    def ensure(self, request: LoadBalancerRequest, node_group: str) -> str | None:
        """Its DNS name, None while it is not active; ``node_group`` is the security group of the pods' interfaces."""
        key = (request.kind, request.namespace, request.name)
        made = self.made.get(key)
        if made is not None and made.active and made.request == request:
            return made.dns_name
        if request.certificates and not all(self._issued(arn) for arn in request.certificates):
            return None
        if made is None:
            made = self._create(request, node_group)
            self.made[key] = made
        made.request = request
        self._listen(made, request)
        self._register(made, request)
        state = self._client("elbv2").describe_load_balancers(LoadBalancerArns=[made.arn])["LoadBalancers"][0]["State"]
        made.active = state["Code"] == "active"
        return made.dns_name if made.active else None

    def _issued(self, arn: str) -> bool:
        try:
            return bool(
                self._client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"
            )
        except ClientError:
            return False

    def _create(self, request: LoadBalancerRequest, node_group: str) -> Made:
        groups = [self._frontend(request), self._backend(node_group)] if request.kind == "application" else []
        role = "elb" if request.scheme == "internet-facing" else "internal-elb"
        subnets = self._client("ec2").describe_subnets(
            Filters=[
                {"Name": "vpc-id", "Values": [self._vpc]},
                {"Name": "tag-key", "Values": [f"kubernetes.io/role/{role}"]},
            ]
        )["Subnets"]
        said = self._client("elbv2").create_load_balancer(
            Name=self._name(request),
            Subnets=sorted(one["SubnetId"] for one in subnets),
            SecurityGroups=groups,
            Scheme=request.scheme,
            Type=request.kind,
            Tags=self._tags(request, "LoadBalancer"),
        )["LoadBalancers"][0]
        return Made(said["LoadBalancerArn"], said["DNSName"], request)

    def _name(self, request: LoadBalancerRequest, suffix: str = "") -> str:
        text = f"{self._cluster}/{request.kind}/{request.namespace}/{request.name}{suffix}"
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        return f"k8s-{request.namespace[:8]}-{request.name[:8].strip('-')}-{digest}"

    def _tags(self, request: LoadBalancerRequest, resource: str) -> list[dict[str, str]]:
        stack = f"{request.namespace}/{request.name}"
        own = {_CLUSTER: self._cluster, _STACK[request.kind]: stack, _RESOURCE[request.kind]: resource}
        return [{"Key": key, "Value": value} for key, value in {**request.tags, **own}.items()]

    def _frontend(self, request: LoadBalancerRequest) -> str:
        ports = [
            {
                "IpProtocol": "tcp",
                "FromPort": one.port,
                "ToPort": one.port,
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            }
            for one in request.listeners
        ]
        id = self._group(self._name(request), self._tags(request, "ManagedLBSecurityGroup"))
        self._authorize(id, ports)
        return id

    def _backend(self, node_group: str) -> str:
        digest = hashlib.sha256(self._cluster.encode()).hexdigest()[:10]
        tags = [{"Key": _CLUSTER, "Value": self._cluster}, {"Key": "elbv2.k8s.aws/resource", "Value": "backend-sg"}]
        id = self._group(f"k8s-traffic-{self._cluster}-{digest}", tags)
        pair = {"GroupId": id, "Description": _RULE}
        self._authorize(node_group, [{"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [pair]}])
        return id

    def _group(self, name: str, tags: list[dict[str, str]]) -> str:
        ec2 = self._client("ec2")
        where = [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [self._vpc]}]
        found = ec2.describe_security_groups(Filters=where)["SecurityGroups"]
        if found:
            return str(found[0]["GroupId"])
        specification = [{"ResourceType": "security-group", "Tags": tags}]
        said = ec2.create_security_group(
            GroupName=name, Description="[k8s] Managed", VpcId=self._vpc, TagSpecifications=specification
        )
        return str(said["GroupId"])

    def _authorize(self, group: str, permissions: list[dict[str, Any]]) -> None:
        for permission in permissions:
            try:
                self._client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidPermission.Duplicate":
                    raise

    # ---- listeners and targets

    def _listen(self, made: Made, request: LoadBalancerRequest) -> None:
        elb = self._client("elbv2")
        there = {one["Port"]: one for one in elb.describe_listeners(LoadBalancerArn=made.arn)["Listeners"]}
        for listener in request.listeners:
            made.target_groups.setdefault(listener.port, self._target_group(request, listener))
            certificates = [{"CertificateArn": arn} for arn in request.certificates[:1]]
            secure = listener.protocol in ("HTTPS", "TLS")
            if found := there.get(listener.port):
                shown = [one["CertificateArn"] for one in found.get("Certificates") or []]
                if secure and shown != [one["CertificateArn"] for one in certificates]:
                    elb.modify_listener(ListenerArn=found["ListenerArn"], Certificates=certificates)
                continue
            elb.create_listener(
                LoadBalancerArn=made.arn,
                Port=listener.port,
                Protocol=listener.protocol,
                DefaultActions=[{"Type": "forward", "TargetGroupArn": made.target_groups[listener.port]}],
                Tags=self._tags(request, str(listener.port)),
                **({"Certificates": certificates} if secure else {}),
            )

    def _target_group(self, request: LoadBalancerRequest, listener: Listener) -> str:
        name = self._name(request, f":{listener.port}")
        elb = self._client("elbv2")
        for one in elb.describe_target_groups()["TargetGroups"]:
            if one["TargetGroupName"] == name:
                return str(one["TargetGroupArn"])
        said = elb.create_target_group(
            Name=name,
            Protocol="HTTP" if request.kind == "application" else "TCP",
            Port=listener.target_port,
            VpcId=self._vpc,
            TargetType="ip",
            Tags=self._tags(request, f"{request.namespace}/{request.name}:{listener.port}"),
        )
        return str(said["TargetGroups"][0]["TargetGroupArn"])

    def _register(self, made: Made, request: LoadBalancerRequest) -> None:
        elb = self._client("elbv2")
        wanted = {(one.ip, one.port) for one in request.targets if one.ready}
        for group in made.target_groups.values():
            said = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            there = {(one["Target"]["Id"], one["Target"]["Port"]) for one in said}
            for operation, targets in (
                (elb.register_targets, wanted - there),
                (elb.deregister_targets, there - wanted),
            ):
                if targets:
                    operation(TargetGroupArn=group, Targets=[{"Id": ip, "Port": port} for ip, port in sorted(targets)])

    # ---- deleting

    def delete(self, key: Key, node_group: str) -> bool:
        """Delete a load balancer with its groups; the shared ones go with the last."""
        made = self.made.pop(key, None)
        if made is None:
            return True
        elb = self._client("elbv2")
        elb.delete_load_balancer(LoadBalancerArn=made.arn)
        for group in made.target_groups.values():
            elb.delete_target_group(TargetGroupArn=group)
        if made.request.kind == "application":
            self._delete_group(self._name(made.request))
        if not any(one.request.kind == "application" for one in self.made.values()):
            self._delete_backend(node_group)
        return True

    def _delete_backend(self, node_group: str) -> None:
        ec2 = self._client("ec2")
        rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [node_group]}])
        ours = [one["SecurityGroupRuleId"] for one in rules["SecurityGroupRules"] if one.get("Description") == _RULE]
        if ours:
            ec2.revoke_security_group_ingress(GroupId=node_group, SecurityGroupRuleIds=ours)
        digest = hashlib.sha256(self._cluster.encode()).hexdigest()[:10]
        self._delete_group(f"k8s-traffic-{self._cluster}-{digest}")

    def _delete_group(self, name: str) -> None:
        ec2 = self._client("ec2")
        where = [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [self._vpc]}]
        for one in ec2.describe_security_groups(Filters=where)["SecurityGroups"]:
            ec2.delete_security_group(GroupId=one["GroupId"])
