"""An environment that is up in the sandbox, and how somebody breaks one piece of it and mends it again."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.base.clock import Clock
from livekit_deploy.checks.finding import Finding, failed
from livekit_deploy.checks.verify import run_checks
from livekit_deploy.checks.verify.cluster import MEDIA
from livekit_deploy.checks.verify.context import VerifyContext
from livekit_deploy.cli.rehearsal import stand_ins
from livekit_deploy.config import load_environment
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.deployer import Deployer
from livekit_deploy.k8s.access.client import Api, Obj
from livekit_deploy.provisioners.addresses import API_KEYS, SIGNAL, TURN
from tests.sandbox.workspace import REGION, Workspace

DOMAIN = "livekit.uat.example.com"
_SPEED = 20.0  # seconds of the clock in one
_PAUSE, _LONG = 2.0, 600.0


class Deployed:
    """The environment ``uat`` of a workspace, where it is up."""

    def __init__(self, here: Workspace) -> None:
        sandbox = here.sandbox
        self.client = here.client
        self.env = load_environment(
            here.folder / "manifests" / "environments" / "uat.yaml",
            overrides={
                **stand_ins(sandbox, [CONTROLLER]),
            },
        )
        self._clients = Clients(
            REGION, endpoint_url=sandbox.endpoint_url, access_key=sandbox.access_key, secret_key=sandbox.secret_key
        )
        self._reach = here.reach
        self.clock = Clock(_SPEED)
        self.deployer = self.at(self.clock)

    def at(self, clock: Clock) -> Deployer:
        """A Deployer whose waits take as long as a clock says."""
        return Deployer(self.env, clients=self._clients, clock=clock, reach=self._reach)

    @property
    def look(self) -> VerifyContext:
        """A look at it now, as the checks have it."""
        found = self.deployer.lease()
        if found:
            self.deployer.cloud = self.deployer.cloud.with_lineage(found[0].lineage)
        return VerifyContext(self.env, self.deployer.cloud, found[0].records if found else {}, self._reach)

    @property
    def kube(self) -> Api:
        return self.look.api

    def arn(self, address: str) -> str:
        return str(self.look.outputs(address)["arn"])

    def seen(self) -> list[Finding]:
        """What is found, once something fails."""
        end = self.clock.now() + _LONG
        while not failed(found := self.deployer.verify()):
            assert self.clock.now() < end, "nothing fails"
            self.clock.wait(threading.Event(), _PAUSE)
        return found

    def without_zone(self) -> list[Finding]:
        """What is found where the records are the user's to make."""
        livekit = self.env.livekit.model_copy(update={"hosted_zone": None})
        env, look = self.env.model_copy(update={"livekit": livekit}), self.look
        return run_checks(env, self.deployer.cloud, look.records, self._reach)

    def mended(self) -> bool:
        return not failed(self.deployer.verify(within=_LONG))


Fault = Callable[[Deployed], AbstractContextManager[None]]


# ---- in the cluster


def _scaled(kube: Api, namespace: str, name: str, replicas: int) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    item: Obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace}}
    kube.apply(path, {**item, "spec": {"replicas": replicas}})


@contextmanager
def node_silent(up: Deployed) -> Iterator[None]:
    name = up.look.nodes[0]["metadata"]["name"]

    def ready(status: str, message: str) -> None:
        condition = {"type": "Ready", "status": status, "reason": "Kubelet", "message": message}
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"conditions": [condition]}}
        up.kube.apply(f"/api/v1/nodes/{name}/status", body)

    ready("Unknown", "Kubelet stopped posting node status.")
    yield
    ready("True", "kubelet is posting ready status")


@contextmanager
def secret_gone(up: Deployed) -> Iterator[None]:
    """The Secret is deleted, and a pod that starts anew misses it."""
    path = "/api/v1/namespaces/livekit/secrets/livekit-api-keys"
    secret = up.kube.get(path)
    assert secret is not None
    pods = up.kube.list("/api/v1/namespaces/livekit/pods")
    up.kube.delete(path)
    up.kube.delete(f"/api/v1/namespaces/livekit/pods/{pods[0]['metadata']['name']}", grace_seconds=0)
    yield
    metadata = {key: secret["metadata"][key] for key in ("name", "labels", "annotations")}
    up.kube.apply(path, {**secret, "metadata": metadata})


