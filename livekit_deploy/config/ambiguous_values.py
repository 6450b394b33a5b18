"""Finds plain YAML values that different programs read in different ways.

YAML 1.1, which PyYAML reads, takes ``010`` for 8, ``12:30`` for 750 and ``1_0`` for 10; YAML 1.2 and people do not.
Such a value is kept as it was written, so that an error can quote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

_TAG = "tag:yaml.org,2002:"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+([eE][-+]?\d+)?)?", re.ASCII)
_LEADING_ZERO = re.compile(r"([-+]?)0*(\d+)", re.ASCII)
_BASES = {"0x": 16, "0o": 8, "0b": 2}
_LONGEST = 20  # digits of a number that anybody means


@dataclass(frozen=True)
class Unclear:
    """A value that not everybody reads alike."""

    text: str

    def numbers(self) -> Iterator[int]:
        """The whole numbers that may be meant, the likeliest first."""
        bare = self.text.replace("_", "").lower()
        if len(bare) > _LONGEST:
            return
        if found := _LEADING_ZERO.fullmatch(bare):
            yield int(found[1] + found[2])
        sign, digits = (bare[:1], bare[1:]) if bare[:1] in "+-" else ("", bare)
        base = _BASES.get(digits[:2], 8 if digits[:1] == "0" else 0)
        if base and digits.strip("0") and _is_of(digits, base):
            yield int(sign + digits, base)


def _is_of(digits: str, base: int) -> bool:
    try:
        return int(digits, base) >= 0
    except ValueError:
        return False


class Loader(yaml.SafeLoader):
    """Safe YAML that leaves what is unclear as it is written, and builds nothing but plain values."""


def _number(loader: Loader, node: yaml.ScalarNode) -> int | float | Unclear:
    text = str(node.value)
    if _NUMBER.fullmatch(text) is None:
        return Unclear(text)
    return int(text) if node.tag == f"{_TAG}int" else float(text)


def _unclear(loader: Loader, node: yaml.ScalarNode) -> Unclear:
    return Unclear(str(node.value))


_KEPT = ("null", "bool", "str", "seq", "map")
Loader.yaml_constructors = {f"{_TAG}{name}": yaml.SafeLoader.yaml_constructors[f"{_TAG}{name}"] for name in _KEPT}
Loader.yaml_constructors[None] = yaml.SafeLoader.yaml_constructors[None]
Loader.add_constructor(f"{_TAG}int", _number)
Loader.add_constructor(f"{_TAG}float", _number)
Loader.add_constructor(f"{_TAG}timestamp", _unclear)
Loader.add_constructor(f"{_TAG}value", yaml.SafeLoader.yaml_constructors[f"{_TAG}str"])
#: what YAML 1.2 calls a number and YAML 1.1 text
Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"[-+]?0o[0-7]+"), list("-+0"))
