"""Maps the placeholders of a record to values of the sandbox.

The sandbox's answers bind what AWS gave (ids, ARNs, addresses); what the caller chose (names, tags, networks) is made
up when a call first sends it. A text with several placeholders is bound as a whole and in its parts.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from livekit_deploy.recording.names import KINDS

TOKEN = re.compile(rf"<(?:{'|'.join(KINDS)})-[0-9a-f]+(?:/\d+)?>")
_PARTS = re.compile(r"<([a-z]+)(?:-([0-9a-f]+))?(/\d+)?>")
_REGIONS = ("us-east-1", "eu-west-1", "us-west-2", "eu-central-1", "ap-south-1")
_SERVICES = [f"{name}.amazonaws.com" for name in ("eks", "ec2", "vpc-flow-logs", "pods.eks")]
_TRUST = {"Effect": "Allow", "Principal": {"Service": _SERVICES}, "Action": "sts:AssumeRole"}
_ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Unbound(Exception):
    """A call names what the sandbox never gave, and what the caller cannot have chosen."""


class Bindings:
    """``given`` are the placeholders that answers show before any call sends them: AWS chose those."""

    def __init__(self, account: str, given: set[str]) -> None:
        self._account, self._given = account, given
        self._values: dict[str, str] = {}
        self._back: dict[str, str] = {}
        self._regions: list[str] = []

    # ---- from the record to the sandbox

    def value(self, said: Any, field: str = "") -> Any:
        """What a call of the record sends here. Raises `Unbound`."""
        if isinstance(said, Mapping):
            return {self.value(key): self.value(one, key) for key, one in said.items()}
        if isinstance(said, list):
            return [self.value(one, field) for one in said]
        return self._text(said, field) if isinstance(said, str) and "<" in said else said

    def _text(self, said: str, field: str) -> Any:
        if said in self._values:
            return self._values[said]
        if f"{said}." in self._values:  # the same name in DNS
            return self._values[f"{said}."].removesuffix(".")
        if said in _CONSTANTS:
            return _constant(said, field)
        return TOKEN.sub(lambda found: self._token(found[0]), said)

    def _token(self, token: str) -> str:
        if token not in self._values:
            kind, digits, length = _PARTS.fullmatch(token).groups()  # type: ignore[union-attr]
            if kind == "region":
                self._regions.append(token)
                self._values[token] = _REGIONS[len(self._regions) - 1]
            elif token in self._given and kind not in ("account", "cidr", "ip"):
                raise Unbound(token)
            else:
                self._values[token] = self._made_up(kind, digits, length or "")
        return self._values[token]

    def _made_up(self, kind: str, digits: str, length: str) -> str:
        if kind in ("cidr", "ip"):
            return f"{ipaddress.ip_address(bytes.fromhex(digits))}{length}"
        made = {
            "account": self._account,
            "id": str(uuid.UUID(int=int(digits, 16) << 64)),
            "email": f"n{digits}@example.com",
            "url": f"https://n{digits}.example.com",
            "text": f"text {digits}x",
            "mac": "02:00:00:00:00:01",
        }
        return made.get(kind, f"n{digits}x")

    # ---- from the sandbox to the record

    def learn(self, said: Any, raw: Any, scrubbed: Any) -> None:
        """Bind what stands at one place in the record, in what the sandbox was sent or said, and in that scrubbed."""
        if isinstance(said, dict) and isinstance(scrubbed, dict) and isinstance(raw, Mapping):
            if len(said) == len(scrubbed) == len(raw) and any(TOKEN.search(key) for key in said):
                for one in zip(
                    [*said, *said.values()], [*raw, *raw.values()], [*scrubbed, *scrubbed.values()], strict=True
                ):
                    self.learn(*one)
                return
            for key in said.keys() & scrubbed.keys() & raw.keys():
                self.learn(said[key], raw[key], scrubbed[key])
        elif isinstance(said, list) and isinstance(scrubbed, list):
            for one, place in paired(said, [self.back(other) for other in scrubbed]):
                self.learn(one, list(raw)[place], scrubbed[place])
        elif isinstance(said, str) and isinstance(scrubbed, str) and "<" in said and said not in _CONSTANTS:
            self._bind(said, str(raw), scrubbed)

    def _bind(self, said: str, raw: str, scrubbed: str) -> None:
        if form(said) != form(scrubbed):
            return
        tokens = TOKEN.findall(said)
        parts = re.fullmatch("(.+)".join(re.escape(part) for part in TOKEN.split(said)), raw, re.S)
        values = parts.groups() if parts is not None and len(tokens) == len(parts.groups()) else ()
        if "/" in said and len(tokens) > 1:  # greedy groups would cut a path anywhere
            values = tuple(_cut(said, raw)) or values
        for token, value in zip(tokens, values, strict=False):
            self._values.setdefault(token, value)
        if scrubbed not in self._back and said not in self._back.values():
            self._values[said] = raw
            self._back[scrubbed] = said
        for mine, theirs in zip(TOKEN.findall(scrubbed), tokens, strict=True):
            self._back.setdefault(mine, theirs)

    def without_strangers(self, said: Any) -> Any:
        """An answer of the record without what is in its lists and not in the sandbox: others made it."""
        if isinstance(said, dict):
            return {key: self.without_strangers(one) for key, one in said.items()}
        if isinstance(said, list):
            return [self.without_strangers(one) for one in said if not self._strange(one)]
        return said

    def _strange(self, item: Any) -> bool:
        found = {token for path, leaf in leaves(item) for token in TOKEN.findall(str(leaf))}
        return any(token in self._given and token not in self._values for token in found)

    def back(self, scrubbed: Any) -> Any:
        """What the sandbox said, in the record's placeholders as far as they are known."""
        if isinstance(scrubbed, dict):
            return {self.back(key): self.back(one) for key, one in scrubbed.items()}
        if isinstance(scrubbed, list):
            return [self.back(one) for one in scrubbed]
        if not isinstance(scrubbed, str) or "<" not in scrubbed:
            return scrubbed
        if scrubbed in self._back:
            return self._back[scrubbed]
        return TOKEN.sub(lambda found: self._back.get(found[0], found[0]), scrubbed)


