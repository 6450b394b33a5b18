"""The ownership tags of an object, and the forms in which each AWS service wants tags.

    tag                        value                                    read by
    livekit-deploy:project     ``project`` of the environment file      people, cost reports
    livekit-deploy:env         ``name`` of the environment file         people, cost reports
    livekit-deploy:lineage     UUID of the state document               lookup, ownership, `scan`, leftovers
    livekit-deploy:address     ``ec2.subnet/public-a``                  lookup, `state rebuild`
    Name                       ``livekit-uat-public-a``                 the AWS console

Tags are part of the create call, never added afterwards. An object of our name with other tags is `NotOurs`.
The environment's own ``tags`` are added to all of them and are never compared: they are the user's to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from livekit_deploy.errors import NotOurs

PROJECT = "livekit-deploy:project"
ENV = "livekit-deploy:env"
LINEAGE = "livekit-deploy:lineage"
ADDRESS = "livekit-deploy:address"


@dataclass(frozen=True)
class OwnershipTags:
    """Who we are: project, environment, and the lineage of the state document (None before there is one)."""

    project: str
    env: str
    lineage: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    #: addresses that the user allows to be taken over (--adopt)
    adopt: frozenset[str] = frozenset()

    @property
    def prefix(self) -> str:
        """First part of every physical name: ``livekit-uat``."""
        return f"{self.project}-{self.env}"

    def tags(self, address: str, name: str = "") -> dict[str, str]:
        """All tags of the object at ``address``; ``name`` becomes its Name tag."""
        named = {"Name": name} if name else {}
        return {**self.extra, **named, **self.own(address)}

    def own(self, address: str) -> dict[str, str]:
        """The tags by which the object at ``address`` is known as ours."""
        return {**self.whose, ADDRESS: address}

    @property
    def whose(self) -> dict[str, str]:
        """Those that are the same on everything of this environment and state document."""
        return {PROJECT: self.project, ENV: self.env, LINEAGE: self.lineage or ""}

    def ours(self, tags: Mapping[str, str]) -> bool:
        """Whether an object with these tags belongs to this state document, and to the environment that it is of.

        A lineage alone proves nothing: whoever can write the document can write another environment's into it.
        """
        return self.lineage is not None and all(tags.get(key) == value for key, value in self.whose.items())

    def others(self, tags: Mapping[str, str]) -> bool:
        """Whether these tags name another project, environment or state document."""
        return any(key in tags and tags[key] != value for key, value in self.whose.items())

    def of_another_state(self, tags: Mapping[str, str]) -> bool:
        """Whether an object with these tags belongs to another state document."""
        return self.lineage is not None and tags.get(LINEAGE) not in (None, self.lineage)

    def claim(self, tags: Mapping[str, str], address: str, what: str) -> None:
        """Raise `NotOurs` unless the object with these tags is ours, or the user adopts ``address``.

        What another state document of this environment knows is not to be adopted: that environment may be running.
        """
        if self.ours(tags):
            return
        if self.of_another_state(tags) and (tags.get(PROJECT), tags.get(ENV)) == (self.project, self.env):
            raise NotOurs(
                f"{address}: {what} exists already: {self.project}/{self.env} exists under another state document "
                f"(lineage {tags[LINEAGE]})",
                hint="go to that document's region, bucket or folder; if it is lost, run down here, and then: "
                f"livekit-deploy state rebuild --env {self.env} --lineage {tags[LINEAGE]}",
            )
        if address in self.adopt:
            return
        if LINEAGE in tags:
            owner = f"it belongs to {tags.get(PROJECT)}/{tags.get(ENV)} (lineage {tags[LINEAGE]})"
            if f"{tags.get(PROJECT)}-{tags.get(ENV)}" == self.prefix:
                raise NotOurs(
                    f"{address}: {what} exists already, and {owner}",
                    hint=f"choose another name or project: all names of both environments begin with {self.prefix}",
                )
        else:
            owner = "it carries none of our tags: somebody else made it"
        raise NotOurs(
            f"{address}: {what} exists already, and {owner}",
            hint=f"choose another name or project, delete it, or take it over with --adopt {address}",
        )


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """``[{"Key": …, "Value": …}]``: EC2, IAM, ELB, ElastiCache, Secrets Manager, ACM, Route53."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def kms_pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """``[{"TagKey": …, "TagValue": …}]``: KMS."""
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()]


def mapping(items: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The reverse of `pairs` and `kms_pairs`."""
    return {
        item["TagKey"] if "TagKey" in item else item["Key"]: item.get("Value", item.get("TagValue", ""))
        for item in items
    }
