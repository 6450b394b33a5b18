"""A check that cannot understand what it sees is one finding among the others, and ends none of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from livekit_deploy.checks.finding import Check, Finding, Verdict
from livekit_deploy.checks.prerequisites import quotas, table
from livekit_deploy.render import findings


def _breaks(look: object) -> str:
    raise KeyError("SubnetId")


def test_whatever_a_check_raises_becomes_its_finding() -> None:
    found = Check("NAT gateways", _breaks).find(object())
    assert (found.verdict, found.check) == (Verdict.FAILED, "NAT gateways")
    assert "KeyError: 'SubnetId'" in found.seen
    assert found.cause
    assert "-vv" in found.remedy


def test_one_check_that_breaks_ends_no_survey(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = Check[Any]("fine", lambda survey: "well")
    monkeypatch.setattr(table, "_FIRST", fine)
    monkeypatch.setattr(table, "CHECKS", (fine, Check("broken", _breaks), Check("other", lambda survey: "well")))
    assert [one.verdict for one in table.run_checks(SimpleNamespace())] == [  # type: ignore[arg-type]
        Verdict.OK,
        Verdict.FAILED,
        Verdict.OK,
    ]


def test_a_regional_nat_gateway_counts_where_it_has_addresses() -> None:
    zonal = {"NatGatewayId": "nat-1", "SubnetId": "subnet-1"}
    regional = {
        "NatGatewayId": "nat-2",
        "AvailabilityMode": "regional",
        "NatGatewayAddresses": [{"AvailabilityZone": "us-east-1a"}, {"AvailabilityZone": "us-east-1b"}],
    }

    def pages(operation: str, key: str, **asked: Any) -> list[dict[str, Any]]:
        subnets = [{"SubnetId": "subnet-1", "AvailabilityZone": "us-east-1a"}]
        return [zonal, regional] if key == "NatGateways" else subnets

    survey: Any = SimpleNamespace(cloud=SimpleNamespace(ec2=SimpleNamespace(pages=pages)))
    assert quotas._gateways(survey) == 2


def test_a_warning_is_told_beside_what_holds_and_fails_nothing() -> None:
    fine = Finding("nodes", Verdict.OK, "2 ready")
    ill = Finding("eks.addon/coredns", Verdict.WARNING, "DEGRADED: AccessDenied: no", remedy="give it the right")
    shown = "\n".join(findings.lines([fine, ill], None))
    assert "DEGRADED: AccessDenied: no" in shown
    assert "give it the right" in shown
    assert "1 check, all hold, 1 warning" in findings.summary([fine, ill])
    assert findings.as_json([fine, ill])["ok"] is True