@contextmanager
def controller_stopped(up: Deployed) -> Iterator[None]:
    _scaled(up.kube, "kube-system", "aws-load-balancer-controller", 0)
    yield
    _scaled(up.kube, "kube-system", "aws-load-balancer-controller", 2)


@contextmanager
def ingress_deleted(up: Deployed) -> Iterator[None]:
    """There is no way back: its load balancer goes with it, and another one is made when `up` runs."""
    up.kube.delete("/apis/networking.k8s.io/v1/namespaces/livekit/ingresses/livekit")
    yield
    up.deployer.up()


# ---- in AWS


@contextmanager
def listener_deleted(up: Deployed) -> Iterator[None]:
    elb = up.client("elbv2")
    said = elb.describe_listeners(LoadBalancerArn=up.arn(SIGNAL))["Listeners"][0]
    elb.delete_listener(ListenerArn=said["ListenerArn"])
    yield
    kept = ("LoadBalancerArn", "Port", "Protocol", "Certificates", "DefaultActions")
    elb.create_listener(**{key: said[key] for key in kept})


def targets_away(address: str) -> Fault:
    @contextmanager
    def fault(up: Deployed) -> Iterator[None]:
        elb = up.client("elbv2")
        group = elb.describe_target_groups(LoadBalancerArn=up.arn(address))["TargetGroups"][0]["TargetGroupArn"]
        health = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        targets = [{"Id": one["Target"]["Id"], "Port": one["Target"]["Port"]} for one in health]
        elb.deregister_targets(TargetGroupArn=group, Targets=targets)
        yield
        elb.register_targets(TargetGroupArn=group, Targets=targets)

    return fault


@contextmanager
def certificate_ending(up: Deployed) -> Iterator[None]:
    """Somebody puts a certificate of their own on the listener, and it ends in five days."""
    elb, acm = up.client("elbv2"), up.client("acm")
    listener = elb.describe_listeners(LoadBalancerArn=up.arn(SIGNAL))["Listeners"][0]
    imported = acm.import_certificate(**certificate(DOMAIN, days=5))["CertificateArn"]
    elb.modify_listener(ListenerArn=listener["ListenerArn"], Certificates=[{"CertificateArn": imported}])
    yield
    elb.modify_listener(ListenerArn=listener["ListenerArn"], Certificates=listener["Certificates"])
    acm.delete_certificate(CertificateArn=imported)


def certificate(name: str, days: int) -> dict[str, bytes]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"Certificate": builder.sign(key, hashes.SHA256()).public_bytes(pem), "PrivateKey": private}


def _alias(up: Deployed, action: str, change: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> dict[str, Any]:
    """Change the alias of LiveKit's name; returns it as it was."""
    route53 = up.client("route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    listed = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    was: dict[str, Any] = next((one for one in listed if one["Name"].rstrip(".") == DOMAIN), {})
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": change(was)}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
    return was


@contextmanager
def alias_deleted(up: Deployed) -> Iterator[None]:
    was = _alias(up, "DELETE")
    try:
        yield
    finally:
        _alias(up, "UPSERT", lambda _: was)


@contextmanager
def alias_moved(up: Deployed) -> Iterator[None]:
    """The name leads to the load balancer of TURN."""
    target = up.look.outputs(TURN)["dns_name"]
    was = _alias(up, "UPSERT", lambda one: {**one, "AliasTarget": {**one["AliasTarget"], "DNSName": target}})
    try:
        yield
    finally:
        _alias(up, "UPSERT", lambda _: was)


@contextmanager
def old_host_left(up: Deployed) -> Iterator[None]:
    """An AAAA record of the host that had the name before."""
    route53 = up.client("route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    record: dict[str, Any] = {"Name": DOMAIN, "Type": "AAAA", "TTL": 60, "ResourceRecords": [{"Value": "2001:db8::1"}]}

    def change(action: str) -> None:
        batch: Any = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    change("CREATE")
    try:
        yield
    finally:
        change("DELETE")


def rule_revoked(find: Callable[[Deployed], str], port: int) -> Fault:
    @contextmanager
    def fault(up: Deployed) -> Iterator[None]:
        ec2, group = up.client("ec2"), find(up)
        said = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
        rules = [one for one in said if one.get("FromPort") == port]
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rules)
        yield
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)

    return fault


def _group(name: str) -> Callable[[Deployed], str]:
    return lambda up: str(up.look.records[f"ec2.security_group/{name}"].id)


def _front(up: Deployed) -> str:
    """The group of the load balancer that lets users in."""
    said = up.client("elbv2").describe_load_balancers(LoadBalancerArns=[up.arn(SIGNAL)])
    groups = up.client("ec2").describe_security_groups(GroupIds=said["LoadBalancers"][0]["SecurityGroups"])
    return next(str(one["GroupId"]) for one in groups["SecurityGroups"] if one["IpPermissions"])


def _node(up: Deployed) -> tuple[str, list[str]]:
    """The first interface of a media node, and its groups."""
    node = next(one for one in up.look.nodes if one["metadata"]["labels"].get(MEDIA[0]) == MEDIA[1])
    ids = [node["spec"]["providerID"].rpartition("/")[2]]
    said = up.client("ec2").describe_instances(InstanceIds=ids)["Reservations"][0]["Instances"][0]
    interface = said["NetworkInterfaces"][0]
    return interface["NetworkInterfaceId"], [group["GroupId"] for group in interface["Groups"]]


@contextmanager
def media_group_taken_off(up: Deployed) -> Iterator[None]:
    interface, groups = _node(up)
    left = [group for group in groups if group != _group("media")(up)]
    up.client("ec2").modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=left)
    yield
    up.client("ec2").modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=groups)


