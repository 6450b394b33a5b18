"""Makes in AWS what the load balancer controller makes: load balancers, target groups, listeners, security groups.

It is called as the controller calls AWS: with the role of its service account, by the public API, idempotently, with
its tags and names. Source: AWS Load Balancer Controller, "Ingress specification" and "Security groups".
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError

from livekit_deploy.sandbox.cluster.port import Listener, LoadBalancerRequest, Target, TargetGroup

_CLUSTER, _RULE = "elbv2.k8s.aws/cluster", "elbv2.k8s.aws/targetGroupBinding=shared"
_STACK = {"application": "ingress.k8s.aws/stack", "network": "service.k8s.aws/stack"}
_RESOURCE = {"application": "ingress.k8s.aws/resource", "network": "service.k8s.aws/resource"}
#: seconds between two health checks and how many must pass, as the controller asks for them (AWS Load Balancer
#: Controller, "Ingress annotations" and "Service annotations", health check)
_CHECKS = {"application": (15, 2), "network": (10, 3)}
_OLD_POLICY = "ELBSecurityPolicy-2016-08"  # the controller's default (its flag --default-ssl-policy)
Key = tuple[str, str, str]


@functools.cache
def _client(service: str, key: str, region: str, endpoint: str | None) -> Any:
    return _session(key, region).client(service, endpoint_url=endpoint)


@functools.cache
def _session(key: str, region: str) -> boto3.Session:
    """One for all clusters: each reads the models of its services again."""
    return boto3.Session(key, "controller", region_name=region)


@dataclass
class Made:
    """A load balancer that was asked for, and what it was last asked to be."""

    arn: str
    dns_name: str
    request: LoadBalancerRequest
    active: bool = False
    target_groups: dict[int, TargetGroup] = field(default_factory=dict)
    """By the port of the Service."""


class Balancers:
    """The load balancers of a cluster (account, region and name). ``endpoint`` is where AWS is, None in the process of
    moto itself; ``key`` is the access key of its controller.
    """

    def __init__(self, cluster: tuple[str, str, str], vpc_id: str, endpoint: str | None, key: str) -> None:
        _, region, self._cluster = cluster
        self._vpc = vpc_id
        self._where = (key, region, endpoint)
        self.made: dict[Key, Made] = {}
        self._settled: dict[str, dict[Target, str]] = {}

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
        if made is None or not self._there(made):
            made = self._create(request, node_group)
            self.made[key] = made
        changed, made.request = made.request != request, request
        self._listen(made, request)
        if changed:
            self._retag(made, request)
        state = self._client("elbv2").describe_load_balancers(LoadBalancerArns=[made.arn])["LoadBalancers"][0]["State"]
        made.active = state["Code"] == "active"
        return made.dns_name if made.active else None

    def _there(self, made: Made) -> bool:
        """It may have been deleted by somebody else: then it is made again, with the groups that are left of it."""
        try:
            self._client("elbv2").describe_load_balancers(LoadBalancerArns=[made.arn])
        except ClientError as error:
            if error.response["Error"]["Code"] != "LoadBalancerNotFound":
                raise
            return False
        return True

    def _issued(self, arn: str) -> bool:
        try:
            return bool(
                self._client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"
            )
        except ClientError:
            return False

    def _create(self, request: LoadBalancerRequest, node_group: str) -> Made:
        groups = [self._frontend(request), self._backend(request, node_group)] if request.kind == "application" else []
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
        return [{"Key": key, "Value": value} for key, value in {**request.default_tags, **request.tags, **own}.items()]

    def _retag(self, made: Made, request: LoadBalancerRequest) -> None:
        """Bring the tags of what is there to what is asked for."""
        elb = self._client("elbv2")
        wanted = {made.arn: self._tags(request, "LoadBalancer")}
        for port, group in made.target_groups.items():
            wanted[group.arn] = self._tags(request, f"{request.namespace}/{request.name}:{port}")
        for one in elb.describe_tags(ResourceArns=list(wanted))["TagDescriptions"]:
            tags, arn = wanted[one["ResourceArn"]], one["ResourceArn"]
            surplus = {tag["Key"] for tag in one["Tags"]} - {tag["Key"] for tag in tags}
            if surplus:
                elb.remove_tags(ResourceArns=[arn], TagKeys=sorted(surplus))
            elb.add_tags(ResourceArns=[arn], Tags=tags)

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

    def _backend(self, request: LoadBalancerRequest, node_group: str) -> str:
        digest = hashlib.sha256(self._cluster.encode()).hexdigest()[:10]
        own = {_CLUSTER: self._cluster, "elbv2.k8s.aws/resource": "backend-sg"}
        tags = [{"Key": key, "Value": value} for key, value in {**request.default_tags, **own}.items()]
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
            group = self._target_group(request, listener)
            made.target_groups[listener.target_port] = group
            secure = self._secure(request) if listener.protocol in ("HTTPS", "TLS") else {}
            if found := there.get(listener.port):
                if secure and secure != self._shown(found):
                    elb.modify_listener(ListenerArn=found["ListenerArn"], **secure)
                continue
            elb.create_listener(
                LoadBalancerArn=made.arn,
                Port=listener.port,
                Protocol=listener.protocol,
                DefaultActions=[{"Type": "forward", "TargetGroupArn": group.arn}],
                Tags=self._tags(request, str(listener.port)),
                **secure,
            )

    def _secure(self, request: LoadBalancerRequest) -> dict[str, Any]:
        certificates = [{"CertificateArn": arn} for arn in request.certificates[:1]]
        return {"SslPolicy": request.ssl_policy or _OLD_POLICY, "Certificates": certificates}

    def _shown(self, listener: Mapping[str, Any]) -> dict[str, Any]:
        certificates = [{"CertificateArn": one["CertificateArn"]} for one in listener.get("Certificates") or []]
        return {"SslPolicy": listener.get("SslPolicy"), "Certificates": certificates}

    def _target_group(self, request: LoadBalancerRequest, listener: Listener) -> TargetGroup:
        name = self._name(request, f":{listener.target_port}")
        elb = self._client("elbv2")
        found = [one for one in elb.describe_target_groups()["TargetGroups"] if one["TargetGroupName"] == name]
        if not found:
            checks = _CHECKS[request.kind]
            found = elb.create_target_group(
                Name=name,
                Protocol="HTTP" if request.kind == "application" else "TCP",
                Port=listener.target_port,
                VpcId=self._vpc,
                TargetType="ip",
                HealthCheckIntervalSeconds=checks[0],
                HealthyThresholdCount=checks[1],
                Tags=self._tags(request, f"{request.namespace}/{request.name}:{listener.target_port}"),
            )["TargetGroups"]
        arn = str(found[0]["TargetGroupArn"])
        if request.deregistration_delay is not None:
            asked = [{"Key": "deregistration_delay.timeout_seconds", "Value": str(request.deregistration_delay)}]
            elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=asked)
        return TargetGroup(name, arn, request.service, listener.target_port)

    def target_groups(self, key: Key) -> Sequence[TargetGroup]:
        """Those of one load balancer."""
        made = self.made.get(key)
        return list(made.target_groups.values()) if made is not None else []

    def set_targets(self, arn: str, targets: Collection[Target]) -> Mapping[Target, str]:
        """Register these and no others: the state of the health of each. A group that is gone has none.

        Once all are healthy, nothing is asked until they are others, as the controller's checkpoint has it.
        """
        elb, settled = self._client("elbv2"), self._settled.get(arn)
        if settled is not None and settled.keys() == set(targets):
            return settled
        try:
            there = self._health(arn)
            wanted, kept = set(targets), {target for target, state in there.items() if state != "draining"}
            for operation, changed in (
                (elb.register_targets, wanted - kept),
                (elb.deregister_targets, kept - wanted),
            ):
                if changed:
                    operation(TargetGroupArn=arn, Targets=[{"Id": ip, "Port": port} for ip, port in sorted(changed)])
            there = there if wanted == kept else self._health(arn)
            self._settled.pop(arn, None)
            if all(there.get(target) == "healthy" for target in wanted):
                self._settled[arn] = dict.fromkeys(wanted, "healthy")
            return there
        except ClientError as error:
            if error.response["Error"]["Code"] != "TargetGroupNotFound":
                raise
            return {}

    def _health(self, arn: str) -> dict[Target, str]:
        said = self._client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {(one["Target"]["Id"], one["Target"]["Port"]): one["TargetHealth"]["State"] for one in said}

    # ---- deleting

    def delete(self, key: Key) -> None:
        """Delete a load balancer with its listeners."""
        made = self.made.get(key)
        if made is not None and self._there(made):
            self._client("elbv2").delete_load_balancer(LoadBalancerArn=made.arn)

    def delete_groups(self, key: Key, node_group: str) -> str:
        """Delete what was made for one that is gone, the shared group with the last; what AWS says of one it keeps."""
        made = self.made.get(key)
        if made is None:
            return ""
        self._delete_target_groups(made)
        try:
            if made.request.kind == "application":
                self._delete_group(self._name(made.request))
            if not any(one.request.kind == "application" for one in self.made.values() if one is not made):
                self._delete_backend(node_group)
        except ClientError as error:
            if error.response["Error"]["Code"] != "DependencyViolation":
                raise
            return str(error.response["Error"]["Message"])
        del self.made[key]
        return ""

    def _delete_target_groups(self, made: Made) -> None:
        while made.target_groups:
            try:
                _, group = made.target_groups.popitem()
                self._client("elbv2").delete_target_group(TargetGroupArn=group.arn)
            except ClientError as error:
                if error.response["Error"]["Code"] != "TargetGroupNotFound":
                    raise

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
