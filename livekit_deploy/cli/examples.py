"""The example in the help of each command."""

from __future__ import annotations

import click

EXAMPLES = {
    "": "up --env dev --sandbox --yes",
    "up": "up --env uat --set redis.node_type=cache.m7g.large",
    "plan": "plan --env uat --out uat.plan --detailed-exitcode",
    "down": "down --env prod --confirm prod",
    "prerequisites": "prerequisites --env uat",
    "check": "check --env uat --fix",
    "verify": "verify --env uat --watch --timeout 5m",
    "status": "status --env uat --refresh",
    "outputs": "outputs --env uat -o livekit.url",
    "logs": "logs --env uat --follow --since 5m",
    "events": "events --env uat",
    "keys": "keys list --env uat",
    "keys list": "keys list --env uat --json",
    "keys add": "keys add --name recorder --env uat",
    "keys rotate": "keys rotate main --env uat",
    "keys remove": "keys remove APIa1B2c3D4e5F6 --env uat",
    "iam-policy": "iam-policy --env uat --parts policies",
    "graph": "graph --env uat --format mermaid",
    "kubeconfig": "kubeconfig --env uat --out ~/.kube/uat",
    "token": "token --env uat",
    "state": "state list --env uat",
    "state list": "state list --env uat --json",
    "state show": "state show eks.cluster/main --env uat",
    "state unlock": "state unlock --env uat --yes",
    "state history": "state history --env uat --limit 50",
    "state rebuild": "state rebuild --env uat",
    "state import": "state import ec2.vpc/main vpc-0a1b2c3d4e5f60718 --env uat",
    "state forget": "state forget ec2.vpc/main --env uat",
    "state restore": "state restore state/local/errored-uat-41.json --env uat",
    "config": "config validate --env uat",
    "config init": "config init --env media --preset uat",
    "config validate": "config validate --env uat --set network.nat=single",
    "config show": "config show --env uat",
    "config schema": "config schema > environment.schema.json",
    "version": "version --json",
    "completion": "completion bash",
    "sandbox": "sandbox start",
    "sandbox start": "sandbox start --speed 4",
    "sandbox stop": "sandbox stop",
    "sandbox status": "sandbox status",
    "sandbox reset": "sandbox reset",
    "sandbox env": "sandbox env --env dev",
    "sandbox faults": "sandbox faults add fails eks:CreateNodegroup --times 1",
    "sandbox faults list": "sandbox faults list",
    "sandbox faults kinds": "sandbox faults kinds",
    "sandbox faults add": "sandbox faults add throttling ec2:CreateSubnet --after 2 --times 3",
    "sandbox faults load": "sandbox faults load storm.yaml",
    "sandbox faults clear": "sandbox faults clear",
}


def show_example(command: click.Command, path: str) -> None:
    """Put the example of a command, and of those below it, at the end of its help."""
    if path in EXAMPLES:
        command.epilog = f"Example:\n\n\b\n  livekit-deploy {EXAMPLES[path]}"
    if isinstance(command, click.Group) and path:
        for name, inner in command.commands.items():
            inner.short_help = (inner.help or "").partition(".")[0]  # whole, where click would cut it
            show_example(inner, f"{path} {name}")
