"""Each piece between a user and a pod is broken in turn: its check fails alone, and no line says that all is well."""

from __future__ import annotations

import pytest

from livekit_deploy.base.clock import Clock
from livekit_deploy.checks.finding import Verdict, failed
from livekit_deploy.checks.verify.table import CHECKS
from livekit_deploy.errors import UsageError, VerifyFailed
from livekit_deploy.provisioners.addresses import SIGNAL
from livekit_deploy.render.screen import Screen
from tests.sandbox.standing import DOMAIN, FAULTS, Deployed, alias_deleted, open_group_put_on, targets_away
from tests.sandbox.workspace import Workspace

ANSWERS = "LiveKit answers at wss://livekit.uat.example.com"


def test_every_check_can_fail() -> None:
    """A check that no fault can fail shows nothing, and is to be removed."""
    assert {check for check, *_ in FAULTS} == {check.name for check in CHECKS}


def _told_which_record_to_make(up: Deployed) -> None:
    with alias_deleted(up):
        wrong = failed(up.without_zone())
    assert [one.check for one in wrong] == ["dns"], wrong
    (out_of_band,) = wrong
    target = up.look.outputs(SIGNAL)["dns_name"]
    assert out_of_band.seen == f"{DOMAIN} does not resolve; make the record: {DOMAIN} CNAME {target}"


def _warned_of_an_open_group(here: Workspace, up: Deployed) -> None:
    with open_group_put_on(up) as theirs:
        warned = here.run("verify", "--env", "uat", "--sandbox").out
        assert ANSWERS in warned
        assert f"is open to the world for tcp 22, by {theirs}" in warned
        for shown in (warned, here.run("plan", "--env", "uat", "--sandbox", "--refresh-only").out):
            assert shown.count(f": {theirs} (theirs, made by ") == 2, shown
            assert "elbv2.load_balancer/signal" in shown
            assert "eks.node_group/media" in shown


def test_each_fault_fails_its_check_alone(
    here: Workspace, capsys: pytest.CaptureFixture[str], subtests: pytest.Subtests
) -> None:
    up = Deployed(here)
    with pytest.raises(UsageError, match="LiveKit is not deployed yet"):
        up.deployer.verify()
    here.run("up", "--env", "uat", "--sandbox", "--yes")

    verified = here.run("verify", "--env", "uat", "--sandbox")
    assert verified.out.count("✔") == len(CHECKS) + 1
    assert ANSWERS in verified.out
    with targets_away(SIGNAL)(up):
        assert ANSWERS not in here.run("verify", "--env", "uat", "--sandbox", code=7).said
        with pytest.raises(VerifyFailed) as failure:
            up.at(Clock(300)).up()  # its time for the targets passes in a second
    verdicts = {one.check: one.verdict for one in failure.value.findings}  # type: ignore[attr-defined]
    assert verdicts["targets"] is Verdict.FAILED
    assert verdicts["https"] is verdicts["redis"] is Verdict.SKIPPED

    _told_which_record_to_make(up)
    _warned_of_an_open_group(here, up)
    for check, text, fault in FAULTS:
        with subtests.test(check=check, text=text):
            with fault(up):
                found = up.seen()
                wrong = failed(found)
                assert [one.check for one in wrong] == [check]
                assert text in wrong[0].seen
                assert wrong[0].cause
                capsys.readouterr()
                Screen().verified(found, up.env)
                said = capsys.readouterr().out
                assert ANSWERS not in said
                assert wrong[0].remedy in said
            assert up.mended()
