"""A sample of every document that this program reads, and the odd forms that are made of it."""

from __future__ import annotations

import base64
import copy
import gzip
import io
import json
import math
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import yaml

from livekit_deploy.aws.access.secret_values import Held
from livekit_deploy.aws.kinds import api_keys
from livekit_deploy.aws.kinds.eks import addons
from livekit_deploy.aws.kinds.iam import policy_documents
from livekit_deploy.checks.prerequisites import account
from livekit_deploy.costs import price_list
from livekit_deploy.costs.prices import Item
from livekit_deploy.engine.estimate import Estimate, Guard, Line, Unpriced
from livekit_deploy.engine.plan import Action, FieldDiff, Plan, PlannedChange
from livekit_deploy.k8s.access.client import Api
from livekit_deploy.k8s.helm import charts, record, wheels
from livekit_deploy.sandbox import server
from livekit_deploy.sandbox.compare import reading
from livekit_deploy.sandbox.faults import plan as faults
from livekit_deploy.state import document
from livekit_deploy.state.document import Holder, Phase, Record, State

_OTHERS: tuple[Any, ...] = (
    *(None, "", "x", "\x1b[1m", "010", True, -1, 0, 1.5, 10**30),
    *([], {}, [None], ["x"], [[]], [{}], {"x": None}, {"": []}, [1, {"x": {}}]),
)


def odd_values(sample: Any) -> Iterator[Any]:
    """The sample with one of its parts left out or of another type."""
    yield from _OTHERS
    for place in _places(sample):
        *above, last = place
        for other in (_GONE, *_OTHERS):
            made = copy.deepcopy(sample)
            inner = made
            for part in above:
                inner = inner[part]
            if other is _GONE:
                del inner[last]
            else:
                inner[last] = other
            yield made


_GONE = object()


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*at, key)
            yield from _places(item, (*at, key))


