"""Writes Events, in the two forms of a real cluster: with counts, and the scheduler's with eventTime.

Source: Kubernetes API reference, Event (v1 core), and client-go's two event recorders.
"""

from __future__ import annotations

import datetime
import time
from typing import Any

from livekit_deploy.sandbox.cluster.objects.errors import ApiError
from livekit_deploy.sandbox.cluster.store.store import Store, now

Obj = dict[str, Any]
SCHEDULER = "default-scheduler"


def tell(store: Store, item: Obj, reason: str, message: str, *, source: str, warning: bool) -> None:
    """Store an Event about an object; none where its namespace takes nothing new any more."""
    metadata = item["metadata"]
    namespace = metadata.get("namespace", "default")
    about = {
        "kind": item["kind"],
        "apiVersion": item["apiVersion"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "resourceVersion": metadata["resourceVersion"],
    }
    about |= {"namespace": namespace} if "namespace" in metadata else {}
    event: Obj = {
        "metadata": {"name": f"{metadata['name']}.{time.time_ns():x}"},
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "type": "Warning" if warning else "Normal",
        "reportingComponent": source,
    }
    try:
        store.create(store.named("events"), namespace, {**event, **_times(source, reason)}, source)
    except ApiError as error:
        if error.code != 403:
            raise


def _times(source: str, reason: str) -> Obj:
    if source == SCHEDULER:
        moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        action = "Binding" if reason == "Scheduled" else "Scheduling"
        once: Obj = {"firstTimestamp": None, "lastTimestamp": None, "source": {}, "reportingInstance": SCHEDULER}
        return {**once, "eventTime": moment, "action": action}
    counted: Obj = {"firstTimestamp": now(), "lastTimestamp": now(), "count": 1, "source": {"component": source}}
    return {**counted, "eventTime": None, "reportingInstance": ""}
