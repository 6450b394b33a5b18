"""Renders events that are not the progress of one resource, each as a sentence."""

from __future__ import annotations

from livekit_deploy import events
from livekit_deploy.render.escaping import escape
from livekit_deploy.render.words import duration


def sentence(event: events.Event) -> str:
    """What is said, as markup, of the events that are not a resource's progress; "" for nothing."""
    if isinstance(event, events.ResourceFailed):
        return f"[bold red]✖[/] {escape(event.address)}: {escape(event.message.removeprefix(f'{event.address} '))}"
    if isinstance(event, events.Kept):
        return f"[yellow]![/] {escape(event.address)} ({escape(event.id)}) stays: {escape(event.why)}"
    if isinstance(event, events.Skipped):
        return f"  {escape(event.address)} is skipped: it needs {escape(event.because)}"
    if isinstance(event, events.LeaseWaiting):
        return (
            f"waiting for the lease of {escape(event.holder)}, held since {escape(event.since)}; "
            f"it ends in {duration(event.remaining_s)} unless renewed"
        )
    if isinstance(event, events.LeaseTakenOver):
        left = f", which left {', '.join(event.unfinished)} unfinished" if event.unfinished else ""
        return f"took over the lease of {escape(event.holder)}{escape(left)}"
    if isinstance(event, events.Looked):
        return escape("; ".join(f"{check}: {seen}" for check, seen in event.failing.items()))
    if isinstance(event, events.KeyChanged):
        return (
            f"[green]✔[/] the key {escape(event.key)} ({escape(event.name)}) is {escape(event.verb)} in Secrets Manager"
        )
    if isinstance(event, events.Notice):
        return escape(f"{'warning: ' if event.level == 'warning' else ''}{event.message}")
    return ""
