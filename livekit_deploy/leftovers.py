"""The proof at the end of `down`: everything in the account that carries our marks, and what only waits to vanish."""

from __future__ import annotations

from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.engine.resource import kinds
from livekit_deploy.engine.sight import Sight


def leftovers(cloud: Cloud) -> tuple[list[str], list[tuple[str, str]]]:
    """(what is left of ours, what is deleted and vanishes with when), of every kind that there is."""
    view = cloud.remembering()
    sight = Sight(view)
    sight.scan(kinds().values())
    left = [f"{item.address} ({item.live.id})" for _, item in sight.strays({})]
    vanishing = [pair for kind in kinds().values() for pair in kind.vanishing(view)]
    return sorted(left), sorted(vanishing)
