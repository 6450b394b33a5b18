"""Every command's screen in one life of an environment, held against `screens/*.txt`.

`pytest tests/sandbox/test_screens.py --update-screens` writes the files: look at what changed before you keep it.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.cli.commands import COMMANDS
from tests.sandbox.terminal import Terminal
from tests.sandbox.workspace import Workspace

SCREENS = Path(__file__).parent / "screens"
WHERE = ("--env", "uat", "--sandbox")
BIGGER = ("--set", "redis.node_type=cache.m7g.large")
MOVED = ("--set", "network.cidr=10.99.0.0/16")

#: what differs from run to run → what stands for it, of the same width where something follows in a column
CHANGING = (
    (r"\b(arn:aws:acm:\S+/|KMS key )[0-9a-f-]{36}", r"\1ID"),
    (
        r"(?<![0-9a-f-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
        "VERSION-------------------------ID--",
    ),
    (r"\bAPI[A-Za-z0-9]{12}\b", "API-----------ID"),
    (r"(?m)^(API-----------ID +\S+) +\w+", r"\1   AGE"),
    (r"\b[0-9a-f]{32}\b", "VERSION---------------------ID--"),
    (r"\b(livekit-)[0-9a-f]{9}(-[0-9a-f]{5})?\b", r"\1HASH"),
    (r"(vpc|subnet|sg|sgr|igw|rtb|lt|vpce|eipalloc|nat|fl|vol|eni)-[0-9a-f]{17}\b", r"\1-ID"),
    (r"(?<![A-Z0-9])[A-Z0-9]{20,24}(?=/(?:A|CNAME)/)", "ZONE"),
    (r"(loadbalancer/\w+/k8s-\w+-\w+-)[0-9a-f]{10}/[0-9a-f]{16}", r"\1HASH/ID"),
    (r"(:secret:\S+)-\w{6}\b", r"\1-SUFFIX"),
    (r"(request\s+)[A-Za-z0-9-]{20,}", r"\1REQUEST"),
    (r"/id/[0-9A-F]{32}", "/id/ISSUER"),
    (r"\bk8s-(\w+)-(\w+)-[0-9a-f]{10}-\d+\.", r"k8s-\1-\2-HASH."),
    (r"(redis-\w{4})\.\w{6}\.", r"\1.CACHE."),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME----------------"),
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"(?m)^\d+ +(?=TIME)", "N        "),
    (r" {2,}#\d+", "     #N"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"AKIA[0-9A-F]{32}", "AKIA-KEY-"),
    (r"\S+@\S+ \(process \d+", "USER@HOST (process N"),
    (r" +state #\d+", " state #N"),
    (r" {2,}lease: ", "   lease: "),
    (r"\d+ calls? to AWS in [\d.]+ s", "N calls to AWS in N s"),
    (r"(?<=deleted|created|updated) in \w+", " in TIME"),
    (r"(?m)^\S*longest chain .*\n(?:  .*\n)+", "[the longest chain, row by row]\n"),
    (r"(?m)( \d+/\d+)   \w+$", r"\1   TIME"),
    (r"(?m)^(✔ \S+) +\d\w+(?=  |$)", r"\1  TIME"),
    (r"(?m)^(  \S+\.\S+/\S+ +\w+)  \(about .*\)$", r"\1"),
    (r"(?m)(helm +\S+ at ).*$", r"\1PATH"),
    (r"(?m)\| \S+ \|$", "| TIME |"),
    (r"(?m)( failed in ).*$", r"\1TIME"),
    (r"(?m)^(\x1b\[32m✔\x1b\[0m \S+) +\d\w+(?=  |$)", r"\1  TIME"),
    (r'("(?:queued|calling|waiting|writing)": )[\d.]+', r"\1N"),
    (r"(?m)^(pid|calls)( +)\d+$", r"\1\2N"),
    (r"k8s-aws-v1\.\S+(?=\")", "k8s-aws-v1.TOKEN"),
    (r"(?<=\(process )\d+", "N"),
    (r"/\S+(?=/state/local)", "FOLDER"),
    (r"(?m)(charts +)\S+ .*$", r"\1CHART"),
    # said only within ten minutes of the sandbox's time
    (r"(?m)^no pod has earlier keys any more: .*\n", ""),
    # without the Internet
    (r", stand-in controller chart", ""),
    (r"(?m)^export LIVEKIT_DEPLOY__LOAD_BALANCER_CONTROLLER__.*\n?", ""),
    (r"\d+ actions are allowed", "N actions are allowed"),
    (r"(?<=KUBECONFIG=).*/", "FOLDER/"),
    (r"(?m)^ +\w+(?=  (?:Normal|Warning)  )", "   AGE"),
    (r'\{"level": .*\}', "{LINE}"),
    (r"(?<=state #)\d+|(?<=state is #)\d+", "N"),
    (r"(?<=--version )\S+", "N"),
)
#: the live view: from the first picture to the last one, of which only that is kept
LIVE = re.compile(r"\x1b\[\?25l(?:.*\x1b\[2K)?(.*?)\x1b\[\?25h\r?(?:\x1b\[1A\x1b\[2K)*", re.DOTALL)


class Album:
    """The screens so far, by name."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.screens: dict[str, str] = {}

    def take(
        self,
        name: str,
        *command: str,
        columns: int | None = None,
        first: int | None = None,
        code: int = 0,
        **environ: str,
    ) -> None:
        """Piped, or on a terminal of so many columns; only the ``first`` lines where more says no more."""
        shown = self._terminal.run(*command, columns=columns, **environ)
        assert shown.code == code, f"{name}: exit {shown.code}\n{shown.out}{shown.err}"
        where = f"{columns} columns" if columns else "piped"
        lines = _steady(shown.out).splitlines()
        kept = lines if first is None or len(lines) <= first else [*lines[:first], "[and more]"]
        if shown.err:
            kept += ["[stderr]", *_by_resource(_steady(shown.err).splitlines())]
        line = _steady(f"$ livekit-deploy {' '.join(command)}")
        text = "\n".join([f"{line}    [{where}; exit {shown.code}]", *kept]) + "\n"
        self.screens[f"{name}-{columns or 'piped'}"] = text

    def asked(self, *command: str) -> Any:
        """What a command prints with --json, for the next one."""
        return json.loads(self._terminal.run(*command, "--json").out)

    def keep(self, name: str, text: str) -> None:
        """What was written elsewhere."""
        self.screens[name] = _steady(text) + "\n"

    def wide_and_narrow(self, name: str, *command: str, first: int | None = None, code: int = 0) -> None:
        """At 80 columns, and at 120 where that is not the same."""
        for columns in (80, 120):
            self.take(name, *command, columns=columns, first=first, code=code)
        narrow, wide = (self.screens[f"{name}-{columns}"].splitlines()[1:] for columns in (80, 120))
        if narrow == wide:
            del self.screens[f"{name}-120"]


