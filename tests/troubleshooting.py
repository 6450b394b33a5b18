"""The page of errors by their text: our own, and what AWS says with what is likely behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from livekit_deploy.aws.errors.causes import RULES
from livekit_deploy.aws.kinds.eks.issues import ADDON_ISSUE, CLUSTER_ISSUE, NODE_GROUP_ISSUE, health
from livekit_deploy.aws.kinds.states import DEGRADED, STUCK
from livekit_deploy.checks.verify.causes import LOG, PODS, REDIS
from tests import enums

#: words of an error of ours, as they stand in the code; what happened; what to do
OURS = (
    (
        "has been changing this environment since",
        "Another run is working, or it died and its lease has not ended yet.",
        "Wait: a dead holder's lease ends after 90 s. If you are sure that run is dead: `livekit-deploy state unlock`.",
    ),
    (
        "has run out or was taken over",
        "The run was stopped or delayed for longer than its lease, and somebody else may have continued.",
        "Run the same command again: it continues from what is recorded.",
    ),
    (
        "the answer cannot be right",
        "The answer does not have the form that AWS, or the cluster's API, gives: something else answers in its "
        "place. The message names the call and the field. No object is treated as absent or deleted because of it.",
        "Look at the proxy, the network's login page or `AWS_ENDPOINT_URL`; run the same command again.",
    ),
    (
        "and the credentials are for",
        "An answer is about another account than the one that the run began with: the profile or the endpoint changed.",
        "Log in to the environment's account and run the same command again.",
    ),
    (
        "since the plan",
        "Something has changed since the plan was saved: the state, the file, or AWS.",
        "Plan again and look at what changed.",
    ),
    (
        "the plan was made with other settings",
        "The file, `--set` or the variables are not those that the plan was made with.",
        "Give the same ones, or plan again.",
    ),
    (
        "it is a plan for the",
        "The saved plan was made for another environment, project, region or account.",
        "Make one for this environment: `livekit-deploy plan --out FILE`.",
    ),
    (
        "needs resources that do not exist yet",
        "A step alone needs what an earlier step makes; the message says which.",
        "Run that step first, or `up` without `--step`.",
    ),
    (
        "LiveKit is not deployed yet",
        "LiveKit is not recorded in this environment's state.",
        "Run `livekit-deploy up`; `livekit-deploy status` says what there is.",
    ),
    (
        "no resource has the address",
        "`--target`, `--adopt` or `state import` names nothing of this environment.",
        "`livekit-deploy graph` lists the addresses.",
    ),
    (
        "the time limit of",
        "The run took as long as `--timeout` allows. What was made is recorded (exit code 8).",
        "Run the same command again with more time: it continues.",
    ),
    (
        "was not gone within",
        "AWS still refuses to delete something; the message says who holds it.",
        "Remove the holder if it is not ours, and run `down` again: it continues.",
    ),
    (
        "no other pod serves in place of its pods",
        "Media nodes are replaced, and the pods that are to take over do not become ready; the message says why.",
        "Put that right and run the same command again: it continues. Until then the old nodes are kept.",
    ),
    (
        "cannot be changed in place",
        "AWS cannot change this attribute, and a new object cannot be made beside the old one.",
        "The line after it says the way out.",
    ),
    (
        "cannot be changed yet",
        "Pods that drain calls still need what the change would take from them, such as the previous token of Redis.",
        "The line after it says which and until when: run the same command again then.",
    ),
    (
        "it needs manual action",
        "AWS shows it in a state that neither waiting nor `up` can end, or it failed after it had worked.",
        "The line after it says what to do. What has worked is not deleted without being asked; resources "
        "that do not need it continue.",
    ),
    (
        "Secrets Manager deletes it on",
        "Somebody scheduled the secret for deletion.",
        "`livekit-deploy up` restores it with its value.",
    ),
    (
        "KMS deletes it on",
        "Somebody scheduled the key of the cluster's secrets for deletion; without it nobody can read them again.",
        "`livekit-deploy up` cancels that and enables the key, before that day. No other key can replace it.",
    ),
    (
        "on the new revision",
        "New pods wait for the ports of older ones, whose calls may go on for hours. Nothing has failed, but "
        "nothing shows yet that the new pods work.",
        "`livekit-deploy verify --watch --timeout 6h` waits until they are there, and fails if they do not start.",
    ),
    (
        "pods do not have the present keys",
        "A key was changed in Secrets Manager, and the pods were not replaced after that.",
        "Run `livekit-deploy up` and then `keys remove`; `keys remove --now` does not wait.",
    ),
    (
        "exists already, and",
        "An object has the name that we would use, and carries tags of somebody else, or none.",
        "Choose another name or project, or take it over with `--adopt ADDRESS`.",
    ),
    (
        "is not a whole state document",
        "The document was truncated or edited by hand.",
        "`livekit-deploy state history`, then `state restore`; or `state rebuild` from the tags.",
    ),
    (
        "was edited by hand, or is damaged",
        "The checksum in the document does not fit its content.",
        "`livekit-deploy state history`, then `state restore`; or `state rebuild` from the tags.",
    ),
    (
        "a rescue copy of the state is in",
        "The state could no longer be written; the run stopped and saved a copy on this machine.",
        "When the store answers again: `livekit-deploy state restore --env NAME FILE`.",
    ),
    (
        "somebody deleted",
        "The state document was deleted while this run held the lease in it: it stopped at once. The message names the "
        "last whole version, and the rescue copy, which is newer.",
        "`livekit-deploy state restore --env NAME FILE`, or `--version ID`; if there is neither, `state rebuild`. "
        "`up` and `down` refuse until then.",
    ),
    (
        ", but objects of",
        "Objects with this environment's tags exist, and the document does not know them: it is lost, or in "
        "another region, bucket or folder.",
        "Use the region, bucket or folder where it is; if it is lost, `livekit-deploy state rebuild` rebuilds it.",
    ),
    (
        "which says that its name is",
        "The file is a copy of another environment's and still has its name.",
        "Change `name` in the file, or leave it out; if you mean the other environment, name that with `--env`.",
    ),
    (
        "the cluster does not know this caller",
        "The credentials are not among the cluster's access entries.",
        "Use those of whoever made the cluster, or add the role to `cluster.admins` and let them run `up`.",
    ),
    (
        "no usable AWS credentials",
        "There are none, or the program that should provide them fails; the message says which (exit code 4).",
        "Do what the line after it says for your profile, such as `aws sso login --profile NAME`.",
    ),
    (
        "the AWS credentials are no longer valid",
        "The session has ended, perhaps in the middle of a run or when its state was written. Nothing is lost.",
        "Log in again and run the same command again: it continues from what is recorded.",
    ),
    (
        "AWS does not know these credentials",
        "The key was deleted, or it belongs to another partition of AWS.",
        "Log in again, or name another profile.",
    ),
    (
        "is not enabled in this account",
        "An account has to enable regions that are newer than 2019; until then they do not accept its credentials.",
        "`aws account enable-region`, and wait until it says `ENABLED`; or choose another region.",
    ),
    (
        "the clock of this machine is wrong",
        "AWS refuses requests whose time is more than five minutes wrong.",
        "Set the clock, for instance by `timedatectl set-ntp true`.",
    ),
    (
        "the role could not be assumed",
        "The credentials are valid, but the role of the profile or of `--role-arn` does not trust their owner.",
        "Check the role's trust policy, and the caller's right to `sts:AssumeRole`.",
    ),
    (
        "the AWS configuration cannot be used",
        "A key of AWS's configuration file, or an `AWS_…` variable, has an invalid value (exit code 4).",
        "Correct what the message names.",
    ),
    (
        "AWS cannot be reached",
        "No attempt got a connection, or an answer. A run that waits for AWS continues to ask.",
        "Check the network and its proxy, and run the same command again.",
    ),
    (
        "the answer did not come from AWS",
        "Something between here and AWS answers in its place: a proxy, or a login page of the network.",
        "Log in to the network or correct the proxy, and run the same command again.",
    ),
    (
        "the credentials are for account",
        "The file names another account.",
        "Set `AWS_PROFILE` or `--profile` to the right one.",
    ),
    (
        "The largest parts:",
        "The plan would bring the environment above `guard.max_monthly_cost`. Nothing was changed.",
        "Choose smaller sizes of what it names, or raise the limit; [what it costs](what-is-created.md#what-it-costs).",
    ),
    (
        "cannot be checked: there is no known price of",
        "Something has no known price, so the sum cannot be compared with `guard.max_monthly_cost`.",
        "If AWS's price list was not read, the line before says why; for a denial allow `pricing:GetProducts`.",
    ),
    (
        "could not be installed",
        "There is no supported helm, and none could be fetched.",
        "Install helm 3.19 or 4.x and put it on PATH; `livekit-deploy prerequisites` says whether it is found.",
    ),
    (
        "internal error (please report it)",
        "This is a mistake of the program. What was made is recorded.",
        "Run the same command again; if it fails again, report it with what `-vv` prints.",
    ),
    ("there is no terminal to ask on", "Nobody can be asked in a pipeline.", "Add the flag that the message names."),
    (
        "but LiveKit does not answer",
        "Everything was made, but something between a user and a pod does not work yet.",
        "The table under it names what, the cause and the remedy; `livekit-deploy verify --watch` looks again.",
    ),
)

_HEALTH = """\
A cluster, a node group or an add-on with a health issue still serves, and is not made again because of it: `plan`,
`up`, `status` and `verify` warn with EKS's words and the objects that it names. Resources that do not need it
continue, and a change that solves the issue is made. If it has never been healthy, a run waits for issues that end by
themselves."""

_BUSY = """\
An object that is busy (`UPDATING`, `modifying`, `snapshotting`) still serves: a plan without changes does not mention
it, and a change waits until the object accepts it. A run waits for a state that this version does not know. Only an
object that never worked is deleted and made again, and the plan counts it among what it deletes."""

_NODE_DIES = """\
## When a media node dies

