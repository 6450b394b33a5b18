"""``kubeconfig`` and ``token``: access for kubectl and helm, with this program as their credential plugin."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from livekit_deploy.base import isolated_python
from livekit_deploy.cli.files import usable, written
from livekit_deploy.cli.open_deployer import deployer
from livekit_deploy.cli.options import Options, load, path_of, screen


@click.option("--out", metavar="FILE", type=click.Path(), help="where to write it (default: kubeconfig-NAME)")
def kubeconfig(options: Options, out: str | None) -> None:
    """Write a kubeconfig for the cluster. It holds no token: kubectl asks this program for one."""
    import yaml

    env, where = load(options), screen(options)
    file = path_of(options).resolve()
    command = isolated_python.command("livekit_deploy", "token", "--config", str(file))
    for flag, value in (("--profile", options.profile), ("--role-arn", options.role_arn)):
        command += [flag, value] if value else []
    command += ["--sandbox"] if options.sandbox else []
    with deployer(options, env, "kubeconfig") as made:
        # the plugin finds the state and the sandbox from where this was run
        environ = {"LIVEKIT_DEPLOY_FOLDER": str(Path.cwd()), "PYTHONPATH": isolated_python.python_path()}
        found = made.cluster.kubeconfig(command, environ)
    path = Path(out or f"kubeconfig-{env.name}")
    written(path, yaml.safe_dump(found, sort_keys=False))
    where.say(f"wrote {path}; use it with: export KUBECONFIG={path.resolve()}")


def token(options: Options) -> None:
    """Print a credential for the cluster, in the form that kubectl and helm ask for."""
    if folder := os.environ.get("LIVEKIT_DEPLOY_FOLDER"):
        moved = "the kubeconfig was written in it (LIVEKIT_DEPLOY_FOLDER): write a new one where the environment is now"
        with usable(f"the folder {folder} cannot be entered", f"{moved}: livekit-deploy kubeconfig"):
            os.chdir(folder)
    env, where = load(options), screen(options)
    with deployer(options, env, "token") as made:
        where.json(json.dumps(made.cluster.credential()))
