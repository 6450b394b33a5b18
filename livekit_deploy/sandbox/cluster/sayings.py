"""What the containers of a pod say: LiveKit as it does with ``logging.json``, others that they are there.

Source: livekit-server, pkg/service/server.go and pkg/service/utils.go.
"""

from __future__ import annotations

import json
import time
from typing import Any

Obj = dict[str, Any]
_LIVEKIT = "livekit-server"


def first_lines(pod: Obj, address: str) -> list[str]:
    """What is said at the start; ``address`` is that of the node."""
    if (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name") != _LIVEKIT:
        return [f"{one['name']} is ready" for one in pod["spec"]["containers"]]
    version = pod["spec"]["containers"][0].get("image", "").rpartition(":")[2].removeprefix("v")
    node = f"ND_{pod['metadata']['uid'].replace('-', '')[:12]}"
    started = {"portHttp": 7880, "nodeID": node, "nodeIP": address, "version": version}
    return [_line("livekit", "starting LiveKit server", **started)]


def called(service: str, method: str, status: int) -> str:
    """What LiveKit says of a call of its API."""
    outcome = {"service": service, "method": method, "duration": "1.2ms", "status": str(status)}
    return _line("livekit.api", f"API {service}.{method}", **outcome)


def _line(logger: str, message: str, **more: Any) -> str:
    return json.dumps({"level": "info", "ts": round(time.time(), 3), "logger": logger, "msg": message, **more})
