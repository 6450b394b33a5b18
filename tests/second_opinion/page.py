"""The page of what was decided where the emulator, the S3 servers and the sandbox disagree."""

from __future__ import annotations

from collections.abc import Iterator

from tests.sandbox.corrections import probes
from tests.second_opinion.decisions import DISAGREES, MENDED, NO_CHANGE, NO_LIFE, NO_PROBE

_HEAD = """\
# Second opinion

What we claim about AWS is tried against a sandbox of our own. So every kind of AWS's, a whole environment and the state
document are also tried against servers that nobody here wrote: MiniStack 1.5.33 (`tests/second_opinion`, in
`make test`) and, for the state document, versitygw 1.8.0 (`tests/real/state`, in `make real`). Where they say otherwise
than the sandbox, botocore's models and AWS's documents decide. This page is made from
`tests/second_opinion/decisions.py` by `make schema`; a test holds its lines to what MiniStack does.

Members that MiniStack leaves out of its answers, filters that it does not know, and the errors for ids that there are
not are put into its answers on the way to the client (`tests/second_opinion/additions.py`).

## Where the sandbox was wrong

| What | MiniStack | Sandbox | AWS | Done: the sandbox now does as AWS |
|---|---|---|---|---|
"""
_CHANGES = """
## What MiniStack cannot do

Every other kind is made there, is not touched by a second run, is changed where it can be, and is deleted without rest.

| Kind or input | Why it is left out |
|---|---|
"""
_WRONG = """
## Where MiniStack is wrong

Each row is a probe of [the sandbox's corrections](../../tests/sandbox/README.md), which the sandbox passes. MiniStack
agrees with the {agreed} others that it can be asked.

| Service | What | AWS, and the sandbox | MiniStack | AWS says so in |
|---|---|---|---|---|
"""
_BEHIND = "404, NoSuchKey: Amazon S3 user guide, How to prevent object overwrites with conditional writes"
_SERVERS = f"""
## S3 servers and the state document

| Server | It says | AWS says | Decided |
|---|---|---|---|
| versitygw | `If-Match` is fulfilled by the version below a delete marker | {_BEHIND} | versitygw is wrong: that test \
of the lease is expected to fail there |
| versitygw with `--sidecar` | `If-Match` is fulfilled by an object that is deleted | the same | versitygw is wrong: \
it keeps extended attributes instead |
| MiniStack | the same as AWS | the same | |
"""


def page() -> str:
    """docs/decisions/second-opinion.md."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for one in MENDED:
        yield f"| {one.what} | {one.ministack} | {one.sandbox} | {one.page} | `{one.probe}` |\n"
    yield _CHANGES
    for kind, why in NO_LIFE.items():
        yield f"| `{kind}` | {why} |\n"
    for name, lacking in NO_CHANGE.items():
        yield f"| `{name}` | MiniStack {lacking.why} |\n"
    for name, why in NO_PROBE.items():
        yield f"| probes: {name} | {why} |\n"
    asked = [one for one in probes() if not {one.service, one.name} & set(NO_PROBE)]
    yield _WRONG.format(agreed=len(asked) - len(DISAGREES))
    for probe in asked:
        if decision := DISAGREES.get(probe.name):
            yield f"| {probe.service} | `{probe.name}` | {probe.aws} | {decision.said} | {decision.page} |\n"
    yield _SERVERS
