"""Certificates, names, and what waits for the controller's load balancers."""

from __future__ import annotations

from livekit_deploy.aws.kinds.barriers import LoadBalancersGone, NetworkInterfacesGone, VolumesGone
from livekit_deploy.aws.kinds.dns.certificates import Certificate, Issued
from livekit_deploy.aws.kinds.dns.records import Record
from livekit_deploy.aws.kinds.ec2.load_balancers import SERVICE_TAG
from livekit_deploy.k8s.load_balancers import LoadBalancer
from tests.contract import out_of_band
from tests.contract.kinds.case import BALANCER, ZONE, Case, literal, made
from tests.contract.out_of_band import Drift

CASES = [
    Case(
        Certificate,
        made(Certificate, "x", domain=literal(f"x.{ZONE}")),
        {"domain": literal(f"y.{ZONE}"), "alternatives": literal([f"turn.{ZONE}"])},
        owned=dict.fromkeys(("domain", "alternatives"), "AWS: a certificate keeps its names"),
    ),
    Case(
        Issued,
        lambda base, **changed: Issued(
            "x",
            after=[base.validation(), base.validation("other")],
            **{"certificate_arn": base.certificate().arn, **changed},
        ),
        {"certificate_arn": lambda b: b.certificate("other").arn},
        owned={"certificate_arn": "observed: it says which one is waited for"},
    ),
    Case(
        Record,
        made(Record, "x", zone=literal(ZONE), record=literal(f"x.{ZONE}"), values=literal(["192.0.2.1"])),
        {
            "record": literal(f"y.{ZONE}"),
            "type": literal("TXT"),
            "values": literal(["192.0.2.2"]),
            "ttl": literal(60),
        },
        {"zone": "tried in test_dns.py: a second zone", "alias": "instead of values: tried in test_dns.py"},
        drifts={
            "values": Drift(out_of_band.record(ResourceRecords=[{"Value": "198.51.100.1"}]), gives_away=True),
            "ttl": Drift(out_of_band.record(TTL=60)),
            "alias": Drift(out_of_band.record(), {"values": literal(()), "alias": literal(BALANCER)}, gives_away=True),
        },
        owned=dict.fromkeys(("zone", "record", "type"), "identity: another one is another record"),
    ),
    Case(LoadBalancersGone, made(LoadBalancersGone, "x")),
    Case(VolumesGone, made(VolumesGone, "x")),
    Case(
        NetworkInterfacesGone,
        made(NetworkInterfacesGone, "x", vpc_id=lambda b: b.vpc().id),
        exempt={"vpc_id": "a barrier has no object that could differ; test_barriers.py shows it at work"},
        owned={"vpc_id": "observed: a barrier has no object"},
    ),
    Case(
        LoadBalancer,
        made(LoadBalancer, "x", stack=literal("livekit/livekit")),
        exempt={
            "stack": f"somebody else makes it: seen with Ingress and Service ({SERVICE_TAG}) in tests/sandbox",
            "tag": "the same",
            "state": "what somebody does to it in AWS: seen with Ingress and Service in tests/sandbox",
        },
        owned=dict.fromkeys(("stack", "tag", "state"), "observed: the controller makes it"),
    ),
]
