"""Objects that end in a failed state: the call is accepted, and then AWS reports a failure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.acm.models import acm_backends
from moto.ec2.models import ec2_backends
from moto.elasticache.models import elasticache_backends

from livekit_deploy.sandbox.aws.acm import corrections as acm
from livekit_deploy.sandbox.aws.eks.store import Thing, lock, store_of


@dataclass(frozen=True)
class Made:
    """What a call has made: ``asked`` are its parameters, ``answer`` is the body of its answer."""

    account: str
    region: str
    asked: Mapping[str, Any]
    answer: str


#: what was made, AWS's code, AWS's words
Ending = Callable[[Made, str, str], None]


def _cluster(made: Made, code: str, said: str) -> None:
    _eks_fails(store_of(made.account, made.region).clusters[made.asked["name"]], "FAILED", code, said)


def _node_group(made: Made, code: str, said: str) -> None:
    entry = store_of(made.account, made.region).clusters[made.asked["name"]]
    _eks_fails(entry.groups[made.asked["nodegroupName"]], "CREATE_FAILED", code, said)


def _addon(made: Made, code: str, said: str) -> None:
    entry = store_of(made.account, made.region).clusters[made.asked["name"]]
    _eks_fails(entry.addons[made.asked["addonName"]], "CREATE_FAILED", code, said)


def _eks_fails(thing: Thing, status: str, code: str, said: str) -> None:
    """At the moment at which it would have become active, or at once where it already is."""

    def failed() -> None:
        thing.wire["health"] = {"issues": [{"code": code, "message": said, "resourceIds": []}]}
        thing.settle(status)

    with lock:
        if thing.seconds < 0:
            failed()
        thing.then = failed


def _replication_group(made: Made, code: str, said: str) -> None:
    store = elasticache_backends[made.account][made.region].__dict__["_sandbox_store"]
    store.groups[made.asked["ReplicationGroupId"].lower()].failure = f"{code}: {said}"


def _certificate(made: Made, code: str, said: str) -> None:
    arn = json.loads(made.answer)["CertificateArn"]
    acm.will_fail(acm_backends[made.account][made.region]._certificates[arn], code)


def _nat_gateway(made: Made, code: str, said: str) -> None:
    (id,) = set(re.findall(r"nat-[0-9a-f]+", made.answer))
    gateway = ec2_backends[made.account][made.region].nat_gateways[id]
    gateway.state, gateway.failure_code, gateway.failure_message = "failed", code, said


def _ill_cluster(made: Made, code: str, said: str) -> None:
    _falls_ill(store_of(made.account, made.region).clusters[made.asked["name"]], code, said)


def _ill_node_group(made: Made, code: str, said: str) -> None:
    entry = store_of(made.account, made.region).clusters[made.asked["name"]]
    _falls_ill(entry.groups[made.asked["nodegroupName"]], code, said)


def _ill_addon(made: Made, code: str, said: str) -> None:
    entry = store_of(made.account, made.region).clusters[made.asked["name"]]
    _falls_ill(entry.addons[made.asked["addonName"]], code, said)


def _falls_ill(thing: Thing, code: str, said: str) -> None:
    with lock:
        thing.fall_ill(code, said, [thing.wire.get("nodegroupName") or thing.wire.get("addonName") or "it"])


#: what continues in bad health
ILLS: Mapping[str, Ending] = {
    **dict.fromkeys(("eks:UpdateClusterConfig", "eks:DescribeCluster"), _ill_cluster),
    **dict.fromkeys((f"eks:{verb}" for verb in ("CreateNodegroup", "DescribeNodegroup")), _ill_node_group),
    **dict.fromkeys((f"eks:UpdateNodegroup{what}" for what in ("Config", "Version")), _ill_node_group),
    **dict.fromkeys((f"eks:{verb}Addon" for verb in ("Create", "Update", "Describe")), _ill_addon),
}
ENDINGS: Mapping[str, Ending] = {
    "eks:CreateCluster": _cluster,
    "eks:CreateNodegroup": _node_group,
    "eks:CreateAddon": _addon,
    "elasticache:CreateReplicationGroup": _replication_group,
    "acm:RequestCertificate": _certificate,
    "ec2:CreateNatGateway": _nat_gateway,
}
