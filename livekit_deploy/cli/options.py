"""The options that most commands share, and the environment that they select."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from livekit_deploy.cli.command_lines import Spelling, program
from livekit_deploy.errors import DeployError, UsageError

if TYPE_CHECKING:
    from livekit_deploy.config import Environment
    from livekit_deploy.recording.recorder import Recorder
    from livekit_deploy.render.screen import Screen

ENVIRONMENTS = Path("manifests/environments")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Options:
    """The shared options as given."""

    env: str | None
    config: str | None
    set: tuple[str, ...]
    profile: str | None
    region: str | None
    role_arn: str | None
    sandbox: bool
    json: bool
    no_color: bool
    verbose: int
    quiet: bool
    log_format: str
    log_file: str | None
    record: Recorder | None
    parallelism: int
    lock_timeout: float
    timeout: float | None
    adopt: tuple[str, ...]


def seconds(text: str) -> float:
    """``90``, ``90s``, ``2m`` or ``1h`` in seconds; raises `click.BadParameter` for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h|)", text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is not a duration: write it as 90s, 2m or 1h")
    return float(found[1]) * _UNITS[found[2]]


def _recorder(context: click.Context, option: click.Parameter, given: str | None) -> Recorder | None:
    """The record of this command; it is made when AWS is about to be asked."""
    if given is None:
        return None
    from livekit_deploy.recording.recorder import Recorder

    made = Recorder(Path(given))

    def close() -> None:
        made.close()
        if made.lost:
            from livekit_deploy.render.escaping import line

            click.echo(line(f"the record {given} ends early: {made.lost}"), err=True)

    context.call_on_close(close)
    return made


def _names(context: click.Context, option: click.Parameter, begun: str) -> list[str]:
    """The environments that there are, for a shell that completes."""
    return sorted(path.stem for path in ENVIRONMENTS.glob(f"{begun}*.yaml"))


#: those of every command whose function takes ``options``
SHARED = (
    click.Option(["--env"], metavar="NAME", help=f"read {ENVIRONMENTS}/NAME.yaml", shell_complete=_names),
    click.Option(["--config"], metavar="FILE", type=click.Path(), help="read this file instead"),
    click.Option(["--set", "set"], multiple=True, metavar="A.B=C", help="override a key of the file"),
    click.Option(["--profile"], metavar="NAME", help="AWS profile"),
    click.Option(["--region"], metavar="NAME", help="override the file's region"),
    click.Option(["--role-arn"], metavar="ARN", help="assume this role first"),
    click.Option(
        ["--sandbox"],
        is_flag=True,
        envvar="LIVEKIT_DEPLOY_SANDBOX",
        help="rehearse against the sandbox instead of AWS (also: LIVEKIT_DEPLOY_SANDBOX=1)",
    ),
    click.Option(["--json", "json"], is_flag=True, help="only JSON on stdout"),
    click.Option(["--no-color"], is_flag=True, help="no colour (also: NO_COLOR, TERM=dumb, no terminal)"),
    click.Option(
        ["-v", "--verbose"],
        count=True,
        help="print the log to stderr instead of progress, and whole plans; -vv: also every call",
    ),
    click.Option(["-q", "--quiet"], is_flag=True, help="only results and errors"),
    click.Option(
        ["--log-format"],
        type=click.Choice(["console", "json"]),
        default="console",
        show_default=True,
        help="the format of -v and --log-file",
    ),
    click.Option(
        ["--log-file"],
        metavar="FILE",
        type=click.Path(),
        help="append the log to this file, with every call, also without -v",
    ),
    click.Option(
        ["--record"],
        metavar="FILE",
        type=click.Path(),
        callback=_recorder,
        help="write each call and answer of AWS to this new file, with names, ids and secrets replaced",
    ),
    click.Option(["--parallelism"], type=click.IntRange(1, 100), default=10, show_default=True, help="calls in flight"),
    click.Option(
        ["--lock-timeout"],
        metavar="TIME",
        type=seconds,
        default="2m",
        show_default=True,
        help="how long to wait for the lease; 0: not at all",
    ),
    click.Option(["--timeout"], metavar="TIME", type=seconds, help="end the run after this time"),
    click.Option(
        ["--adopt"], multiple=True, metavar="ADDRESS", help="take over an object that is not ours, or has lost our tags"
    ),
)


