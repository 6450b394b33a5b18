"""Nothing that says whose it is reaches a record: looked for after a whole life with every command, and failures."""

from __future__ import annotations

import json
import math
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.base.clock import Clock
from livekit_deploy.cli.rehearsal import stand_ins
from livekit_deploy.config import Environment
from livekit_deploy.config.charts import CONTROLLER
from livekit_deploy.errors import DeployError
from livekit_deploy.recording.recorder import Recorder
from livekit_deploy.sandbox import server
from livekit_deploy.sandbox.compare.__main__ import main
from tests.sandbox.workspace import REGION, STATE_BUCKET, Workspace

ACCOUNT = "876543210987"
CANARIES = {
    "project": "zebrafish",
    "name": "quokka",
    "account_id": ACCOUNT,
    "tags": {"okapi-team": "narwhal", "cost-center": "47110815", "mail": "gnu@ocelot.example"},
    "state": {"bucket": "wombat-state"},
    "network": {
        "cidr": "10.83.0.0/16",
        "nat": "single",
        "flow_logs": True,
        # both in zones that EKS takes, in this account and in the one of the comparison
        "availability_zones": ["us-east-1a", "us-east-1c"],
    },
}
DOMAIN = "platypus.marmot.example"
#: of the file, in whatever it becomes part of
WORDS = (
    *("zebrafish", "quokka", "okapi", "narwhal", "47110815", "ocelot", "gnu@", "wombat", "platypus", "marmot"),
    *(ACCOUNT, "10.83.", "203.0.113", REGION),
)
#: what AWS makes: ids, addresses, keys, ARNs with an account, tokens, certificates, signed URLs
_MADE = re.compile(
    r"\b[a-z]{1,16}-[0-9a-f]{8,17}\b|\b[0-9a-f]{32}\b|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-|\b\d{12}\b|A[SK]IA[A-Z0-9]{8}"
    r"|-----BEGIN|k8s-aws-v1|X-Amz-|\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
)
#: what is the same for everybody
_EVERYWHERE = ("0.0.0.0", "172.20.0.0", "10.100.0.0")


def _environment(here: Workspace, **more: str) -> Environment:
    path = here.edit("uat", **CANARIES)
    values = {
        "livekit.domain": DOMAIN,
        "livekit.hosted_zone": "marmot.example",
        "livekit.turn.domain": f"turn.{DOMAIN}",
        **stand_ins(here.sandbox, [CONTROLLER]),
        **more,
    }
    return load_environment(path, overrides=values, environ={})


def _deployer(here: Workspace, env: Environment, recorder: Recorder) -> Deployer:
    clients = Clients(
        REGION,
        endpoint_url=here.sandbox.endpoint_url,
        access_key=here.sandbox.access_key[:-12] + ACCOUNT,
        secret_key="numbat-secret",
        listen=recorder.listen,
    )
    return Deployer(env, clients=clients, clock=Clock(here.sandbox.clock_speed), reach=here.reach)


def _looked_at(made: Deployer) -> None:
    """Every command that only looks."""
    made.plan()
    made.prerequisites()
    made.verify()
    made.status()
    made.outputs()
    list(made.cluster.logs())
    made.cluster.events()
    made.cluster.credential()
    made.keys.present()
    made.upkeep.history()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for pair in value.items() for one in pair for text in _strings(one))
    elif isinstance(value, list):
        yield from (text for one in value for text in _strings(one))
    elif isinstance(value, str):
        yield value


def _generated(here: Workspace, recorder: Recorder, made: Deployer) -> set[str]:
    """The secrets, and what the state document has of AWS's own making."""
    cloud = made.cloud
    names = [item["Name"] for item in cloud.secretsmanager.pages("list_secrets", "SecretList")]
    found: set[str] = set()
    for name in names:
        said = cloud.secretsmanager.get_secret_value(SecretId=name)
        found |= {said["SecretString"], said["VersionId"], *re.findall(r"\w{16,}", said["SecretString"])}
    body = cloud.s3.get_object(Bucket="wombat-state", Key="livekit-deploy/zebrafish/quokka.json")["Body"].read()
    found |= {text for text in _strings(json.loads(body)) if _MADE.search(text)}
    return found - {"0.0.0.0/0"}


def _refused(here: Workspace, recorder: Recorder, run: Callable[[Deployer], object], *calls: str) -> None:
    """A run that AWS denies these calls."""
    here.fail(*({"fault": "denied", "call": call} for call in calls))
    with _deployer(here, _environment(here), recorder) as made, pytest.raises(DeployError):
        run(made)
    here.fail()


def test_nothing_of_an_environment_is_in_the_record_of_its_life_which_compares_clean(
    here: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.connect(ACCOUNT, REGION, zone="marmot.example", folder=here._local)
    recorder = Recorder(tmp_path / "life.jsonl").begin("life", "0", math.inf)
    failures = Recorder(tmp_path / "failures.jsonl").begin("failures", "0", math.inf)
    env = _environment(here)
    _refused(here, failures, Deployer.up, "s3:CreateBucket")
    with _deployer(here, env, recorder) as made:
        made.up()
        made.keys.rotate("main")
        made.keys.remove(made.keys.add("second"), now=True)
    with _deployer(here, _environment(here, **{"redis.node_type": "cache.m7g.large"}), recorder) as made:
        made.up()
        generated = _generated(here, recorder, made)
        _looked_at(made)
        _refused(here, failures, Deployer.plan, "ec2:DescribeVpcs", "eks:DescribeCluster")
        assert made.down().leftovers == []
    recorder.close()
    failures.close()

    text = "".join(one.path.read_text(encoding="utf-8") for one in (recorder, failures))
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) > 700
    assert {"error", "answer"} <= {key for line in lines for key in line}
    assert len(generated) > 50
    assert [word for word in WORDS if word in text] == []
    assert [one for one in generated if one in text] == []
    plain = re.sub(r"<[a-z]+(-[0-9a-f]+)?(/\d+)?>", "<>", text)
    assert {found for found in _MADE.findall(plain) if found not in _EVERYWHERE} == set()

    code = main([str(recorder.path)])
    assert code == 0, capsys.readouterr().out


def test_a_command_records_what_it_asks(here: Workspace) -> None:
    given = ("plan", "--env", "dev", "--sandbox", "--record", "plan.jsonl")
    here.run(*given)
    path = here.folder / "plan.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    header, *calls = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert (header["command"], header["sandbox_speed"]) == ("plan", "inf")
    assert calls[0]["operation"] == "GetCallerIdentity"
    before = path.read_bytes()
    calls_before = len(here.calls())
    refused = here.run(*given, code=3)
    assert "plan.jsonl exists already" in refused.err
    assert (path.read_bytes(), len(here.calls())) == (before, calls_before)
    path.unlink()
    assert STATE_BUCKET not in before.decode()
