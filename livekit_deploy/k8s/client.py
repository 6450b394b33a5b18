"""The cluster's API: a client made from what EKS tells of the cluster, with a token that is fresh whenever it is used.

Unreachable, unauthorized and forbidden are errors here, never absence.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import kubernetes.client
import urllib3.exceptions
from kubernetes.client.exceptions import ApiException

from livekit_deploy import calls
from livekit_deploy.aws.cloud import Cloud
from livekit_deploy.engine.resource import Live, Status
from livekit_deploy.errors import Absent, Conflict, Denied, ResourceError

MANAGER = "livekit-deploy"
_NO_ACCESS = "add the role or user to cluster.admins"
_ID = "kubernetes"  # its API gives its requests no ids
_RUN_AGAIN = "run the same command again: it goes on from here"
#: codes that go away by themselves: a while after an access entry was made (EKS user guide, "Grant IAM users access to
#: Kubernetes"), and when the API is no longer busy, or was lost for a moment; every change of ours may be asked twice
PASSING: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (
        *("Unauthorized", "Forbidden", "Unreachable", "Conflict"),
        *("TooManyRequests", "InternalError", "ServiceUnavailable", "ServerTimeout", "Timeout"),
    ),
    (),
)
_AGAIN = 2  # times that a connection, and a read, is tried again; no change is sent twice
_TOKEN_SECONDS = 600.0  # EKS's tokens are good for 900

Obj = dict[str, Any]


def api(cloud: Cloud, host: Live) -> Api:
    """The API of the cluster that ``host`` is, one client for as long as this view of the cloud lives."""
    outputs = host.outputs
    found: Api = cloud.shared(
        f"kubernetes:{outputs['endpoint']}",
        lambda: Api(
            outputs["endpoint"],
            outputs["ca"],
            lambda: cloud.eks_token(host.id),
            changing=cloud.changing,
            call_bound=cloud.clients.call_bound,
        ),
    )
    return found


def api_of(cloud: Cloud, outputs: Mapping[str, Any]) -> Api:
    """The API of the cluster whose recorded outputs these are."""
    return api(cloud, Live(str(outputs["name"]), Status.READY, outputs=outputs))


def serves(host: Live | None) -> bool:
    """Whether the cluster has an API: not before its control plane is made, and not while it is taken down."""
    return host is not None and bool(host.outputs.get("endpoint")) and host.status is not Status.DELETING


class Api:
    """A Kubernetes API. Objects are the JSON they are on the wire.

    ``changing`` is entered around each change; ``call_bound`` is the longest that a call may take, in seconds.
    Raises `Denied` for 401 and 403, `Conflict` for 409, `ResourceError` with the API's own words for the rest, and
    with the code ``Unreachable`` when there is no answer.
    """

    def __init__(
        self,
        endpoint: str,
        ca: str,
        token: Callable[[], str],
        *,
        changing: Callable[[], AbstractContextManager[None]] = nullcontext,
        call_bound: float = 40.0,
    ) -> None:
        configuration = kubernetes.client.Configuration(host=endpoint)
        configuration.ca_cert_data = base64.b64decode(ca).decode()
        configuration.retries = urllib3.Retry(total=_AGAIN, redirect=0, allowed_methods=("GET",))
        self._client = kubernetes.client.ApiClient(configuration)
        self._endpoint, self._token, self._changing = endpoint, token, changing
        self._timeout = (call_bound / 8, call_bound / 2)  # to connect, three times at most, and to answer
        self._lock = threading.Lock()
        self._fresh: tuple[str, float] | None = None
        self._served: dict[str, dict[str, Obj]] = {}
        #: how far the API's clock is ahead of ours, by its last answer
        self.ahead = timedelta()

    # ---- verbs

    def get(self, path: str) -> Obj | None:
        """The object at a path, None when it is not there."""
        try:
            return self._call("GET", path)
        except Absent:
            return None

    def list(self, path: str, labels: str = "") -> list[Obj]:
        """The objects of a collection; [] where the collection is not served."""
        query = f"?labelSelector={labels.replace('=', '%3D').replace(',', '%2C')}" if labels else ""
        found = self.get(path + query)
        items: list[Obj] = (found or {}).get("items") or []
        return items

    def text(self, path: str, *, endless: bool = False) -> urllib3.BaseHTTPResponse:
        """An answer that is text, its body unread; ``endless`` for one that may be silent for as long as it likes."""
        connect, read = self._timeout
        with calls.logged("kubernetes", f"GET {path.partition('?')[0]}"):
            answer = self._send("GET", path, None, "", (connect, None if endless else read))
        found: urllib3.BaseHTTPResponse = answer.response
        return found

    def apply(self, path: str, item: Obj) -> Obj:
        """Server-side apply, with force: the fields in ``item`` are ours."""
        query = f"?fieldManager={MANAGER}&force=true"
        with self._changing():
            return self._call("PATCH", path + query, item, "application/apply-patch+yaml")

    def let_go(self, path: str) -> None:
        """Take the finalizers of an object away; nothing happens when it is not there."""
        with self._changing(), contextlib.suppress(Absent):
            self._call("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")

    def delete(self, path: str, *, grace_seconds: int | None = None, uid: str | None = None, labels: str = "") -> None:
        """Delete an object or, with labels, what a collection has of them; nothing happens when it is not there.

        With ``uid`` only that very object is deleted: `Conflict` when another one has its name by now. A pod that is
        being deleted already is given less time by a shorter ``grace_seconds``, never more.
        """
        options: Obj = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        query = f"?labelSelector={labels.replace('=', '%3D').replace(',', '%2C')}" if labels else ""
        with self._changing(), contextlib.suppress(Absent):
            self._call("DELETE", path + query, options)

    def path(self, api_version: str, kind: str, namespace: str | None, name: str = "") -> str | None:
        """Where an object of a manifest is; None for a kind that the cluster does not serve."""
        served = self._resources(api_version).get(kind)
        if served is None:
            return None
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        where = f"/namespaces/{namespace}" if served["namespaced"] else ""
        return f"{root}{where}/{served['name']}" + (f"/{name}" if name else "")

    def _resources(self, api_version: str) -> dict[str, Obj]:
        with self._lock:
            if api_version not in self._served:
                root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
                listed = (self.get(root) or {}).get("resources") or []
                self._served[api_version] = {one["kind"]: one for one in listed if "/" not in one["name"]}
            return self._served[api_version]

    # ---- calls

    def _bearer(self) -> str:
        moment = time.monotonic()
        if self._fresh is None or moment > self._fresh[1]:
            self._fresh = (self._token(), moment + _TOKEN_SECONDS)
        return self._fresh[0]

    def _call(self, method: str, path: str, body: Obj | None = None, content_type: str = "application/json") -> Obj:
        with calls.logged("kubernetes", f"{method} {path.partition('?')[0]}"):
            return self._answer(method, path, body, content_type)

    def _answer(self, method: str, path: str, body: Obj | None, content_type: str) -> Obj:
        answer = self._send(method, path, body, content_type, self._timeout)
        try:
            found: Obj = json.loads(answer.read())
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unreachable(error) from error
        except ValueError as error:
            raise self.unreachable(f"something else answers {method} {path.partition('?')[0]}") from error
        return found

    def _send(
        self, method: str, path: str, body: Obj | None, content_type: str, timeout: tuple[float, float | None]
    ) -> Any:
        headers = {"Authorization": f"Bearer {self._bearer()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        # the client serializes JSON types only; apply patches are JSON too, and go as text
        data: Any = json.dumps(body) if body is not None and "json" not in content_type else body
        try:
            answer = self._client.call_api(method, self._endpoint + path, headers, data, _request_timeout=timeout)
            refused = answer.read() if answer.status >= 400 else b""
        except ApiException as error:
            raise self._refused(error.status, error.body, method, path) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unreachable(error) from error
        if answer.status >= 400:
            raise self._refused(answer.status, refused, method, path)
        if said := answer.headers.get("Date"):
            self.ahead = parsedate_to_datetime(said) - datetime.now(UTC)
        return answer

    def _refused(self, status: int | None, body: Any, method: str, path: str) -> Exception:
        if status == 401:
            self._fresh = None  # it may have run out before its time, while this machine slept
        return _translated(status, body, method, path)

    def unreachable(self, why: BaseException | str) -> ResourceError:
        """The error of an answer that does not come, or breaks off."""
        told = why if isinstance(why, str) else _innermost(why)
        return ResourceError(
            f"the Kubernetes API at {self._endpoint} cannot be reached: {told}",
            code="Unreachable",
            hint="check the network, the proxy and cluster.public_cidrs, and run it again; "
            "down --abandon-cluster-objects goes on without it",
        )


def _innermost(error: BaseException) -> str:
    """What urllib3 wrapped: its own words say only that it tried."""
    while isinstance(inner := getattr(error, "reason", None), BaseException):
        error = inner
    return str(error)


def _translated(status: int | None, body: Any, method: str, path: str) -> Exception:
    try:
        said: Mapping[str, Any] = json.loads(body or "{}")
    except ValueError:
        said = {}
    reason, message = str(said.get("reason", status)), str(said.get("message") or f"HTTP {status}")
    where = f"{method} {path.partition('?')[0]}: {message}"
    if reason == "Unauthorized":
        return Denied(f"the cluster does not know this caller ({where})", code=reason, request_id=_ID, hint=_NO_ACCESS)
    if reason == "Forbidden" and "NamespaceTerminating" not in str(said):
        return Denied(f"the cluster forbids {where}", code=reason, request_id=_ID, hint=_NO_ACCESS)
    kinds: dict[str, type[ResourceError]] = {"NotFound": Absent, "Conflict": Conflict, "AlreadyExists": Conflict}
    return kinds.get(reason, ResourceError)(where, code=reason, request_id=_ID, hint=_RUN_AGAIN)
