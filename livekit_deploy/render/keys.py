"""Renders LiveKit's API keys. Secrets never come here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from livekit_deploy.config import Environment
from livekit_deploy.operations.api_keys import Keys
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.words import age, plural, whole


def list_lines(found: Keys, width: int | None, now: datetime | None = None) -> Iterator[str]:
    """A line each, then where they are kept and who has them."""
    names = max(len("name"), *(len(one.name) for one in found.keys))
    column = max(len("key"), *(len(one.key) for one in found.keys))
    yield f"[bold]{'key':<{column}}  {'name':<{names}}  {'age':>6}[/]"
    for one in found.keys:
        old = age(one.since, now or datetime.now(UTC))
        mark = "  [dim]webhooks and verify use it[/]" if one.first else ""
        yield f"{escape(one.key):<{column}}  {escape(one.name):<{names}}  {escape(f'{old:>6}')}{mark}"
    yield ""
    yield from whole("secret   ", f"secretsmanager:{found.secret_name}", width)
    yield from whole("version  ", found.version, width)
    if found.pods:
        late = "" if found.following == found.pods else "; the others drain calls, or wait for up"
        yield f"pods     {found.following} of {plural(found.pods, 'pod')} started with this version{late}"


def changed_lines(env: Environment, *, key: str = "", name: str = "", old: str = "") -> Iterator[str]:
    """How a change ended: ``key`` of ``name`` is there, and ``old``, where there is one, is ending or has ended."""
    if not key:
        yield f"[bold green]✔[/] the key {escape(old)} was removed"
        return
    yield f"[bold green]✔[/] {escape(key)} is the key of {escape(name)}"
    yield f"  Secret      secretsmanager:{env.project}/{env.name}/api-keys, under pairs"
    if old:
        yield f"  Old key     {escape(old)} is good until it is removed"
        yield "  Next        give the new one to whoever signs tokens; then end the old one:"
        yield f"              livekit-deploy keys remove --env {env.name} {escape(old)}"