def _steady(text: str) -> str:
    for pattern, stands in CHANGING:
        text = re.sub(pattern, stands, LIVE.sub(r"\1", text))
    return text.replace("\x1b", "␛").rstrip()


def _by_resource(lines: list[str]) -> list[str]:
    """What is said of a resource as it goes on, sorted: its order is that of the threads. The rest keeps its place."""
    told = sorted(line for line in lines if re.match(r"[ ✔…] \S+\.\S+/\S+", line) and not line.startswith("… "))
    rest = [line for line in lines if not re.match(r"[ ✔…] \S+\.\S+/\S+", line)]
    at = next(
        (number for number, line in enumerate(rest) if line.startswith(("✖", "::error", "::endgroup"))), len(rest)
    )
    return [*rest[:at], *told, *rest[at:]]


def _before(album: Album) -> None:
    album.take("plan-create", "plan", *WHERE)
    album.take("prerequisites", "prerequisites", *WHERE, columns=80)
    album.take("graph", "graph", *WHERE, columns=80, first=30)
    album.take("graph-mermaid", "graph", *WHERE, "--format", "mermaid", first=8)
    album.take("graph-svg", "graph", *WHERE, "--format", "svg", first=8)
    album.take("outputs-nothing", "outputs", *WHERE)
    album.take("verify-nothing", "verify", *WHERE, columns=80, code=3)
    album.take("up-step-too-early", "up", *WHERE, "--yes", "--step", "livekit", columns=80, code=3)
    album.take("iam-policy", "iam-policy", *WHERE, first=16)
    album.take("check", "check", *WHERE, "--set", "network.nat=per_az", columns=80, first=6)
    album.take("config-init", "config", "init", "--env", "new", "--preset", "dev")
    album.take("config-validate", "config", "validate", "--env", "new", columns=80, code=3)
    album.take("config-show", "config", "show", "--env", "uat", first=12)
    album.take("config-explain", "config", "explain", "redis.node_type", columns=80)
    album.take("config-explain-section", "config", "explain", "redis", columns=80)
    album.take("config-explain-misspelt", "config", "explain", "redis.node_typ", columns=80, code=3)
    album.take("config-schema", "config", "schema", first=6)
    for shell in ("bash", "zsh", "fish"):
        album.take(f"completion-{shell}", "completion", shell, first=3)
    album.take("version", "version")
    album.take("sandbox-start", "sandbox", "start")
    album.take("sandbox-status", "sandbox", "status")
    album.take("sandbox-env", "sandbox", "env", *WHERE)
    album.take("faults-kinds", "sandbox", "faults", "kinds", first=6)


