"""What ends in a failed state: the call that makes it is accepted, and then AWS could not bring it up, and says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.acm.models import acm_backends
from moto.ec2.models import ec2_backends
from moto.elasticache.models import elasticache_backends

from livekit_deploy.sandbox.aws import acm
from livekit_deploy.sandbox.aws.eks.store import Thing, lock, store_of

#: account, region, the parameters of the call, AWS's code, AWS's words
Ending = Callable[[str, str, Mapping[str, Any], str, str], None]


def _cluster(account: str, region: str, asked: Mapping[str, Any], code: str, said: str) -> None:
    _eks_fails(store_of(account, region).clusters[asked["name"]], "FAILED", code, said)


def _node_group(account: str, region: str, asked: Mapping[str, Any], code: str, said: str) -> None:
    entry = store_of(account, region).clusters[asked["name"]]
    _eks_fails(entry.groups[asked["nodegroupName"]], "CREATE_FAILED", code, said)


def _addon(account: str, region: str, asked: Mapping[str, Any], code: str, said: str) -> None:
    entry = store_of(account, region).clusters[asked["name"]]
    _eks_fails(entry.addons[asked["addonName"]], "CREATE_FAILED", code, said)


def _eks_fails(thing: Thing, status: str, code: str, said: str) -> None:
    """At the moment at which it would have become active, or at once where it already is."""

    def failed() -> None:
        thing.wire["health"] = {"issues": [{"code": code, "message": said, "resourceIds": []}]}
        thing.settle(status)

    with lock:
        if thing.seconds < 0:
            failed()
        thing.then = failed


def _replication_group(account: str, region: str, asked: Mapping[str, Any], code: str, said: str) -> None:
    store = elasticache_backends[account][region].__dict__["_sandbox_store"]
    store.groups[asked["ReplicationGroupId"].lower()].failure = f"{code}: {said}"


def _certificate(account: str, region: str, asked: Mapping[str, Any], code: str, said: str) -> None:
    newest = list(acm_backends[account][region]._certificates.values())[-1]
    acm.will_fail(newest, code)


def _nat_gateway(account: str, region: str, asked: Mapping[str, Any], code: str, said: str) -> None:
    newest = list(ec2_backends[account][region].nat_gateways.values())[-1]
    newest.state, newest.failure_code, newest.failure_message = "failed", code, said


ENDINGS: Mapping[str, Ending] = {
    "eks:CreateCluster": _cluster,
    "eks:CreateNodegroup": _node_group,
    "eks:CreateAddon": _addon,
    "elasticache:CreateReplicationGroup": _replication_group,
    "acm:RequestCertificate": _certificate,
    "ec2:CreateNatGateway": _nat_gateway,
}
