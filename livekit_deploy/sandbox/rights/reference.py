"""The Service Authorization Reference for the product's actions: ``actions.json``, which is generated.

A condition key that AWS does not offer for an action and a resource type is never there, whatever the request holds.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

#: keys that every request has, and what makes one a key of the request and not of the object
_GLOBAL = {"aws:requestedregion", "aws:principalarn", "aws:principalaccount", "aws:securetransport"}
_OF_REQUEST = ("aws:RequestTag/", "aws:TagKeys")


@dataclass(frozen=True)
class Kind:
    """A resource type of an action; ``needed`` where every such call has one, ``new`` where the call makes it."""

    name: str
    needed: bool
    keys: tuple[str, ...]

    @property
    def new(self) -> bool:
        return any(key.startswith("aws:RequestTag/") for key in self.keys)


@functools.cache
def _table() -> tuple[dict[str, dict[str, list[str]]], dict[str, list[str]]]:
    found = json.loads((Path(__file__).parent / "actions.json").read_text(encoding="utf-8"))
    return found["actions"], found["resources"]


def known(action: str) -> bool:
    """Whether the reference is kept for this action."""
    return action in _table()[0]


@functools.cache
def kinds(action: str) -> dict[str, Kind]:
    """The resource types of an action, by name; under the empty name the keys that count for the action itself."""
    said = _table()[0].get(action, {"": []})
    return {name.rstrip("*"): Kind(name.rstrip("*"), name.endswith("*"), tuple(keys)) for name, keys in said.items()}


def arn(service: str, kind: str, values: Mapping[str, str], *, partition: str, region: str, account: str) -> str:
    """The ARN of an object, by the form of its type; what ``values`` lacks is a star."""
    known = {"Partition": partition, "Region": region, "Account": account, **values}
    form = _table()[1][f"{service}:{kind}"][0]
    return re.sub(r"\$\{(\w+)\}", lambda found: known.get(found[1], "*"), form)


def offered(action: str, kind: str, context: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Those keys of ``context`` (in lower case, as IAM compares them) that the action offers for the type."""
    service, found = action.partition(":")[0], kinds(action)
    keys = [*(found[""].keys if "" in found else ()), *(found[kind].keys if kind in found else ())]
    if service != "ec2":  # EC2 says for each action which of a type's keys count
        of_type = _table()[1].get(f"{service}:{kind}", [""])[1:]
        keys += [key for key in of_type if not key.startswith(_OF_REQUEST)]
    patterns = [re.sub(r"\$\{\w+\}|<\w+>|\btag-key$", "*", key).lower() for key in keys]
    return {
        key.lower(): list(values)
        for key, values in context.items()
        if key.lower() in _GLOBAL or any(fnmatch.fnmatchcase(key.lower(), one) for one in patterns)
    }
