"""The base of every section of an environment file, and types that several sections use."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints


@dataclass(frozen=True)
class Form:
    """What text a field takes, in words that continue after "it must be"."""

    words: str


def _text_or_range(value: Any) -> Any:
    """A number, which `IPv4Network` would take for an address, is none."""
    if isinstance(value, str | IPv4Network):
        return value
    raise ValueError("a range is text")


def _whole(value: Any) -> Any:
    """Neither true nor 1.0, which Python takes for 1."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("it is not a whole number")


_LABEL = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+"
_DOMAIN = rf"^{_LABEL}([a-z]{{2,63}}|xn--[a-z0-9-]{{0,58}}[a-z0-9])$"
DNS = Form("a name in DNS: small letters, digits and hyphens, with dots between, and no scheme, port or path")
Domain = Annotated[str, StringConstraints(max_length=253, pattern=_DOMAIN), DNS]
Whole = Annotated[int, Strict()]
OnlyWhole = BeforeValidator(_whole)
Switch = Annotated[bool, Strict()]
Port = Annotated[Whole, Field(ge=1, le=65535)]
Count = Annotated[Whole, Field(ge=0, le=100)]
Url = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[!-.0-~]+(/[!-~]*)?$"),
    Form("an address that begins with https:// or http://, without spaces"),
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Form("64 digits of a sha256: 0 to 9 and a to f")]
Range = Annotated[
    IPv4Network,
    BeforeValidator(_text_or_range),
    Form("an IPv4 range: an address, a slash and a length, with nothing behind the length set"),
]
ChartVersion = Annotated[
    str,
    StringConstraints(pattern=r"^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$"),
    Form("one version of a chart: three numbers with dots between"),
]


class Unknown(Exception):
    """A check reads a key that is wrong: it can say nothing, and the key is told of already."""


class Section(BaseModel):
    """Base of every section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in type(self).model_fields:
                raise Unknown(name)
            return super().__getattr__(name)


#: names of the branches of unions: part of pydantic's locations, and no keys of any file
ONE, MANY, SECTION, OTHER_SECTION, WORD = BRANCHES = ("<one>", "<many>", "<section>", "<other section>", "<word>")


def kind_of(*kinds: tuple[type, str], other: str) -> Callable[[Any], str]:
    """Which branch of a union a value is meant for, so that an error speaks of that branch only."""

    def chosen(value: Any) -> str:
        return next((branch for kind, branch in kinds if isinstance(value, kind)), other)

    return chosen


def in_yaml(value: Any) -> str:
    """A value in one line, as it is written into an environment file."""
    if isinstance(value, str) and not value.isprintable():
        return json.dumps(value)
    text: str = yaml.safe_dump([value], default_flow_style=True, width=10_000, allow_unicode=True)
    return text.strip()[1:-1]