@contextmanager
def open_group_put_on(up: Deployed) -> Iterator[str]:
    """A group of somebody else, open for SSH, on a media node and on the load balancer; the id of the group."""
    ec2, elb, arn = up.client("ec2"), up.client("elbv2"), up.arn(SIGNAL)
    interface, groups = _node(up)
    balancer = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    theirs = ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=balancer["VpcId"])["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=theirs, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[*groups, theirs])
    elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[*balancer["SecurityGroups"], theirs])
    yield theirs
    elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=balancer["SecurityGroups"])
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=groups)
    ec2.delete_security_group(GroupId=theirs)


@contextmanager
def key_changed(up: Deployed) -> Iterator[None]:
    secrets, arn = up.client("secretsmanager"), up.arn(API_KEYS)
    was = secrets.get_secret_value(SecretId=arn)["SecretString"]
    other = {**json.loads(was), "api_secret": "another secret that is long enough"}
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(other))
    yield
    secrets.put_secret_value(SecretId=arn, SecretString=was)


#: the check that must fail, alone, with the text that it says, and what is broken for that
FAULTS: tuple[tuple[str, str, Fault], ...] = (
    ("nodes", "is not ready: Kubelet stopped posting node status.", node_silent),
    ("webhook", "aws-load-balancer-webhook-service has no endpoints", controller_stopped),
    ("media ports", "is not open for udp 50000-60000", rule_revoked(_group("media"), 50000)),
    ("media ports", "is not open for tcp 7881", rule_revoked(_group("media"), 7881)),
    ("media ports", "is not open for udp 3478", rule_revoked(_group("media"), 3478)),
    ("media ports", "is not open for udp 50000-60000: it carries sg-", media_group_taken_off),
    ("load balancer", "has no listener on 443 with a certificate", listener_deleted),
    ("targets", "0 of 0 targets are healthy: none is registered", targets_away(SIGNAL)),
    ("turn", "0 of 0 targets are healthy: none is registered", targets_away(TURN)),
    ("certificate", f"the certificate of {DOMAIN} is issued, ends 20", certificate_ending),
    ("dns", f"{DOMAIN} does not resolve", alias_deleted),
    ("dns", f"{DOMAIN} leads to 198.1", alias_moved),
    ("dns", ", 2001:db8::1", old_host_left),
    ("https", "gives no answer: the proxy cannot connect: Tunnel connection failed: 504", rule_revoked(_front, 443)),
    ("api", "ListRooms answers 401: the token is refused", key_changed),
    ("redis", "ListRooms answers 500", rule_revoked(_group("redis"), 6379)),
    ("pods", 'CreateContainerConfigError secret "livekit-api-keys" not found', secret_gone),
    ("ingress", "the Ingress livekit/livekit was deleted", ingress_deleted),
)
