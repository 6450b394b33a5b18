"""``up``, ``plan`` and ``down``: plan, show, ask, carry out, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livekit_deploy.cli.asking import agreed, can_ask, named
from livekit_deploy.cli.files import usable, written
from livekit_deploy.cli.listening import listening
from livekit_deploy.cli.open_deployer import deployer
from livekit_deploy.cli.options import Options, load, screen, seconds
from livekit_deploy.cli.prerequisites import prerequisites
from livekit_deploy.cli.verify import verify_step
from livekit_deploy.engine.stages import STAGES
from livekit_deploy.errors import StalePlan, TooExpensive, UsageError

if TYPE_CHECKING:
    from livekit_deploy.config import Environment
    from livekit_deploy.deployer import Deployer
    from livekit_deploy.engine.plan import Plan
    from livekit_deploy.render.screen import Screen

CHANGES, DRIFT, LEFTOVERS = 2, 6, 8
#: of ``up``: those that only look are commands of their own, the others are stages that are applied alone
STEPS = ("prerequisites", "plan", *STAGES, "verify", "all")


@click.option("--plan", "plan_file", metavar="FILE", type=click.Path(), help="apply exactly this saved plan")
@click.option("--yes", "-y", is_flag=True, help="do not ask")
@click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="only this resource and what it needs")
@click.option("--step", type=click.Choice(STEPS), default="all", show_default=True, help="only this step")
@click.option("--fail-fast", is_flag=True, help="begin nothing new after a failure")
@click.option(
    "--max-drain", metavar="TIME", type=seconds, help="how long to wait for calls to end before media nodes go"
)
def up(
    options: Options,
    plan_file: str | None,
    yes: bool,
    targets: tuple[str, ...],
    step: str,
    fail_fast: bool,
    max_drain: float | None,
) -> int:
    """Show the plan, ask, then make or change the environment until LiveKit answers.

    The steps, in order: prerequisites, plan, infrastructure (network to nodes, Redis, secrets, certificate),
    load-balancer (its controller), livekit (namespace to DNS), verify. A step that needs an earlier one says so.
    """
    if step in _LOOKS:
        return _LOOKS[step](options)
    stage, env, where = stage_of(step, targets), load(options), screen(options)
    can_ask(options, yes or bool(plan_file), "--yes")
    where.warn(env.warnings)
    with listening(options, where, "up", env) as (listener, made):
        saved = _saved(plan_file, "up", env)
        stage = saved.stage if saved else stage  # a saved plan knows its step
        plan = saved or made.plan(targets=targets, stage=stage)
        listener.planned(plan)
        _say_what_is_fetched(where, plan)
        made.check(plan)
        if plan.changes and not (yes or plan_file):
            agreed(where, f"Apply these {len(plan.changes)} changes to {env.name}?")
        bound = _bound(plan, saved, yes)
        with listener:
            report = made.up(bound, targets=targets, stage=stage, fail_fast=fail_fast, max_drain=max_drain)
        listener.finished(report)
        if not options.json:
            where.finished_up(report, env, plan.stage)
        return 0


@click.option("--out", metavar="FILE", type=click.Path(), help="save the plan, for: up --plan FILE")
@click.option(
    "--markdown", metavar="FILE", type=click.Path(), help="write it as Markdown too, for a comment on a pull request"
)
@click.option("--destroy", is_flag=True, help="what `down` would do")
@click.option("--detailed-exitcode", is_flag=True, help="exit 2 when there are changes, 6 when there is drift")
@click.option("--refresh-only", is_flag=True, help="only what somebody else changed")
@click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="only this resource and what it needs")
@click.option("--step", type=click.Choice((*STAGES, "all")), default="all", show_default=True, help="only this step")
def plan(
    options: Options,
    out: str | None,
    markdown: str | None,
    destroy: bool,
    detailed_exitcode: bool,
    refresh_only: bool,
    targets: tuple[str, ...],
    step: str,
) -> int:
    """Show what `up` would do, attribute by attribute. It takes no lease and writes nothing."""
    if destroy and refresh_only:
        raise UsageError("--destroy and --refresh-only cannot be combined", hint="leave one of them out")
    env, where = load(options), screen(options)
    where.warn(env.warnings)
    with deployer(options, env, "plan") as made:
        found = made.plan(targets=targets, stage=stage_of(step, targets), destroy=destroy)
    _published(found, markdown)
    if refresh_only:
        _show_drift(options, where, found)
    else:
        refused = _show(options, where, made, found)
        if refused:
            return refused
    if out:
        written(Path(out), found.dump())
    if not detailed_exitcode:
        return 0
    if refresh_only:
        return DRIFT if found.drift() else 0
    return CHANGES if found.changes else 0


@click.option("--plan", "plan_file", metavar="FILE", type=click.Path(), help="apply exactly this saved plan")
@click.option("--yes", "-y", is_flag=True, help="do not ask, unless its name is needed")
@click.option(
    "--confirm",
    metavar="NAME",
    help="the environment's name: needed if it is protected, or if the file has another name",
)
@click.option("--fail-fast", is_flag=True, help="begin nothing new after a failure")
@click.option(
    "--abandon-cluster-objects", is_flag=True, help="do not contact the cluster: what is stored in it is lost with it"
)
@click.option(
    "--max-drain",
    metavar="TIME",
    type=seconds,
    default="0",
    show_default=True,
    help="how long to wait for calls to end first; 0 cuts them",
)
def down(
    options: Options,
    plan_file: str | None,
    yes: bool,
    confirm: str | None,
    fail_fast: bool,
    abandon_cluster_objects: bool,
    max_drain: float,
) -> int:
    """Delete everything that is recorded, then check that nothing is left."""
    from livekit_deploy.cli.teardown import load_teardown

    env, where = load_teardown(options), screen(options)
    if confirm is not None and confirm != env.name:
        raise UsageError(f"--confirm {confirm} is not the name of this environment", hint=f"--confirm {env.name}")
    by_name = env.protect or _misleading(env)
    settled = confirm is not None or (not by_name and (yes or bool(plan_file)))
    can_ask(options, settled, f"--confirm {env.name}" if by_name else "--yes")
    with listening(options, where, "down", env) as (listener, made):
        saved = _saved(plan_file, "down", env)
        found = saved or made.plan(destroy=True)
        listener.planned(found)
        if found.changes:
            _confirm_down(where, env, settled)
        bound = _bound(found, saved, yes or confirm is not None)
        with listener:
            report = made.down(
                bound, fail_fast=fail_fast, abandon_cluster_objects=abandon_cluster_objects, max_drain=max_drain
            )
        listener.finished(report)
        if not options.json:
            where.finished_down(report)
        return LEFTOVERS if report.leftovers or report.unseen else 0


# ---- the pieces


def plan_all(options: Options) -> int:
    """The step ``plan``."""
    env, where = load(options), screen(options)
    where.warn(env.warnings)
    with deployer(options, env, "plan") as made:
        return _show(options, where, made, made.plan())


def _show(options: Options, where: Screen, made: Deployer, plan: Plan) -> int:
    """The plan, and after it `TooExpensive` where the file's limit refuses it; the exit code.

    JSON has room for one object: the plan, whose cost says that it is refused. The words go to stderr.
    """
    if not options.json:
        where.plan(plan)
        made.keep_limit(plan)
        return 0
    where.json(plan.dump())
    try:
        made.keep_limit(plan)
    except TooExpensive as error:
        where.say(error.message)
        return error.exit_code
    return 0


def _show_drift(options: Options, where: Screen, plan: Plan) -> None:
    if options.json:
        where.json(replace(plan, all=plan.drift()).dump())
    else:
        where.drift(plan)


def _say_what_is_fetched(where: Screen, plan: Plan) -> None:
    """The first check of a chart may have to fetch helm, which takes a while."""
    from livekit_deploy.k8s.helm import install

    if any(change.address.startswith("helm.release/") for change in plan.changes) and install.missing():
        where.say(f"downloading helm {install.DEFAULT.version}, because none is installed")


def _bound(shown: Plan, saved: Plan | None, yes: bool) -> Plan | None:
    """The plan that must still hold when the lease is ours: what was saved or agreed to; ``--yes`` agrees to any."""
    return saved if saved is not None or yes else shown


def _saved(path: str | None, command: str, env: Environment) -> Plan | None:
    """The plan in a file, if it is one for this command and environment."""
    if path is None:
        return None
    from livekit_deploy.engine.plan import Plan

    with usable(f"the plan {path} cannot be read", "save one with: livekit-deploy plan --out FILE"):
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    try:
        found = Plan.load(text)
        found.meant_for(command, {"project": env.project, "env": env.name, "region": env.region})
    except StalePlan as error:
        raise UsageError(f"{path}: {error}", hint=error.hint) from error
    return found


def _published(plan: Plan, markdown: str | None) -> None:
    """Show the plan where others than the caller read it: a Markdown file, GitHub's summary."""
    from livekit_deploy.render import github
    from livekit_deploy.render.markdown import plan_markdown

    if markdown:
        written(Path(markdown), plan_markdown(plan))
    if github.here():
        github.planned(plan)


def _misleading(env: Environment) -> bool:
    """Whether the file's own name is that of another environment, as where it is a copy."""
    return env.source is not None and env.source.stem != env.name


def _confirm_down(where: Screen, env: Environment, settled: bool) -> None:
    """Ask for the name: whoever meant another environment types another one."""
    said = f"{env.name} is protected." if env.protect else f"This deletes all of {env.name}."
    if not settled:
        named(where, env.name, f"{said} Type its name to delete it:", "nothing was deleted")


def stage_of(step: str, targets: tuple[str, ...]) -> str:
    """The stage that a step applies, "" for all of them."""
    stage = step if step in STAGES else ""
    if stage and targets:
        raise UsageError("--step and --target cannot be combined", hint="leave one of them out")
    return stage


_LOOKS: dict[str, Callable[[Options], int]] = {
    "prerequisites": partial(prerequisites, fix=False),
    "plan": plan_all,
    "verify": verify_step,
}
