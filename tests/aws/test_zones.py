"""Which zones an environment uses, what is said of those that it cannot, and that their ranges never meet."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from moto.ec2.models import ec2_backends

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.kinds.ec2.zones import laid_out
from livekit_deploy.config import Environment, load_environment
from livekit_deploy.config.zones import REFUSED
from livekit_deploy.errors import ConfigError, ResourceError
from livekit_deploy.sandbox.aws.ec2.corrections import zones as ec2_zones
from livekit_deploy.stack import Infrastructure
from livekit_deploy.state.document import Phase, Record
from tests.aws.rig import REGION, AwsRig
from tests.contract.kinds.case import ZONE

ACCOUNT = "123456789012"
LETTERS = "abcdef"


def _env(folder: Path, zones: object, region: str = REGION, cidr: str = "10.20.0.0/16") -> Environment:
    path = folder / "uat.yaml"
    path.write_text(
        f"region: {region}\nnetwork: {{cidr: {cidr}, availability_zones: {zones}}}\n"
        f"livekit: {{domain: livekit.dev.{ZONE}, hosted_zone: {ZONE}}}\n"
        "cluster: {public_cidrs: [203.0.113.0/24]}\n"
    )
    return load_environment(path, environ={})


def _zones(region: str = REGION) -> list[Any]:
    return ec2_zones.zones_of(ec2_backends[ACCOUNT][region])


def _chosen(rig: AwsRig, env: Environment) -> list[str]:
    return [place.zone for place in laid_out(env, rig.cloud, rig.records).places]


def _up(rig: AwsRig, env: Environment) -> None:
    rig.up(Infrastructure(env, laid_out(env, rig.cloud, rig.records)).resources)


def _subnets() -> dict[str, set[str]]:
    """zone → the ranges of the subnets that are there."""
    found: dict[str, set[str]] = {}
    vpcs = [one["VpcId"] for one in boto3.client("ec2").describe_vpcs()["Vpcs"] if not one["IsDefault"]]
    where = [{"Name": "vpc-id", "Values": vpcs}]
    for one in boto3.client("ec2").describe_subnets(Filters=where)["Subnets"]:
        found.setdefault(one["AvailabilityZone"], set()).add(one["CidrBlock"])
    return found


@pytest.fixture
def zone(rig: AwsRig) -> None:
    boto3.client("route53").create_hosted_zone(Name=ZONE, CallerReference="x")


# ---- the choice


@pytest.mark.parametrize("refused", sorted(REFUSED & {"use1-az3"}))
@pytest.mark.parametrize("letter", LETTERS)
def test_a_number_avoids_the_zone_that_eks_refuses_whichever_letter_it_has(
    rig: AwsRig, tmp_path: Path, letter: str, refused: str
) -> None:
    ids = [zone.zone_id for zone in _zones() if zone.zone_id != refused]
    ids.insert(LETTERS.index(letter), refused)
    for zone, id in zip(_zones(), ids, strict=True):
        zone.zone_id = id
    fit = [f"{REGION}{one}" for one in LETTERS if one != letter]
    assert _chosen(rig, _env(tmp_path, 3)) == fit[:3]
    with pytest.raises(
        ConfigError, match=rf"{REGION}{letter} cannot be used: EKS places no control plane in {refused}"
    ):
        _chosen(rig, _env(tmp_path, [f"{REGION}{letter}", fit[0]]))


def test_what_is_refused_is_what_the_sandbox_refuses() -> None:
    assert REFUSED == ec2_zones.UNSUPPORTED


def _local(kind: str, opted_in: bool) -> None:
    ec2_zones.add_local_zone(ec2_backends[ACCOUNT][REGION], f"{REGION}-a", "use1-bos1-az1", kind, opted_in)
    _zones()[-1].name = f"{REGION}g"


def _state(state: str) -> None:
    _zones()[0].state, _zones()[0].messages = state, [{"Message": "The power is out."}]


@pytest.mark.parametrize("state", ["impaired", "unavailable", "constrained"])
def test_a_zone_that_aws_reports_as_not_available_is_avoided_and_refused(
    rig: AwsRig, tmp_path: Path, state: str
) -> None:
    _state(state)
    assert _chosen(rig, _env(tmp_path, 2)) == [f"{REGION}b", f"{REGION}c"]
    with pytest.raises(ConfigError, match=rf"AWS reports it as {state} \(The power is out\.\)"):
        _chosen(rig, _env(tmp_path, [f"{REGION}a", f"{REGION}b"]))


@pytest.mark.parametrize("kind", ["local-zone", "wavelength-zone"])
@pytest.mark.parametrize("opted_in", [True, False])
def test_zones_of_another_type_are_avoided_and_refused(rig: AwsRig, tmp_path: Path, kind: str, opted_in: bool) -> None:
    _local(kind, opted_in)
    with pytest.raises(ConfigError, match=f"it is a {kind.replace('-', ' ')}"):
        _chosen(rig, _env(tmp_path, [f"{REGION}g", f"{REGION}b"]))
    with pytest.raises(ConfigError, match="has 5 zones for EKS in this account, not 6"):
        _chosen(rig, _env(tmp_path, 6))


def test_a_zone_that_the_account_has_not_opted_in_to_is_refused(rig: AwsRig, tmp_path: Path) -> None:
    _zones()[1].opt_in_status = "not-opted-in"
    with pytest.raises(ConfigError, match="this account has not opted in to it"):
        _chosen(rig, _env(tmp_path, [f"{REGION}a", f"{REGION}b"]))


def test_zones_are_named_by_their_ids_as_well(rig: AwsRig, tmp_path: Path) -> None:
    named = {zone.zone_id: zone.name for zone in _zones()}
    assert _chosen(rig, _env(tmp_path, ["use1-az1", "use1-az6"])) == [named["use1-az1"], named["use1-az6"]]
    with pytest.raises(ConfigError, match="name one zone twice"):
        _chosen(rig, _env(tmp_path, ["use1-az1", named["use1-az1"]]))


def test_a_zone_that_the_account_lacks_is_refused_with_place_and_remedy(rig: AwsRig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"uat\.yaml:2:\d+: us-east-1z is not offered to this account") as error:
        _chosen(rig, _env(tmp_path, ["us-east-1a", "us-east-1z"]))
    assert error.value.field == "network.availability_zones"
    assert "us-east-1a, us-east-1b" in error.value.hint
    assert "us-east-1e" not in error.value.hint


# ---- whole runs


def test_what_is_refused_at_plan_time_leaves_nothing_and_the_hint_leads_on(
    rig: AwsRig, tmp_path: Path, zone: None
) -> None:
    with pytest.raises(ConfigError) as error:
        _up(rig, _env(tmp_path, ["us-east-1a", "us-east-1e"]))
    assert rig.calls() == []
    named = error.value.hint.partition(" of ")[2].partition(" in ")[0].split(", ")
    _up(rig, _env(tmp_path, named[:2]))
    assert list(_subnets()) == named[:2]


@pytest.mark.parametrize(
    "others", [["us-east-1a", "us-east-1c"], ["us-east-1c", "us-east-1d"], ["us-east-1d", "us-east-1a"]]
)
def test_a_zone_that_eks_refuses_without_our_knowing_is_left_by_naming_others(
    rig: AwsRig, tmp_path: Path, zone: None, monkeypatch: pytest.MonkeyPatch, others: list[str]
) -> None:
    by_name = {one.name: one.zone_id for one in _zones()}
    monkeypatch.setattr(ec2_zones, "UNSUPPORTED", ec2_zones.UNSUPPORTED | {by_name["us-east-1b"]})
    monkeypatch.setattr("livekit_deploy.sandbox.aws.eks.corrections.clusters.UNSUPPORTED", ec2_zones.UNSUPPORTED)
    with pytest.raises(ResourceError, match="does not support creating control plane") as error:
        _up(rig, _env(tmp_path, 2))
    assert error.value.code == "UnsupportedAvailabilityZoneException"
    before = _subnets()
    _up(rig, _env(tmp_path, others))
    after = _subnets()
    assert sorted(after) == sorted(others)
    assert all(after[name] == before[name] for name in after.keys() & before.keys())
    env = _env(tmp_path, others)
    assert rig.plan(Infrastructure(env, laid_out(env, rig.cloud, rig.records)).resources).changes == ()
    rig.down()
    assert rig.records == {}


def test_a_cluster_that_stands_keeps_its_zones_and_asks_nobody(rig: AwsRig, tmp_path: Path, zone: None) -> None:
    _zones()[0].state = "impaired"
    _up(rig, _env(tmp_path, 2))
    _zones()[0].state, _zones()[1].state = "available", "impaired"
    rig.log.clear()
    assert _chosen(rig, _env(tmp_path, 2)) == ["us-east-1b", "us-east-1c"]
    assert _chosen(rig, _env(tmp_path, ["us-east-1b", "us-east-1c"])) == ["us-east-1b", "us-east-1c"]
    assert rig.log == []
    assert _chosen(rig, _env(tmp_path, 3)) == ["us-east-1b", "us-east-1c", "us-east-1a"]


def test_the_hint_about_a_zone_leads_on_where_a_cluster_stands(rig: AwsRig, tmp_path: Path, zone: None) -> None:
    """EKS keeps the zones of a control plane: of the others none may be named any more."""
    _up(rig, _env(tmp_path, ["us-east-1b", "us-east-1c"]))
    for wanted in (["us-east-1b", "us-east-1z"], ["us-east-1b", "us-east-1e"], 6):
        with pytest.raises(ConfigError) as error:
            _chosen(rig, _env(tmp_path, wanted))
        hint = error.value.hint
        assert "us-east-1a" not in hint
        for followed in (
            hint.removeprefix("name ").partition(" in ")[0].split(", "),
            int(hint.partition("number ")[2][0]),
        ):
            env = _env(tmp_path, followed)
            assert rig.plan(Infrastructure(env, laid_out(env, rig.cloud, rig.records)).resources).changes == ()


# ---- ranges


def _record(zone: str, cidr: IPv4Network) -> Record:
    return Record(phase=Phase.READY, kind="ec2.subnet", id=f"subnet-{cidr}", inputs={"zone": zone, "cidr": str(cidr)})


def _recorded(names: list[str], cidr: IPv4Network) -> dict[str, Record]:
    """Subnets as earlier versions made them: by the place in the list."""
    parts = list(cidr.subnets(prefixlen_diff=4))
    pairs = [
        (f"{half}-{name[-1]}", name, parts[number + offset])
        for number, name in enumerate(names)
        for half, offset in (("public", 0), ("private", 8))
    ]
    return {f"ec2.subnet/{address}": _record(name, part) for address, name, part in pairs}


_NAMES = some.lists(some.sampled_from([f"{REGION}{one}" for one in "abcdf"]), min_size=2, max_size=4, unique=True)


class _Offline(Cloud):
    """A region in which all that is asked for is its zones."""

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], *, retries: bool = True) -> Any:
        names = [f"{REGION}{letter}" for letter in LETTERS]
        zones = [{"ZoneName": name, "ZoneId": f"use1-az{10 + number}"} for number, name in enumerate(names)]
        return {"AvailabilityZones": zones}


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> AwsRig:
    rig = AwsRig(tmp_path_factory.mktemp("zones"))
    rig.cloud = _Offline(rig.clients, rig.cloud.ownership)
    return rig


@settings(deadline=None)
@given(before=_NAMES, after=_NAMES, cidr=some.sampled_from(["10.20.0.0/16", "172.20.0.0/18", "10.0.0.0/22"]))
def test_no_two_subnets_ever_meet_and_none_moves(
    offline: AwsRig, tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str], cidr: str
) -> None:
    env = _env(tmp_path_factory.getbasetemp(), after, cidr=cidr.replace("172.20", "10.30"))
    records = _recorded(before, env.network.cidr)
    found = {place.zone: place for place in laid_out(env, offline.cloud, records).places}
    assert list(found) == after
    kept = {IPv4Network(one.inputs["cidr"]): one.inputs["zone"] for one in records.values()}
    for place in found.values():
        for part in (place.public, place.private):
            assert kept.setdefault(part, place.zone) == place.zone
        if place.zone in before:
            assert {str(place.public), str(place.private)} == {
                one.inputs["cidr"] for one in records.values() if one.inputs["zone"] == place.zone
            }
    assert not any(one.overlaps(other) for one, other in itertools.combinations(kept, 2))
    assert all(part.subnet_of(env.network.cidr) for part in kept)
