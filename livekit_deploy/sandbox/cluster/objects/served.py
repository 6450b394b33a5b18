"""The kinds that the API serves now: the built-in ones, and those of custom resource definitions.

Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions".
"""

from __future__ import annotations

from typing import Any

from livekit_deploy.sandbox.cluster.objects.errors import ApiError, NoSuchPage, unknown_path
from livekit_deploy.sandbox.cluster.objects.kinds import Kind, built_in, defined


class Served:
    """The kinds of one cluster, by group, version and plural."""

    def __init__(self) -> None:
        self._kinds = {(kind.group, kind.version, kind.plural): kind for kind in built_in()}
        self._own_groups = {kind.group for kind in self._kinds.values()}

    def kind(self, group: str, version: str, plural: str) -> Kind:
        """The kind served under a path; raises `ApiError` 404."""
        found = self._kinds.get((group, version, plural))
        if found is None:
            raise self.unserved(group)
        return found

    def unserved(self, group: str) -> ApiError:
        """What a path is answered that no kind has: only groups of the API server's own have a Status for it."""
        return unknown_path() if group in self._own_groups else NoSuchPage()

    def kinds(self) -> list[Kind]:
        """Every kind that is served, in every version."""
        return list(self._kinds.values())

    def stored(self) -> list[Kind]:
        """One kind for each place where objects are kept."""
        return list({kind.storage: kind for kind in self._kinds.values()}.values())

    def named(self, plural: str, group: str = "") -> Kind:
        """A kind by its plural and group, in whatever version."""
        return next(kind for kind in self._kinds.values() if kind.storage == (group, plural))

    def serves(self, definition: dict[str, Any]) -> bool:
        """Whether the kinds of a definition are served as it says."""
        return all(self._kinds.get((kind.group, kind.version, kind.plural)) == kind for kind in defined(definition))

    def register(self, definition: dict[str, Any]) -> None:
        """Serve the kinds of a definition, and no other version of them."""
        self.unregister(definition)
        for kind in defined(definition):
            self._kinds[kind.group, kind.version, kind.plural] = kind

    def unregister(self, definition: dict[str, Any]) -> None:
        """Serve them no longer."""
        storage = definition["spec"]["group"], definition["spec"]["names"]["plural"]
        self._kinds = {place: kind for place, kind in self._kinds.items() if kind.storage != storage}
