"""What every section of an environment file has in common, and the types that several of them use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_DOMAIN = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"
Domain = Annotated[str, StringConstraints(max_length=253, pattern=_DOMAIN)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0, le=100)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Section(BaseModel):
    """Base of every section."""

    model_config = ConfigDict(frozen=True, extra="forbid")


#: names of the branches of unions: part of pydantic's locations, and no keys of any file
ONE, MANY, SECTION, OTHER_SECTION, WORD = BRANCHES = ("<one>", "<many>", "<section>", "<other section>", "<word>")


def kind_of(*kinds: tuple[type, str], other: str) -> Callable[[Any], str]:
    """Which branch of a union a value is meant for, so that an error speaks of that branch only."""

    def chosen(value: Any) -> str:
        return next((branch for kind, branch in kinds if isinstance(value, kind)), other)

    return chosen


def in_yaml(value: Any) -> str:
    """A value in one line, as it is written into an environment file."""
    text: str = yaml.safe_dump([value], default_flow_style=True, width=10_000, allow_unicode=True)
    return text.strip()[1:-1]