def _coming(album: Album, here: Workspace) -> None:
    (here.folder / "storm.yaml").write_text("- {fault: throttling, call: 'ec2:CreateSubnet', times: 3}\n")
    album.take("faults-load", "sandbox", "faults", "load", "storm.yaml")
    album.take("faults-clear", "sandbox", "faults", "clear")
    album.take("faults-add", "sandbox", "faults", "add", "quota", "elasticache:CreateReplicationGroup")
    album.take("faults-list", "sandbox", "faults", "list")
    album.take("up-fails", "up", *WHERE, "--yes", columns=80, code=8)
    album.take("status-unfinished", "status", *WHERE, columns=80)
    album.take("up-fails-github", "up", *WHERE, "--yes", code=8, GITHUB_ACTIONS="true")
    here.fail()
    album.take("up", "up", *WHERE, "--yes", columns=80)


def _standing(album: Album) -> None:
    album.take("plan-no-change", "plan", *WHERE, columns=80)
    album.wide_and_narrow("plan-update", "plan", *WHERE, *BIGGER)
    album.take("plan-too-dear", "plan", *WHERE, *BIGGER, "--set", "guard.max_monthly_cost=500", columns=80, code=3)
    album.take("plan-blocked", "plan", *WHERE, *MOVED, columns=80, first=20)
    album.wide_and_narrow("status", "status", *WHERE)
    album.take("outputs", "outputs", *WHERE)
    album.take("output", "outputs", *WHERE, "-o", "livekit.url")
    album.take("output-misspelt", "outputs", *WHERE, "-o", "livekit.ulr", code=3)
    album.take("verify", "verify", *WHERE, columns=80)
    album.take("events", "events", *WHERE, columns=80, first=1)  # the rest is the moment's
    album.take("logs", "logs", *WHERE, "--tail", "1")
    album.take("keys-rotate", "keys", "rotate", *WHERE, "--yes")
    album.take("keys-list", "keys", "list", *WHERE, columns=80)
    album.take("keys-remove-unknown", "keys", "remove", "APInope", *WHERE, "--yes", code=3)
    album.take("logs-previous", "logs", *WHERE, "--previous", "--pod", "livekit-0", columns=80, code=3)
    album.take("kubeconfig", "kubeconfig", *WHERE)
    album.take("token", "token", *WHERE)
    old = album.asked("keys", "list", *WHERE)["keys"][0]["key"]
    album.take("keys-remove", "keys", "remove", old, *WHERE, "--yes")
    album.take("keys-add", "keys", "add", *WHERE, "--name", "recorder", "--yes")
    album.take("state-list", "state", "list", *WHERE, columns=80, first=12)
    album.wide_and_narrow("state-history", "state", "history", *WHERE, "--limit", "1")
    album.take("state-show", "state", "show", "elasticache.subnet_group/redis", *WHERE)
    album.take("state-unlock", "state", "unlock", *WHERE, "--yes")
    album.take("state-rebuild-nobody-to-ask", "state", "rebuild", *WHERE, code=3)
    addon = "eks.addon/metrics-server"
    before = album.asked("state", "history", *WHERE)["versions"][0]["id"]
    id = album.asked("state", "show", addon, *WHERE)["id"]
    album.take("state-forget", "state", "forget", addon, *WHERE, "--yes")
    album.take("plan-forgotten", "plan", *WHERE, columns=80)
    album.take("state-import", "state", "import", addon, id, *WHERE, "--yes")
    album.take("state-restore", "state", "restore", "--version", before, *WHERE, "--yes")
    album.take("state-rebuild", "state", "rebuild", *WHERE, "--yes")
    album.take(
        "state-import-nothing", "state", "import", "ec2.vpc/main", "vpc-0a1b2c3d4e5f60718", *WHERE, "--yes", code=1
    )
    album.take("state-restore-nothing", "state", "restore", "nothing.json", *WHERE, "--yes", code=1)
    album.take("state-forget-nobody-to-ask", "state", "forget", "ec2.vpc/main", *WHERE, code=3)