def form(value: Any) -> str:
    """A text without which one it is; "" for what has no placeholder."""
    if not isinstance(value, str) or not TOKEN.search(value):
        return ""
    return TOKEN.sub(lambda found: f"<{found[0][1:].partition('-')[0]}>", value)


def _cut(said: str, raw: str) -> Iterator[str]:
    """The parts of a path or ARN where the placeholders are, when both are cut alike."""
    mine, theirs = re.split(r"([:/])", said), re.split(r"([:/])", raw)
    if len(mine) != len(theirs):
        return
    for one, other in zip(mine, theirs, strict=True):
        tokens = TOKEN.findall(one)
        if len(tokens) == 1:
            before, _, after = one.partition(tokens[0])
            yield other.removeprefix(before).removesuffix(after)
        elif tokens:
            yield from other.split(".")[: len(tokens)]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with where it is: ``Vpcs[].State``; an empty list or structure is one."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            name = form(key) or key
            yield from leaves(one, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for one in value:
            yield from leaves(one, f"{path}[]")
    else:
        yield path, value


def paired(said: list[Any], others: list[Any]) -> list[tuple[Any, int]]:
    """Each item with the place of the one that has most in common with it; none is taken twice."""
    mine = [set(map(_key, leaves(one))) for one in said]
    theirs = [set(map(_key, leaves(one))) for one in others]
    ranked = sorted(
        ((len(one & other), -abs(i - j), i, j) for i, one in enumerate(mine) for j, other in enumerate(theirs)),
        reverse=True,
    )
    found: dict[int, int] = {}
    for _, _, i, j in ranked:
        if i not in found and j not in found.values():
            found[i] = j
    return [(said[i], j) for i, j in sorted(found.items())]


def _key(leaf: tuple[str, Any]) -> str:
    return f"{leaf[0]}={json.dumps(leaf[1], sort_keys=True)}"


_CONSTANTS = ("<secret>", "<document>", "<bytes>", "<time>")


def _constant(said: str, field: str) -> Any:
    if said == "<bytes>":
        return b"x"
    if said == "<time>":
        return datetime.now(UTC)
    if said == "<secret>":
        return base64.b64encode(b"not a secret at all").decode() if field == "UserData" else "5" * 32
    statement = _TRUST if "assume" in field.lower() else _ALLOW
    return "{}" if field == "configurationValues" else json.dumps({"Version": "2012-10-17", "Statement": [statement]})