Its calls are cut. The clients reconnect by themselves through another node, which takes the room over when the dead
node has been silent for five seconds: about ten seconds in all. The node group starts a new instance, and a pod
starts on it. In Redis the dead node stays in the hash `nodes` until the next LiveKit server starts, which removes
silent nodes; meanwhile no client is sent there."""


def page() -> str:
    """docs/troubleshooting.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Troubleshooting"
    yield ""
    yield "Generated by `make schema`; a test holds it to the code. Every error says what failed, why, what is kept"
    yield "and the next command. After none of them you have to clean up by hand: run the same command again."
    yield ""
    yield "## What this program says"
    yield ""
    yield "| Words | What happened | What to do |"
    yield "|---|---|---|"
    for words, what, then in OURS:
        yield f"| {words} | {what} | {then} |"
    yield ""
    yield "## What AWS says"
    yield ""
    yield "The line `why` has AWS's code. If one code has several causes, AWS's words tell which, such as these."
    yield ""
    yield "| Code | Words | Likely | What to do |"
    yield "|---|---|---|---|"
    for rule in RULES:
        codes = ", ".join(f"`{code}`" for code in rule.codes.replace(".*", "…").replace("\\.", ".").split("|"))
        words = rule.example or "–"
        yield f"| {codes} | {words} | {rule.cause.likely or '–'} | {rule.cause.remedy} |"
    yield ""
    yield from _health()
    yield from _states()
    yield "## What Kubernetes says of LiveKit's pods, and LiveKit of Redis"
    yield ""
    yield "`verify` looks for these words in the reasons why pods do not start, and in their logs."
    yield ""
    yield "| Words | Likely | What to do |"
    yield "|---|---|---|"
    for one in (*PODS, *LOG):
        yield f"| {_words(one.words)} | {one.why} | {one.remedy} |"
    yield ""
    yield _NODE_DIES


