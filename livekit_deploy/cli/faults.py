"""``sandbox faults``: sets faults in the sandbox, to rehearse how a run fails and continues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from livekit_deploy.cli.options import bare_screen
from livekit_deploy.errors import UsageError


@click.option("--json", "json", is_flag=True, help="only JSON on stdout")
def show(json: bool) -> None:
    """List the faults that are set, and how often each has struck."""
    _shown((), json=json)


@click.argument("fault")
@click.argument("call", default="", metavar="[SERVICE:OPERATION]")
@click.option("--after", type=click.IntRange(0), help="how many matching calls pass first")
@click.option("--times", type=click.IntRange(1), help="how often it strikes (default: until cleared)")
@click.option("--rate", type=click.IntRange(1), help="strike only above this many calls per second")
@click.option(
    "--reads",
    type=click.IntRange(1),
    help="not-visible, late-lists: how many reads, or answers of each list, are out of date",
)
@click.option("--seconds", type=click.IntRange(1), help="api-silent: how long it lasts (default: 15)")
@click.option("--where", "where", multiple=True, metavar="NAME=VALUE", help="only calls with this parameter")
@click.option("--code", help="AWS's error code, instead of the usual one")
def add(fault: str, call: str, where: tuple[str, ...], **given: Any) -> None:
    """Set a fault, such as: throttling ec2:CreateSubnet --times 3. `kinds` lists them."""
    pairs = dict(one.partition("=")[::2] for one in where)
    values = {"fault": fault, "call": call, "where": pairs, **given}
    _set([{key: value for key, value in values.items() if value not in (None, "", {})}])


@click.argument("file", type=click.Path(path_type=Path))
def load(file: Path) -> None:
    """Set the faults from a YAML file: a list of fault, call, after, times, where."""
    from livekit_deploy.sandbox.faults.plan import read

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "") or "it is not text in UTF-8"
        raise UsageError(f"cannot read {file}: {why}", hint="check the path") from error
    _set([one.plain() for one in read(text, str(file))])


def clear() -> None:
    """Clear every fault."""
    _shown((), clear=True)


def kinds() -> None:
    """List the kinds of faults."""
    from livekit_deploy.sandbox.faults.catalogue import CATALOGUE

    bare_screen().outputs({name: kind.about for name, kind in CATALOGUE.items()})


def _set(given: Sequence[Mapping[str, Any]]) -> None:
    from livekit_deploy.sandbox.faults.plan import parsed

    _shown([parsed(one).plain() for one in given])


def _shown(add: Sequence[Mapping[str, Any]], *, clear: bool = False, json: bool = False) -> None:
    from livekit_deploy.sandbox.server import faults as ask

    found = ask(add, clear=clear)
    if found is None:
        raise UsageError("no sandbox is running", hint="run: livekit-deploy sandbox start")
    screen = bare_screen()
    if json:
        screen.json_value({"faults": found})
        return
    for one in found:
        where = "".join(f" where {key}={value}" for key, value in one.get("where", {}).items())
        limit = f" of {one['times']}" if "times" in one else ""
        after = f" after {one['after']}" if "after" in one else ""
        screen.result(f"{one['fault']:<16} {one['call']}{where}{after}: struck {one['struck']}{limit}")
    if not found:
        screen.result("all faults cleared" if clear else "no faults are set")