def _changing(album: Album, here: Workspace) -> None:
    """One change where there is no terminal, in CI, and in GitHub."""
    album.take("up-change", "up", *WHERE, "--yes", *BIGGER)
    album.take("up-change-ci", "up", *WHERE, "--yes", columns=80, CI="true")
    summary = here.folder / "summary.md"
    album.take(
        "up-change-github", "up", *WHERE, "--yes", *BIGGER, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary)
    )
    album.keep("up-change-github-summary", summary.read_text(encoding="utf-8"))


def _open_ssh(here: Workspace) -> None:
    ec2 = here.client("ec2")
    group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["*media*"]}])["SecurityGroups"][0]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[ssh])


def _leaving(album: Album, here: Workspace) -> None:
    _open_ssh(here)
    album.take("plan-drift", "plan", *WHERE, "--refresh-only", columns=80)
    album.take("down", "down", *WHERE, "--yes")
    album.take("status-nothing", "status", *WHERE, columns=80)
    album.take("up", "up", *WHERE, "--yes")
    album.take("down", "down", *WHERE, "--yes", columns=80)
    album.take("sandbox-reset", "sandbox", "reset")
    album.take("sandbox-stop", "sandbox", "stop")
    album.take("faults-nowhere", "sandbox", "faults", "list", code=3)


def test_every_command_has_a_screen() -> None:
    first = [path.read_text(encoding="utf-8").partition("\n")[0] for path in SCREENS.glob("*.txt")]
    shown = {name for name in COMMANDS for line in first if f"{line} ".startswith(f"$ livekit-deploy {name} ")}
    missing = {
        name for name in COMMANDS if name not in shown and not any(other.startswith(f"{name} ") for other in shown)
    }
    assert missing == {""}  # which is no command


@pytest.mark.slow
def test_every_screen_is_as_kept(tmp_path: Path, pytestconfig: pytest.Config, subtests: pytest.Subtests) -> None:
    here = Workspace(tmp_path, math.inf)
    environ = {**here.environ, "TERM": "xterm-256color"}
    del environ["COLUMNS"]
    here.sandbox  # noqa: B018  starts it
    try:
        with Terminal(here.folder, environ) as terminal:
            album = Album(terminal)
            _before(album)
            _coming(album, here)
            _standing(album)
            _changing(album, here)
            _leaving(album, here)
    finally:
        here.stop()
    if pytestconfig.getoption("--update-screens"):
        for path in SCREENS.glob("*.txt"):
            path.unlink()
        for name, screen in album.screens.items():
            (SCREENS / f"{name}.txt").write_text(screen, encoding="utf-8")
    assert {path.stem for path in SCREENS.glob("*.txt")} == set(album.screens)
    for name, screen in album.screens.items():
        with subtests.test(screen=name):
            assert screen == (SCREENS / f"{name}.txt").read_text(encoding="utf-8")
