"""The environment of an acceptance: as the given one, under names of its own, and proven to be nobody's before it."""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from livekit_deploy import Deployer, load_environment
from livekit_deploy.aws.access.lineages import lineages
from livekit_deploy.cli.open_deployer import deployer
from livekit_deploy.cli.options import Options
from livekit_deploy.config import Environment
from livekit_deploy.engine.critical_path import expected_chain
from livekit_deploy.errors import UsageError
from livekit_deploy.operations.leftovers import leftovers
from livekit_deploy.recording.recorder import Recorder
from livekit_deploy.stack import stack

FOLDER = Path("state/local/acceptance")
_HOURS, _MONTH = 1.5, 730.0


@dataclass(frozen=True)
class Asked:
    """Where it is to run, as the command line of the program has it."""

    profile: str | None = None
    role_arn: str | None = None
    sandbox: bool = False

    def options(self) -> list[str]:
        """For a command."""
        named = {"--profile": self.profile, "--role-arn": self.role_arn}
        given = [word for name, value in named.items() if value for word in (name, value)]
        return [*given, *(["--sandbox"] if self.sandbox else [])]


class Ground:
    """``file`` is the environment file that was made for it, in a ``folder`` of its own."""

    def __init__(self, base: Path, name: str | None, asked: Asked) -> None:
        self.name = name or f"accept{secrets.token_hex(3)}"
        self.folder = FOLDER / self.name
        if self.folder.exists():
            raise UsageError(f"{self.folder} exists already", hint="leave --name out: a new one is drawn")
        self.file, self._asked = self.folder / f"{self.name}.yaml", asked
        written = _own(base, self.name)
        self.folder.mkdir(parents=True, mode=0o700)
        self.file.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
        self.env: Environment = load_environment(self.file)
        if self.env.name != self.name:
            raise UsageError("a variable gives the environment another name", hint="unset LIVEKIT_DEPLOY__NAME")

    def opened(self, command: str, record: Path | None = None) -> AbstractContextManager[Deployer]:
        """The library on it, as the command line opens it."""
        return deployer(
            Options(
                env=None,
                config=str(self.file),
                set=(),
                profile=self._asked.profile,
                region=None,
                role_arn=self._asked.role_arn,
                sandbox=self._asked.sandbox,
                json=False,
                no_color=True,
                verbose=0,
                quiet=True,
                log_format="console",
                log_file=None,
                record=Recorder(record) if record else None,
                parallelism=10,
                lock_timeout=120.0,
                timeout=None,
                adopt=(),
            ),
            self.env,
            command,
        )

    def taken_by(self) -> str:
        """What there is of an environment of this name, "" for nothing: a state document, or tags on anything."""
        with self.opened("acceptance") as made:
            if made.lease() is not None:
                return f"there is a state document of {self.name}: {made.store.location}"
            marked = sum(lineages(made.cloud).values())
        return f"{marked} objects carry the tags of {self.name}" if marked else ""

    def price(self) -> str:
        """What it will cost, and how long it will take."""
        with self.opened("acceptance") as made:
            cost = made.plan().cost
        minutes = sum(step.seconds for step in expected_chain(stack(self.env), None)) / 60
        said = f"about {minutes:.0f} minutes for `up`, and as long for all the rest"
        if cost is None:
            return f"{said}; what it costs is not known"
        dollars = cost.usd_month / _MONTH * _HOURS
        more = f"; not counted: {', '.join(str(one) for one in cost.unpriced)}" if cost.unpriced else ""
        return (
            f"{said}; about ${dollars:.2f} for {_HOURS:g} hours ({cost.sources}), "
            f"${cost.usd_month:,.2f} a month if it is left standing{more}"
        )

    def left(self, record: Path | None = None) -> list[str]:
        """What is recorded of it, and what there is in the account."""
        with self.opened("proof", record) as made:
            found = made.lease()
            if found is None:
                return [f"{count} objects with the lineage {one}" for one, count in lineages(made.cloud).items()]
            made.cloud = made.cloud.with_lineage(found[0].lineage)
            there, _ = leftovers(made.cloud)
            return [*(f"recorded: {address}" for address in found[0].records), *map(str, there)]


def _own(base: Path, name: str) -> dict[str, Any]:
    """The given file with a name, a domain and a state document of its own, and without what would keep it standing."""
    env = load_environment(base)
    zone = env.livekit.hosted_zone
    if zone is None:
        raise UsageError(
            f"{base} has no livekit.hosted_zone: an acceptance makes its own names in it",
            hint="name a hosted zone of this account in the file",
        )
    found: dict[str, Any] = yaml.safe_load(base.read_text(encoding="utf-8"))
    livekit = {**found.get("livekit", {}), "domain": f"{name}.{zone}", "certificate": "auto"}
    if env.livekit.turn is not None:
        livekit["turn"] = {**(livekit.get("turn") or {}), "domain": f"turn-{name}.{zone}"}
    cluster = {**found.get("cluster", {}), "deletion_protection": False}
    found |= {"name": name, "protect": False, "livekit": livekit, "cluster": cluster}
    if "path" in found.get("state", {}):
        found["state"] = {**found["state"], "path": str(FOLDER / name / "state.json")}
    return found