def _health() -> Iterator[str]:
    yield "## What EKS says of the health of what runs"
    yield ""
    yield from _HEALTH.splitlines()
    yield ""
    yield "| Code | Of | Passes | What to do |"
    yield "|---|---|---|---|"
    tables = (("cluster", CLUSTER_ISSUE), ("node group", NODE_GROUP_ISSUE), ("add-on", ADDON_ISSUE))
    for code in sorted({name for _, states in tables for names in states.members.values() for name in names}):
        known = [(what, states) for what, states in tables if code in enums.members("eks", states.enum)]
        of = ", ".join(what for what, _ in known)
        passes = "–" if any(states.of(code).meaning is STUCK for _, states in known) else "by itself"
        issue = [{"code": code}]
        yield f"| `{code}` | {of} | {passes} | {health(known[0][1], issue).remedy} |"
    yield ""


def _states() -> Iterator[str]:
    yield "## States of AWS's in which something needs manual action, or is warned of"
    yield ""
    yield from _BUSY.splitlines()
    yield ""
    yield "| Service | State | Means | What to do |"
    yield "|---|---|---|---|"
    for (service, enum), states in sorted(enums.tables().items()):
        for meaning in (DEGRADED, STUCK):
            for name in states.members.get(meaning, ()):
                if (remedy := states.remedies.get(name)) and not enum.endswith("IssueCode"):
                    told = remedy.replace("{}", "ID")
                    yield f"| {service} | `{enum.rpartition('.')[2]}` `{name}` | {meaning} | {told} |"
    yield ""


def _words(expression: str) -> str:
    """A regular expression as people read it."""
    if not expression:
        return "ready is 0, and no more is said"
    lead = "unable to connect to redis: … " if REDIS in expression else ""
    rest = expression.removeprefix(REDIS)
    plain = re.sub(r"\(\?:([^()]*)\)", lambda found: found[1].replace("|", " or "), rest.strip())
    return f"{lead}{plain.removeprefix('(?:').removesuffix(')').replace('|', ', ').strip(': ')}"
