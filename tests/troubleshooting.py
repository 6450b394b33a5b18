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
        "Another run is at work, or died less than a lease ago.",
        "Wait: a dead holder's lease ends after 90 s. If you are sure that run is dead: `livekit-deploy state unlock`.",
    ),
    (
        "has run out or was taken over",
        "The run stalled longer than its lease, and somebody else may have gone on.",
        "Run the same command again: it continues from what is recorded.",
    ),
    (
        "the answer cannot be right",
        "What came back has not the form that AWS, or the cluster's API, gives it: something else answers in its "
        "place. The message names the call and the field. Nothing is taken for absent or deleted because of it.",
        "Look at the proxy, the network's login page or `AWS_ENDPOINT_URL`; run the same command again.",
    ),
    (
        "and the credentials are for",
        "An answer is about another account than the one that the run began with: the profile or the endpoint changed.",
        "Log in to the environment's account and run the same command again.",
    ),
    (
        "since the plan",
        "Something moved between the saved plan and now: the state, the file, or AWS.",
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
        "AWS cannot change this attribute, and making it anew would take something exclusive down.",
        "The line after it says the way out.",
    ),
    (
        "cannot be changed yet",
        "Pods that drain calls still need what the change would take from them, such as Redis' token of before.",
        "The line after it says which and until when: run the same command again then.",
    ),
    (
        "it needs manual action",
        "AWS's state of it is one that neither waiting nor a change of ours ends, or it failed after it had run.",
        "The line after it says what to do. Nothing that ran is deleted unasked; what does not need it continues.",
    ),
    (
        "Secrets Manager deletes it on",
        "Somebody scheduled the secret for deletion.",
        "`livekit-deploy up` restores it, with the value that it has.",
    ),
    (
        "KMS deletes it on",
        "Somebody scheduled the key of the cluster's secrets for deletion; without it nobody can read them again.",
        "`livekit-deploy up` cancels that and enables the key, before that day. No other key takes its place.",
    ),
    (
        "on the new revision",
        "New pods wait for the ports of older ones, whose calls may go on for hours. That is no failure, and no proof.",
        "`livekit-deploy verify --watch --timeout 6h` waits until they are there, and fails when they do not start.",
    ),
    (
        "pods do not have the present keys",
        "A key was changed in Secrets Manager, and the pods were not replaced since.",
        "Run `livekit-deploy up` and then `keys remove`; `keys remove --now` does not wait.",
    ),
    (
        "exists already, and",
        "An object of our name carries somebody else's marks, or none.",
        "Choose another name or project, or take it over with `--adopt ADDRESS`.",
    ),
    (
        "is not a whole state document",
        "The document was truncated or edited by hand.",
        "`livekit-deploy state history`, then `state restore`; or `state rebuild` from the tags.",
    ),
    (
        "was edited by hand, or is damaged",
        "The document's checksum is not that of the rest.",
        "`livekit-deploy state history`, then `state restore`; or `state rebuild` from the tags.",
    ),
    (
        "a rescue copy of the state is in",
        "The state could not be written any more; the run stopped and saved it beside you.",
        "When the store answers again: `livekit-deploy state restore --env NAME FILE`.",
    ),
    (
        "somebody deleted",
        "The state document was deleted while this run held the lease in it: it stopped at once. The message names the "
        "last whole version, and the rescue copy, which is newer.",
        "`livekit-deploy state restore --env NAME FILE`, or `--version ID`; where neither is left `state rebuild`. "
        "`up` and `down` refuse until then.",
    ),
    (
        ", but objects of",
        "The document says nothing of what is there with this environment's tags: it is lost, or in another region, "
        "bucket or folder.",
        "Go to where it is; if it is lost, `livekit-deploy state rebuild` rebuilds it.",
    ),
    (
        "which says that its name is",
        "The file is a copy of another environment's and still has its name.",
        "Change `name` in the file, or leave it out; `--env` of the other where that is meant.",
    ),
    (
        "the cluster does not know this caller",
        "The credentials are not among the cluster's access entries.",
        "Use those of whoever made the cluster, or add the role to `cluster.admins` and let them run `up`.",
    ),
    (
        "no usable AWS credentials",
        "There are none, or what is to get them fails; the message says what (exit code 4).",
        "What the line after it says for your profile, such as `aws sso login --profile NAME`.",
    ),
    (
        "the AWS credentials are no longer valid",
        "The session has ended, perhaps in the middle of a run or when its state was written. Nothing is lost.",
        "Log in again and run the same command again: it continues from what is recorded.",
    ),
    (
        "AWS does not know these credentials",
        "The key was deleted, or it is of another partition.",
        "Log in again, or name another profile.",
    ),
    (
        "is not enabled in this account",
        "Regions that are newer than 2019 are enabled by each account; until then they know no credentials.",
        "`aws account enable-region`, and wait until it says `ENABLED`; or choose another region.",
    ),
    (
        "the clock of this machine is wrong",
        "AWS takes no request whose time is more than five minutes off.",
        "Set the clock, for instance by `timedatectl set-ntp true`.",
    ),
    (
        "the role could not be assumed",
        "The credentials are good, and the role of the profile or of `--role-arn` does not let their owner in.",
        "Look at the role's trust policy, and at the caller's right to `sts:AssumeRole`.",
    ),
    (
        "the AWS configuration cannot be used",
        "A key of AWS's configuration file, or an `AWS_…` variable, has a value that is none (exit code 4).",
        "Correct what the message names.",
    ),
    (
        "AWS cannot be reached",
        "No connection, or no answer, at any attempt. Whoever waits for something of AWS's goes on asking.",
        "Look at the network and its proxy, and run the same command again.",
    ),
    (
        "the answer did not come from AWS",
        "Something between here and AWS answers in its place: a proxy, or a login page of the network.",
        "Get it out of the way, and run the same command again.",
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
        "The sum leaves out what has no price, so that nobody can tell whether it is above `guard.max_monthly_cost`.",
        "If AWS's price list was not read, the line before says why; for a denial allow `pricing:GetProducts`.",
    ),
    (
        "could not be installed",
        "There is no supported helm, and none could be fetched.",
        "Install helm 3.19 or 4.x and put it on PATH; `livekit-deploy prerequisites` says whether it is found.",
    ),
    (
        "internal error (please report it)",
        "Something that no code foresaw. What was made is recorded.",
        "Run the same command again; if it fails again, report it with what `-vv` prints.",
    ),
    ("there is no terminal to ask on", "Nobody can be asked in a pipeline.", "Add the flag that the message names."),
    (
        "but LiveKit does not answer",
        "Everything is made, and one of the pieces between a user and a pod is not right yet.",
        "The table under it names the piece, its cause and the remedy; `livekit-deploy verify --watch` looks again.",
    ),
)

