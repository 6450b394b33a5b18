"""``iam-policy``: prints the permissions that the role that runs `up` and `down` needs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from livekit_deploy.cli.files import usable, written
from livekit_deploy.cli.open_deployer import deployer
from livekit_deploy.cli.options import Options, load, screen


@click.option(
    "--parts",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="write one managed policy for each subject to this folder",
)
def iam_policy(options: Options, parts: Path | None) -> None:
    """Print the smallest policy with which this environment's up and down work, as JSON.

    The account is the file's account_id, or else the account of your credentials.
    """
    from livekit_deploy import permissions

    env, where = load(options), screen(options)
    account = env.account_id
    if account is None:
        with deployer(options, env, "iam-policy") as made:
            account = made.cloud.identity.account
    documents = permissions.parts(env, account=account)
    if parts is None:
        whole = permissions.policy(env, account=account)
        where.json(json.dumps(whole, indent=2))
        if (length := permissions.length(whole)) > permissions.MANAGED_POLICY:
            where.warn(
                [
                    f"these are {length:,} characters, and a managed policy may have {permissions.MANAGED_POLICY:,}: "
                    f"--parts FOLDER writes {len(documents)} smaller ones"
                ]
            )
        return
    with usable(f"{parts} cannot be made", "choose another folder"):
        parts.mkdir(parents=True, exist_ok=True)
    for name, document in documents.items():
        path = parts / f"{env.resource_prefix}-{name}.json"
        written(path, json.dumps(document, indent=2) + "\n")
        where.say(f"wrote {path}")
    if len(documents) > permissions.POLICIES_OF_ROLE:
        more = "ask Service Quotas for more (IAM, managed policies attached to a role)"
        where.warn([f"{len(documents)} policies, and a role may have {permissions.POLICIES_OF_ROLE}: {more}"])
