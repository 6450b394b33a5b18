"""Finds objects of an environment whose state document is lost.

A document that was lost must not be begun again beside what it knew: `state rebuild` makes it again. Until then nothing
is made, changed or deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.lineages import lineages
from livekit_deploy.engine.resource import Found, Resource
from livekit_deploy.engine.snapshot import Patient, Snapshot
from livekit_deploy.engine.unrecorded import Declared, Look
from livekit_deploy.errors import ConfigError, ResourceError, StateError
from livekit_deploy.state.document import Record, State

_NAMED = 3


def found_by_tags(
    cloud: Cloud, mine: str | None, unseen: dict[str, str] | None = None
) -> dict[str, list[tuple[str, Found]]]:
    """(kind, object) of each lineage but ``mine`` that has any, of this project and environment.

    With ``unseen`` what cannot be listed ends nothing: it is put there, with why.
    """
    found = {}
    try:
        others = sorted(lineages(cloud).keys() - {mine})
    except ResourceError as error:
        if unseen is None:
            raise
        unseen["what other state documents know"], others = str(error), []
    for lineage in others:
        snapshot = Snapshot(cloud.with_lineage(lineage).remembering(), unseen=unseen)
        snapshot.scan(cloud.kinds.values())
        if there := snapshot.untracked({}):
            found[lineage] = there
    return found


def refuse_lost(cloud: Cloud, env: str, state: State | None, where: str) -> None:
    """Raise `StateError` where nothing is recorded and objects of the environment live that another document knew."""
    if state is not None and state.records:
        return
    found = found_by_tags(cloud, state.lineage if state else None)
    if not found:
        return
    some = [f"{kind} {item.live.id}" for there in found.values() for kind, item in there]
    more = f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
    lacks = "there is no document" if state is None else "nothing is recorded"
    which = "" if len(found) == 1 else f" (of {len(found)} documents, whose lineages are {', '.join(found)})"
    name = f"{cloud.ownership.project}/{cloud.ownership.env}"
    raise StateError(
        f"{lacks} at {where}, but objects of {name} are there{which}: {', '.join(some[:_NAMED])}{more}",
        hint="check the region, state.bucket and state.path: their document may be elsewhere; if it is lost, "
        f"rebuild it: livekit-deploy state rebuild --env {env}{'' if len(found) == 1 else ' --lineage ID'}",
    )


def look_for_rest(declare: Declared, patient: Patient, tell: Callable[[str], None]) -> Look:
    """How `down` looks for what is not on record; a configuration that does not fit any more tells nothing."""

    def declared(records: Mapping[str, Record]) -> Sequence[Resource]:
        try:
            return declare(records)
        except ConfigError:
            return ()

    return Look(declared, patient, tell)