_HEALTH = """\
A cluster, a node group or an add-on that is in bad health serves, and is never made again for it: `plan`, `up`,
`status` and `verify` warn, with EKS's words and the things that it names. What does not need it goes on, and a change
that heals it is sent. Of one that was never well yet, what passes by itself is waited for."""

_BUSY = """\
What is busy (`UPDATING`, `modifying`, `snapshotting`) serves: a plan without changes says nothing of it, and a change
waits until it takes one. A state that this version does not know is waited for. Only what never came up is deleted and
made again, and the plan counts it among what it deletes."""

_NODE_DIES = """\
## When a media node dies

Its calls are cut. The clients reconnect by themselves through another node, which takes the room over once the dead one
has been silent for five seconds: about ten seconds in all. The node group makes a new instance, and its pod follows. In
Redis the dead node stays in the hash `nodes` until the next LiveKit server starts, which removes what is silent;
nobody is sent there meanwhile."""


def page() -> str:
    """docs/troubleshooting.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Troubleshooting"
    yield ""
    yield "Generated by `make schema`; a test holds it to the code. Every error says what failed, why, what is kept"
    yield "and the next command. Nothing needs cleaning by hand after any of them: run the same command again."
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
    yield "AWS's code stands in the line `why`; where it alone does not decide, AWS's words do, such as these."
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
    yield "`verify` looks for these words in what holds the pods up, and in their logs."
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
