"""Every command, declared once. Nothing is imported for it: each command is loaded when it is called.

Help, examples, completion, what other tools call a command, how a text that names it is corrected, and the list of what
is printed as JSON follow from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """``name`` is what is typed after the program's name, ``code`` the module of `cli` and the function in it.

    A group has no code: it has ``help``, and its commands are those whose names begin with its own.
    """

    name: str
    code: str
    example: str
    #: in the list of commands; where it is empty, the first sentence of the function's docstring
    summary: str = ""
    help: str = ""
    #: what other tools call it, with the options that this takes here
    elsewhere: tuple[str, ...] = ()
    #: a text that names it means the environment at hand; what a group says holds for all in it
    of_environment: bool = True
    #: it changes something: if its results cannot be written, it did not fail
    changes: bool = False
    #: what it prints with --json, by the names of docs/json.md
    prints: tuple[str, ...] = ()

    @property
    def is_group(self) -> bool:
        return not self.code

    @property
    def word(self) -> str:
        """Its name inside its group."""
        return self.name.rpartition(" ")[2]


_ALL = (
    Command(
        "",
        "",
        "up --env dev --sandbox --yes",
        help="Deploy LiveKit to AWS EKS from one environment file, and remove it again.",
    ),
    Command(
        "up",
        "run:up",
        "up --env uat --set redis.node_type=cache.m7g.large",
        "show the plan, ask, then make or change the environment",
        elsewhere=("apply", "deploy"),
        changes=True,
        prints=("run",),
    ),
    Command(
        "plan",
        "run:plan",
        "plan --env uat --out uat.plan --detailed-exitcode",
        "what `up` would do, attribute by attribute",
        elsewhere=("preview", "diff", "cost", "drift --refresh-only"),
        prints=("plan",),
    ),
    Command(
        "down",
        "run:down",
        "down --env prod --confirm prod",
        "delete the environment, then check that nothing is left",
        elsewhere=("destroy", "delete"),
        changes=True,
        prints=("run",),
    ),
    Command(
        "prerequisites",
        "prerequisites:prerequisites",
        "prerequisites --env uat",
        "can `up` succeed? rights, quotas, offerings, DNS, tools",
        elsewhere=("doctor",),
        prints=("prerequisites",),
    ),
    Command(
        "check",
        "prerequisites:prerequisites",
        "check --env uat --fix",
        "the same as prerequisites",
        prints=("prerequisites",),
    ),
    Command(
        "verify",
        "verify:verify",
        "verify --env uat --watch --timeout 5m",
        "does LiveKit answer? each failure with cause and remedy",
        elsewhere=("health",),
        prints=("verify",),
    ),
    Command(
        "status",
        "status:status",
        "status --env uat --refresh",
        "one screen: stages, resources, lease, endpoints",
        elsewhere=("refresh --refresh",),
        prints=("status",),
    ),
    Command(
        "outputs",
        "status:outputs",
        "outputs --env uat -o livekit.url",
        "names and endpoints of what runs",
        elsewhere=("output",),
        prints=("outputs",),
    ),
    Command(
        "logs",
        "logs:logs",
        "logs --env uat --follow --since 5m",
        "the logs of LiveKit's pods; --follow continues",
        prints=("logs",),
    ),
    Command(
        "events",
        "logs:events",
        "events --env uat",
        "the cluster's events about LiveKit's objects",
        prints=("events",),
    ),
    Command(
        "keys",
        "",
        "keys list --env uat",
        "LiveKit's API keys: list, add, rotate, remove",
        help="List, add, rotate and remove LiveKit's API keys. Secrets are never shown: read them in Secrets Manager.",
        changes=True,
    ),
    Command("keys add", "keys:add", "keys add --name recorder --env uat", prints=("run",)),
    Command("keys list", "keys:list_", "keys list --env uat --json", prints=("keys list",)),
    Command("keys remove", "keys:remove", "keys remove APIa1B2c3D4e5F6 --env uat", prints=("run",)),
    Command("keys rotate", "keys:rotate", "keys rotate main --env uat", prints=("run",)),
    Command(
        "iam-policy",
        "iam_policy:iam_policy",
        "iam-policy --env uat --parts policies",
        "the smallest IAM policy with which up and down work",
    ),
    Command(
        "graph",
        "status:graph",
        "graph --env uat --format mermaid",
        "the resource graph as text, Mermaid or SVG",
        prints=("graph", "graph --critical-path"),
    ),
    Command(
        "kubeconfig",
        "kubeconfig:kubeconfig",
        "kubeconfig --env uat --out ~/.kube/uat",
        "write a kubeconfig without a token in it",
    ),
    Command(
        "token",
        "kubeconfig:token",
        "token --env uat",
        "print a credential for the cluster, for kubectl and helm",
    ),
    Command(
        "state",
        "",
        "state list --env uat",
        "list, show, history, unlock, restore, rebuild, import, forget",
        help="Show, restore and repair the state document.",
        changes=True,
    ),
    Command(
        "state forget",
        "state_repair:forget",
        "state forget ec2.vpc/main --env uat",
        prints=("state rebuild",),
    ),
    Command("state history", "state:history", "state history --env uat --limit 50", prints=("state history",)),
    Command(
        "state import",
        "state_repair:import_",
        "state import ec2.vpc/main vpc-0a1b2c3d4e5f60718 --env uat",
        elsewhere=("import",),
        prints=("state rebuild",),
    ),
    Command("state list", "state:list_", "state list --env uat --json", prints=("state list",)),
    Command("state rebuild", "state_repair:rebuild", "state rebuild --env uat", prints=("state rebuild",)),
    Command(
        "state restore",
        "state_repair:restore",
        "state restore state/local/errored-uat-41.json --env uat",
        prints=("state rebuild",),
    ),
    Command(
        "state show",
        "state:show",
        "state show eks.cluster/main --env uat",
        elsewhere=("show",),
        prints=("state show", "state show ADDRESS"),
    ),
    Command("state unlock", "state:unlock", "state unlock --env uat --yes", elsewhere=("unlock", "force-unlock")),
    Command(
        "config",
        "",
        "config validate --env uat",
        "init, validate, show, explain, schema",
        help="Make, check, show and explain environment files.",
    ),
    Command(
        "config explain",
        "config:explain",
        "config explain redis.node_type",
        elsewhere=("explain",),
        of_environment=False,
        prints=("config explain",),
    ),
    Command(
        "config init",
        "config:init",
        "config init --env media --preset uat",
        elsewhere=("init",),
        of_environment=False,
    ),
    Command("config schema", "config:schema", "config schema > environment.schema.json", of_environment=False),
    Command("config show", "config:show", "config show --env uat"),
    Command(
        "config validate",
        "config:validate",
        "config validate --env uat --set network.nat=single",
        elsewhere=("validate",),
        prints=("config validate",),
    ),
    Command(
        "sandbox",
        "",
        "sandbox start",
        "start, stop, status, reset, env, faults",
        help="Run the local stand-in for AWS: start, stop, status, reset, env, faults.",
        of_environment=False,
        changes=True,
    ),
    Command("sandbox env", "sandbox:env", "sandbox env --env dev"),
    Command(
        "sandbox faults",
        "",
        "sandbox faults add fails eks:CreateNodegroup --times 1",
        help="Make the sandbox fail: list, add, load, clear.",
    ),
    Command("sandbox faults add", "faults:add", "sandbox faults add throttling ec2:CreateSubnet --after 2 --times 3"),
    Command("sandbox faults clear", "faults:clear", "sandbox faults clear"),
    Command("sandbox faults kinds", "faults:kinds", "sandbox faults kinds"),
    Command("sandbox faults list", "faults:show", "sandbox faults list", prints=("sandbox faults list",)),
    Command("sandbox faults load", "faults:load", "sandbox faults load storm.yaml"),
    Command("sandbox reset", "sandbox:reset", "sandbox reset"),
    Command("sandbox start", "sandbox:start", "sandbox start --speed 4"),
    Command("sandbox status", "sandbox:status", "sandbox status", prints=("sandbox status",)),
    Command("sandbox stop", "sandbox:stop", "sandbox stop"),
    Command(
        "version",
        "version:version",
        "version --json",
        "the version of this program and of its libraries",
        of_environment=False,
    ),
    Command(
        "completion",
        "version:completion",
        "completion bash",
        "a script that completes commands and options in a shell",
        of_environment=False,
    ),
)
COMMANDS: Mapping[str, Command] = {one.name: one for one in _ALL}


def below(group: str) -> dict[str, Command]:
    """The commands of a group by their name in it; those of the program for the empty name."""
    return {one.word: one for one in _ALL if one.name and one.name.rpartition(" ")[0] == group}


def of_environment(name: str) -> bool:
    """Whether a text that names this command means the environment at hand."""
    words = name.split()
    return all(COMMANDS[" ".join(words[:end])].of_environment for end in range(1, len(words) + 1))


def called_elsewhere() -> dict[str, str]:
    """What another tool calls a command → what is typed here, with the options that this takes."""
    names = ((name.partition(" "), one.name) for one in _ALL for name in one.elsewhere)
    return {name: f"{here} {options}".strip() for (name, _, options), here in names}
