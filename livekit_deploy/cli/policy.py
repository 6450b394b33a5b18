"""``iam-policy``: what the role that runs `up` and `down` must be allowed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from livekit_deploy.cli.files import written
from livekit_deploy.cli.options import Options, deployer, load, screen, shared
from livekit_deploy.errors import UsageError


@click.command("iam-policy")
@click.option(
    "--parts",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="write one managed policy a subject",
)
@shared
def iam_policy(options: Options, parts: Path | None) -> int:
    """Print the least policy that this environment's up and down need, as JSON.

    The account is the file's account_id; without one AWS is asked whose credentials these are.
    """
    from livekit_deploy import permissions

    env, where = load(options), screen(options)
    account = env.account_id
    if account is None:
        with deployer(options, env, "iam-policy") as made:
            account = made.cloud.identity.account
    if parts is None:
        where.json(json.dumps(permissions.policy(env, account=account), indent=2))
        return 0
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{parts} cannot be made: {error.strerror}", hint="name another folder") from error
    for name, document in permissions.parts(env, account=account).items():
        path = parts / f"{env.resource_prefix}-{name}.json"
        written(path, json.dumps(document, indent=2) + "\n")
        where.say(f"wrote {path}")
    return 0