def command_of(function: Callable[..., Any]) -> click.Command:
    """The function as a command; where it takes ``options``, these are the shared ones."""
    command = click.command()(function)
    if "options" not in inspect.signature(function).parameters:
        return command
    names = [one.name for one in fields(Options)]

    def run(**given: Any) -> Any:
        options = Options(**{name: given.pop(name) for name in names})
        _refuse_empty(click.get_current_context())
        try:
            return function(options, **given)
        except DeployError as error:
            spelling(options).correct(error)
            raise

    command.callback, command.params = run, [*command.params, *SHARED]
    return command


def _refuse_empty(context: click.Context) -> None:
    """Raise `UsageError` for an option or argument that was given as "": a variable of a script that is not set."""
    for parameter in context.command.params:
        name = parameter.name or ""
        value, typed = context.params.get(name), context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and (value == "" or (isinstance(value, tuple) and "" in value)):
            called = parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name
            raise UsageError(f"{called} is empty", hint="give it a value, or leave it out")


def path_of(options: Options) -> Path:
    """The environment file; raises `UsageError` when none or two are named."""
    if options.env and options.config:
        raise UsageError("--env and --config cannot be combined", hint="leave one of them out")
    if not options.env and not options.config:
        known = ", ".join(sorted(path.stem for path in ENVIRONMENTS.glob("*.yaml")))
        raise UsageError(f"choose an environment{known and f': {known}'}", hint="--env NAME, or --config FILE")
    if options.config:
        return Path(options.config)
    given = Path(options.env or "")
    is_file = given.suffix in (".yaml", ".yml")
    if given.name != options.env:
        file = options.env if is_file else "FILE"
        raise UsageError(f"--env {options.env} is not a name", hint=f"--env NAME, or --config {file} for a path")
    if is_file:
        raise UsageError(f"--env {options.env} is the name of a file", hint=f"--env {given.stem}")
    return ENVIRONMENTS / f"{options.env}.yaml"


def overrides_of(options: Options) -> dict[str, str]:
    """``--set`` and ``--region`` as dotted keys; raises `UsageError` for one without a value."""
    found = {}
    for text in options.set:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text} has no value", hint="write it as --set redis.node_type=cache.m7g.large")
        found[key] = value
    if options.region:
        found["region"] = options.region
    return found


def load(options: Options) -> Environment:
    """The environment of these options; raises `ConfigError`, and `UsageError` as `meant` does."""
    from livekit_deploy.config import load_environment

    return meant(options, load_environment(path_of(options), overrides=overrides_of(options)))


def meant(options: Options, env: Environment) -> Environment:
    """The environment, if it is the one that was named.

    Raises `UsageError` where ``--env`` names one file and that names another environment, as a copy of a file does.
    """
    if options.env in (None, env.name) or "name" in overrides_of(options):
        return env
    raise UsageError(
        f"--env {options.env} reads {path_of(options)}, which says that its name is {env.name}",
        hint=f"write name: {options.env} in it, or leave the name out; or name the other: --env {env.name}",
    )


def screen(options: Options) -> Screen:
    """Where things are said."""
    from livekit_deploy.render.screen import Screen

    return Screen(color=not options.no_color, quiet=options.quiet, verbose=options.verbose, spelled=spelling(options))


def bare_screen() -> Screen:
    """The same for a command without these options."""
    from livekit_deploy.render.screen import Screen

    return Screen()


def interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def spelling(options: Options) -> Spelling:
    """How commands are typed for these options."""
    given = (
        ("env", options.env),
        ("config", options.config),
        ("profile", options.profile),
        ("region", options.region),
        ("role-arn", options.role_arn),
        *(("set", one) for one in options.set),
    )
    words = [f" --{name} {shlex.quote(value)}" for name, value in given if value]
    return Spelling(program(), "".join([*words, *([" --sandbox"] if options.sandbox else [])]))
