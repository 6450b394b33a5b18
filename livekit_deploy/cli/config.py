"""``config``: make an environment file, check one, show what it comes to, print its schema."""

from __future__ import annotations

from pathlib import Path

import click

from livekit_deploy.cli.options import ENVIRONMENTS, Options, load, screen, shared
from livekit_deploy.errors import UsageError


@click.group()
def config() -> None:
    """Init, validate, show, schema."""


@config.command()
@click.option("--preset", type=click.Choice(["dev", "uat", "prod"]), default="dev", show_default=True)
@shared
def init(options: Options, preset: str) -> int:
    """Write a commented environment file to start from; an existing one is left alone."""
    from livekit_deploy.config.describe import template

    if not options.env:
        raise UsageError("name the environment to be", hint="--env NAME")
    path = Path(options.config) if options.config else ENVIRONMENTS / f"{options.env}.yaml"
    if path.exists():
        raise UsageError(f"{path} exists already", hint="edit it, or choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template(preset), encoding="utf-8")
    screen(options).say(f"wrote {path}: fill in region and domain, then: livekit-deploy plan --env {options.env}")
    return 0


@config.command()
@shared
def validate(options: Options) -> int:
    """Say everything that is wrong with the file, each with its place and remedy."""
    env, where = load(options), screen(options)
    for warning in env.warnings:
        where.say(f"warning: {warning}")
    where.say(f"{env.source} is valid")
    return 0


@config.command()
@shared
def show(options: Options) -> int:
    """The file as it is understood: with the preset's values and all overrides."""
    from livekit_deploy.config.describe import effective

    env, where = load(options), screen(options)
    if options.json:
        where.json(env.model_dump_json(indent=2))
    else:
        where.result(effective(env))
    return 0


@config.command()
def schema() -> int:
    """The JSON Schema of an environment file, for editors."""
    import json

    from livekit_deploy.config.describe import schema as whole
    from livekit_deploy.render.screen import Screen

    Screen().json(json.dumps(whole(), indent=2))
    return 0
