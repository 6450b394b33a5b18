"""``config``: makes, checks, shows and explains environment files."""

from __future__ import annotations

import click

from livekit_deploy.cli.options import Options, bare_screen, load, path_of, screen
from livekit_deploy.errors import UsageError


@click.option("--preset", type=click.Choice(["dev", "uat", "prod"]), default="dev", show_default=True)
def init(options: Options, preset: str) -> None:
    """Write a commented environment file to start from. An existing file is not changed."""
    from livekit_deploy.config.describe import check_name, needed, template

    path, where = path_of(options), screen(options)
    check_name(options.env or path.stem)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(template(preset, path.stem))
    except FileExistsError:
        raise UsageError(f"{path} exists already", hint="edit it, or choose another name") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="choose another folder") from None
    named = f"--env {options.env}" if options.env else f"--config {options.config}"
    where.say(f"wrote {path}")
    where.say(f"next: give {', '.join(needed(preset))} a value, then run:")
    where.say(f"  livekit-deploy config validate {named}")


def validate(options: Options) -> None:
    """Check the file, and list every error with its place and remedy."""
    env, where = load(options), screen(options)
    if options.json:
        where.json_value({"file": str(env.source), "valid": True, "warnings": env.warnings})
    else:
        where.warn(env.warnings)
        where.result(f"{env.source} is valid")


def show(options: Options) -> None:
    """Show the resulting configuration: the file with the preset's values and all overrides."""
    from livekit_deploy.config.describe import effective

    env, where = load(options), screen(options)
    if options.json:
        where.json(env.model_dump_json(indent=2))
    else:
        where.result(effective(env))


@click.argument("key", default="")
def explain(options: Options, key: str) -> None:
    """Say what a key means: what it takes, its default, and what a change of it does. Without KEY: all sections."""
    from dataclasses import asdict

    from livekit_deploy.config.explain import explain as explained

    found, where = explained(key), screen(options)
    if options.json:
        where.json_value(asdict(found))
    else:
        where.explained(found)


def schema() -> None:
    """Print the JSON Schema of an environment file, for editors."""
    import json

    from livekit_deploy.config.describe import schema as whole

    bare_screen().json(json.dumps(whole(), indent=2))
