"""Opens the Deployer that the options describe: on AWS, or on the sandbox."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from livekit_deploy.cli.options import Options, load, overrides_of, path_of, screen
from livekit_deploy.cli.signals import handled, unwind

if TYPE_CHECKING:
    from livekit_deploy.config import Environment
    from livekit_deploy.deployer import Deployer
    from livekit_deploy.events import Event
    from livekit_deploy.render.screen import Screen
    from livekit_deploy.sandbox.server import Sandbox

T = TypeVar("T")


def connected(options: Options, env: Environment) -> tuple[Environment, Sandbox]:
    """The sandbox as this environment's account sees it, and the environment with the charts that it can reach."""
    from livekit_deploy.cli.rehearsal import rehearsed

    return rehearsed(env, path_of(options), overrides_of(options), options.role_arn)


def shown(
    options: Options,
    command: str,
    ask: Callable[[Deployer], T],
    plain: Callable[[T], Mapping[str, Any]],
    draw: Callable[[Screen, T], None],
) -> T:
    """What a Deployer is asked: as JSON, or drawn."""
    env, where = load(options), screen(options)
    with deployer(options, env, command) as made:
        found = ask(made)
    if options.json:
        where.json_value(plain(found))
    else:
        draw(where, found)
    return found


def _sealed(options: Options) -> contextlib.AbstractContextManager[None]:
    if not options.sandbox:
        return contextlib.nullcontext()
    from livekit_deploy.cli.rehearsal import sealed

    return sealed()


@contextlib.contextmanager
def deployer(
    options: Options, env: Environment, command: str, on_event: Callable[[Event], None] | None = None
) -> Iterator[Deployer]:
    """A Deployer as the options say: on AWS, or on the sandbox with a clock that runs as fast as it does."""
    with _sealed(options), _opened(options, env, command, on_event) as made:
        yield made


@contextlib.contextmanager
def _opened(
    options: Options, env: Environment, command: str, on_event: Callable[[Event], None] | None
) -> Iterator[Deployer]:
    from livekit_deploy.deployer import Deployer

    env, way = _way(options, env, command)

    def told(event: Event) -> None:
        written(event)
        if on_event is not None:
            on_event(event)

    with (
        handled(unwind),
        _log(options, command, env) as written,
        Deployer(
            env,
            on_event=told,
            parallelism=options.parallelism,
            lock_timeout=options.lock_timeout,
            timeout=options.timeout,
            adopt=options.adopt,
            command=command,
            **way,
        ) as made,
    ):
        _check_adopted(made, options.adopt)
        yield made


def _way(options: Options, env: Environment, command: str) -> tuple[Environment, dict[str, Any]]:
    """The environment as it can be reached, and by what clients, clock and way of users."""
    from livekit_deploy import __version__
    from livekit_deploy.aws.access.clients import Clients
    from livekit_deploy.base.clock import Clock
    from livekit_deploy.checks.reach import Reach

    reached: dict[str, Any] = {"profile": options.profile}
    clock, reach, speed = Clock(), None, None
    if options.sandbox:
        env, sandbox = connected(options, env)
        clock, speed = Clock(sandbox.clock_speed), sandbox.speed
        reach = Reach(sandbox.nameserver, sandbox.https_proxy, sandbox.ca_bundle)
        reached = {name: getattr(sandbox, name) for name in ("endpoint_url", "access_key", "secret_key")}
    if options.record is not None:
        reached["listen"] = options.record.begin(command, __version__, speed).listen
    clients = Clients(env.region, role_arn=options.role_arn, **reached)
    return env, {"clients": clients, "clock": clock, "reach": reach}


def _check_adopted(made: Deployer, adopted: tuple[str, ...]) -> None:
    """Refuse an address to take over that is none: it would be passed over, and the object refused as not ours."""
    from livekit_deploy.engine.graph import no_resource

    addresses = {item.address for item in made.resources} if adopted else set()
    if not addresses.issuperset(adopted) and (found := made.lease()) is not None:
        addresses |= found[0].records.keys()  # what the file no longer has is there to be deleted
    for address in adopted:
        if address not in addresses:
            raise no_resource(address, sorted(addresses))


def _log(
    options: Options, command: str, env: Environment
) -> contextlib.AbstractContextManager[Callable[[Event], None]]:
    """Where events are written, besides being shown."""
    from livekit_deploy.events import silent

    if not (options.verbose or options.log_file):
        return contextlib.nullcontext(silent)
    from livekit_deploy.render.log import logging_run

    return logging_run(options.log_format, options.log_file, options.verbose, command=command, env=env.name)