def odd_bytes(sample: bytes) -> Iterator[bytes]:
    yield from (b"", b" \n", b"\0", b"\xff\xfe\x00", b"\x1f\x8b\x08", b"<html>no</html>", b"[" * 100_000, b"{" * 3)
    yield from (sample[: len(sample) * eighth // 8] for eighth in range(1, 8))
    yield from (
        b"\xef\xbb\xbf" + sample,
        sample + sample,
        sample.replace(b":", b"", 1),
        sample.replace(b'"', b"\xe9", 1),
    )
    yield sample.decode("latin-1").encode("utf-16")


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


# ---- the documents, each with a sample and what reads it


@dataclass(frozen=True)
class Document:
    """``read`` does with it what the program does; it is given a folder for what must be a file."""

    name: str
    sample: Any
    write: Callable[[Any], bytes]
    read: Callable[[bytes, Path], object]

    def odd(self) -> Iterator[bytes]:
        yield from odd_bytes(self.write(self.sample))
        yield from map(self.write, odd_values(self.sample))


STATE = State(
    lineage="l-1",
    project="livekit",
    env="dev",
    account="123456789012",
    region="us-east-1",
    lease=Holder("h-1", "ada", "host", 1, "up", "2026-11-01T00:00:00+00:00", 90),
    durations={"ec2.vpc create": (1.0,)},
    records={
        "ec2.vpc/main": Record(Phase.READY, "ec2.vpc", {"cidr": "10.0.0.0/16"}, "vpc-1", outputs={"id": "vpc-1"}),
        "ec2.subnet/a": Record(Phase.CREATING, "ec2.subnet", {}, token="t", deps=("ec2.vpc/main",)),
    },
)


def unsealed() -> Any:
    found = json.loads(document.dump(STATE))
    del found["sha256"]
    return found


def sealed(value: Any) -> bytes:
    return document.sealed((json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


_CHANGES = (
    PlannedChange("ec2.vpc/main", Action.CREATE, "network", (FieldDiff("cidr", None, "10.0.0.0/16"),)),
    PlannedChange(
        "ec2.subnet/a", Action.UPDATE, "network", (FieldDiff("tags.a", "x", "y", "drift"),), "because", "a hint"
    ),
    PlannedChange(
        "iam.role/a", Action.NOOP, "access", unmarked=(FieldDiff("tags.b", "x", None),), warning="w", remedy="r"
    ),
)
_COST = Estimate(
    *("us-east-1", "2026-11", 1.0, 2.0, (Line("ec2.vpc/main", "1 vpc", 0.0, 1.0),), (Unpriced("", "traffic"),), ("x",)),
    guard=Guard(5, "allowed"),
)
_PLAN = Plan("up", "l-1", 1, "d", _CHANGES, header={"project": "livekit", "env": "dev"}, cost=_COST)


def _read_plan(body: bytes, folder: Path) -> object:
    found = Plan.load(body.decode("utf-8", "replace"))
    found.meant_for("up", _PLAN.header)
    found.expect(_PLAN)
    return found


def _index(body: bytes, folder: Path) -> object:
    with mock.patch.object(charts, "_get", return_value=body):
        return charts._offered("https://charts.example.com", "livekit", "1.0.0")


def _packed(value: Any) -> bytes:
    """A chart whose custom resource definition is this."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:gz") as packed:
        text = yaml.safe_dump(value).encode()
        entry = tarfile.TarInfo("chart/crds/one.yaml")
        entry.size = len(text)
        packed.addfile(entry, io.BytesIO(text))
    return into.getvalue()


def _chart(body: bytes, folder: Path) -> object:
    (folder / "chart.tgz").write_bytes(body)
    return charts.definitions(folder / "chart.tgz")


_RELEASE = {
    "version": 1,
    "info": {"status": "deployed"},
    "config": {"a": 1, "global": {"livekitDeploy": {"project": "livekit"}}},
    "manifest": "---\nkind: Service\nmetadata: {name: a}\n---\nkind: List\nitems: [{kind: Pod}]\n",
    "chart": {"metadata": {"name": "livekit", "version": "1"}, "files": [{"name": "a", "data": "eA=="}]},
}


def _release(body: bytes, folder: Path) -> object:
    packed = base64.b64encode(base64.b64encode(gzip.compress(body))).decode()
    return _read_release({"release": packed})


def _read_release(data: Any) -> object:
    secret = {
        "metadata": {"name": "sh.helm.release.v1.livekit.v1", "creationTimestamp": "2026-11-01T00:00:00+00:00"},
        "data": data,
    }
    secret["metadata"]["labels"] = {"version": "1"}
    from datetime import timedelta

    api = SimpleNamespace(list=lambda path, labels: [secret], ahead=timedelta(0))
    return record.read_release(api, "livekit", "livekit")  # type: ignore[arg-type]


def _raw_release(body: bytes, folder: Path) -> object:
    return _read_release({"release": body.decode("latin-1")})


def _addon(body: bytes, folder: Path) -> object:
    said = {"addonName": "coredns", "addonArn": "arn:x", "status": "ACTIVE", "addonVersion": "v1"}
    return addons._as_given({**said, "configurationValues": body.decode("latin-1")}, {})


_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["kms:*"], "Principal": {"AWS": "arn:x"}, "Resource": "*"}],
}


def _key_policy(body: bytes, folder: Path) -> object:
    said = {"Policy": body.decode("latin-1")}
    kms = SimpleNamespace(get_key_policy=lambda **_: said, pages=lambda *_, **__: [])
    return account._lets(SimpleNamespace(cloud=SimpleNamespace(kms=kms)), "k", "arn:x")  # type: ignore[arg-type]


def _secret(body: bytes, folder: Path) -> object:
    held = Held("livekit/dev/redis", "v-1", body.decode("latin-1"))
    return held.of("token"), held.of(""), held.fields()


def _keys(body: bytes, folder: Path) -> object:
    return api_keys.load(Held("livekit/dev/api-keys", "v-1", body.decode("latin-1")))


_RECORD = [
    {"type": "record", "format_version": 1, "command": "up", "family": "f", "sandbox_speed": 60.0},
    {
        **{"type": "call", "call": 1, "attempt": 1, "at": 0.1, "seconds": 0.2, "service": "ec2"},
        **{"operation": "DescribeVpcs", "region": "us-east-1", "sent": {"a": 1}, "answer": {"Vpcs": []}},
    },
    {
        **{"type": "call", "call": 2, "attempt": 1, "at": 0.3, "seconds": 0.2, "service": "ec2", "region": "us-east-1"},
        **{"operation": "CreateVpc", "sent": {}, "error": {"code": "Throttling", "message": "m", "status": 503}},
    },
]


def _lines(value: Any) -> bytes:
    return b"\n".join(map(as_json, value)) if isinstance(value, list) else as_json(value)


def _recorded(body: bytes, folder: Path) -> object:
    (folder / "record").write_bytes(body)
    return reading.read([folder / "record"])


def _run_file(body: bytes, folder: Path) -> object:
    (folder / "server.json").write_bytes(body)
    return server._running(folder)


def _certificate(body: bytes, folder: Path) -> object:
    return Api("https://127.0.0.1:1", body.decode("latin-1"), lambda: "t")


_LISTED = {
    "product": {"attributes": {"usagetype": "EUC1-NatGateway-Hours"}},
    "terms": {"OnDemand": {"a": {"priceDimensions": {"b": {"pricePerUnit": {"USD": "0.052"}}}}}},
}


def _price(body: bytes, folder: Path) -> object:
    said = {"PriceList": [body.decode("latin-1")]}
    cloud: Any = SimpleNamespace(once=lambda _: SimpleNamespace(get_products=lambda **_: said))
    try:
        usd = price_list._price(cloud, "eu-central-1", Item("nat_gateway"))
    except price_list._CANNOT_READ:
        return None  # no price is told then, and why not
    assert usd is None or 0 < usd < math.inf, f"a price is {usd}"
    return usd


def _wheels(body: bytes, folder: Path) -> object:
    try:
        return list(wheels._offered(body.decode("utf-8", "replace")))
    except (OSError, ValueError):
        return None  # as `wheel` says of what cannot be had


DOCUMENTS = [
    Document("a state document", unsealed(), sealed, lambda body, _: document.load(body, "the state")),
    Document(
        "an edited state document", json.loads(document.dump(STATE)), as_json, lambda b, _: document.load(b, "it")
    ),
    Document("a saved plan", json.loads(_PLAN.dump()), as_json, _read_plan),
    Document(
        "the index of a chart repository",
        {"entries": {"livekit": [{"version": "1.0.0", "urls": ["a.tgz"], "digest": "x"}]}},
        lambda value: yaml.safe_dump(value).encode(),
        _index,
    ),
    Document("a chart", {"kind": "CustomResourceDefinition", "metadata": {"name": "a"}}, _packed, _chart),
    Document("a release of helm's", _RELEASE, as_json, _release),
    Document("the Secret of a release", _RELEASE, as_json, _raw_release),
    Document("the configuration of an add-on", {"replicaCount": 1, "a": {"b": []}}, as_json, _addon),
    Document("a policy", _POLICY, as_json, lambda body, _: policy_documents.normal(body.decode("latin-1"))),
    Document("the policy of a key", _POLICY, as_json, _key_policy),
    Document("a secret", {"token": "x"}, as_json, _secret),
    Document(
        "a secret of keys",
        json.loads(api_keys.dump([api_keys.draw("main", ""), api_keys.draw("a", "")])),
        as_json,
        _keys,
    ),
    Document("a record", _RECORD, _lines, _recorded),
    Document(
        "a list of faults",
        [{"fault": "throttling", "call": "ec2:CreateSubnet", "after": 1, "times": 2, "where": {"a": "b"}}],
        lambda value: yaml.safe_dump(value).encode(),
        lambda body, _: faults.read(body.decode("latin-1"), "storm.yaml"),
    ),
    Document("the sandbox's own file", {"pid": 1, "endpoint_url": "http://127.0.0.1:1"}, as_json, _run_file),
    Document("a product of the price list", _LISTED, as_json, _price),
    Document(
        "a page of a package index",
        {"files": [{"filename": "x-1-py3-none-any.whl", "url": "https://example.com/x"}]},
        as_json,
        _wheels,
    ),
    Document("the authority of a cluster", "eA==", lambda value: str(value).encode(), _certificate),
]
