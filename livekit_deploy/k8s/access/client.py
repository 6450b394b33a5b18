"""The client of the cluster's API, made from what EKS reports, with a token that is renewed before it expires.

Unreachable, unauthorized and forbidden are errors here, never absence; what a server in between says is neither.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import kubernetes.client
import urllib3.exceptions
from kubernetes.client.exceptions import ApiException

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.fenced_connections import asking
from livekit_deploy.aws.kinds.eks.cluster import observed_cluster
from livekit_deploy.base import call_log
from livekit_deploy.base.clock import http_date
from livekit_deploy.engine.resource import Live, Resource, Status
from livekit_deploy.errors import Absent, OddAnswer, ResourceError
from livekit_deploy.k8s.access.answers import Refusal, warnings
from livekit_deploy.k8s.access.models import checked

MANAGER = "livekit-deploy"
_STRICT = f"fieldManager={MANAGER}&fieldValidation=Strict"
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
_PATIENCE = 8  # seconds at most between two tries of a read, however long the API asks to wait
_TOKEN_SECONDS = 600.0  # EKS's tokens are good for 900

Obj = dict[str, Any]


def api(cloud: Cloud, host: Live) -> Api:
    """The API of the cluster that ``host`` is, one client for as long as this view of the cloud lives."""
    return _shared(cloud, host, lambda: observed_cluster(cloud))


def host_of(item: Resource) -> Live:
    """The cluster that a resource lives in. Raises `Absent` where that is not there."""
    if item.host is None:
        raise Absent(f"{item.address}: its cluster does not exist", address=item.address)
    return item.host


def api_for(cloud: Cloud, item: Resource) -> Api:
    """The API of the cluster that a resource lives in. Raises `Absent` where that is not there."""
    return api(cloud, host_of(item))


def api_of(cloud: Cloud) -> Api:
    """The API of the environment's cluster."""
    cluster = observed_cluster(cloud)
    return _shared(cloud, cluster, lambda: cluster)


def _shared(cloud: Cloud, host: Live, look: Callable[[], Live]) -> Api:
    """One client for each endpoint that is told; where it goes is what EKS says (`living`)."""

    def made() -> Api:
        cluster = look()
        return Api(
            cluster.outputs["endpoint"],
            cluster.outputs["ca"],
            lambda: cloud.eks_token(cluster.id),
            changing=cloud.changing,
            ask=cloud.clients.ask,
            call_bound=cloud.context.limits.call,
        )

    found: Api = cloud.shared(f"kubernetes:{host.outputs['endpoint']}", made)
    return found


def leaving(item: Obj) -> bool:
    """Whether an object is being deleted."""
    return bool(item["metadata"].get("deletionTimestamp"))


def grace_of(pod: Obj) -> int:
    """Seconds that a pod was given when it was asked to end; 0 for one that was not."""
    return int(pod["metadata"].get("deletionGracePeriodSeconds") or 0)


def serves(host: Live | None) -> bool:
    """Whether the cluster has an API: not before its control plane is made, and not while it is taken down."""
    return host is not None and bool(host.outputs.get("endpoint")) and host.status is not Status.DELETING


class Api:
    """A Kubernetes API. Objects are the JSON they are on the wire.

    ``changing`` is entered around each change, and ``ask`` called before each request leaves and once there is a
    connection for it: either may raise to keep it from leaving. ``call_bound`` is the longest that a call may take, in
    seconds.
    A token that is refused is renewed, and asked with again, once. Raises `Denied` for 401 and 403, `Conflict` for 409,
    `ResourceError` with the API's own words for the rest, and with the code ``Unreachable`` when there is no answer, or
    not one of the API.
    """

    def __init__(
        self,
        endpoint: str,
        ca: str,
        token: Callable[[], str],
        *,
        changing: Callable[[], AbstractContextManager[None]] = nullcontext,
        ask: Callable[[], object] = nullcontext,
        call_bound: float = 40.0,
    ) -> None:
        configuration = kubernetes.client.Configuration(host=endpoint)
        try:
            configuration.ca_cert_data = base64.b64decode(ca).decode()
        except ValueError as error:
            raise OddAnswer(
                "the certificate authority that EKS names for the cluster is not in base64",
                hint="look at what answers in place of AWS, such as a proxy or AWS_ENDPOINT_URL",
            ) from error
        configuration.retries = urllib3.Retry(
            total=_AGAIN,
            redirect=0,
            allowed_methods=("GET",),
            backoff_factor=0.1,
            retry_after_max=_PATIENCE,
            raise_on_status=False,
        )
        self._client = kubernetes.client.ApiClient(configuration)
        manager = self._client.rest_client.pool_manager
        manager.pool_classes_by_scheme = asking(manager.pool_classes_by_scheme, ask)
        self._endpoint, self._token, self._changing, self._ask = endpoint, token, changing, ask
        self._timeout = (call_bound / 8, call_bound / 2)  # to connect, three times at most, and to answer
        self._lock = threading.Lock()
        self._fresh: tuple[str, float] | None = None
        self._served: dict[tuple[str, str], Obj] = {}
        self._warned: set[tuple[str, str]] = set()
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
        if found is None:
            return []
        items: list[Obj] = found["items"]
        return items

    def text(self, path: str, *, endless: bool = False) -> urllib3.BaseHTTPResponse:
        """An answer that is text, its body unread; ``endless`` for one that may be silent for as long as it likes."""
        connect, read = self._timeout
        with call_log.logged("kubernetes", f"GET {path.partition('?')[0]}"):
            answer = self._send("GET", path, None, "", (connect, None if endless else read))
        found: urllib3.BaseHTTPResponse = answer.response
        return found

    def apply(self, path: str, item: Obj) -> Obj:
        """Server-side apply, with force: the fields in ``item`` are ours."""
        query = f"?{_STRICT}&force=true"
        with self._changing():
            return self._call("PATCH", path + query, item, "application/apply-patch+yaml")

    def let_go(self, path: str, kept: Sequence[str] = ()) -> None:
        """Take the finalizers of an object away, but for some; nothing happens when it is not there."""
        change = {"metadata": {"finalizers": list(kept) or None}}
        with self._changing(), contextlib.suppress(Absent):
            self._call("PATCH", f"{path}?{_STRICT}", change, "application/merge-patch+json")

    def annotate(self, path: str, annotations: Mapping[str, str]) -> None:
        """Add annotations to an object of others, by a field manager of their own, so that no apply drops them."""
        query = f"?fieldManager={MANAGER}-annotations&fieldValidation=Strict"
        with self._changing():
            self._call(
                "PATCH", path + query, {"metadata": {"annotations": annotations}}, "application/merge-patch+json"
            )

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
        served = self._resource(api_version, kind)
        if served is None:
            return None
        where = f"/namespaces/{namespace}" if served["namespaced"] else ""
        return f"{_root(api_version)}{where}/{served['name']}" + (f"/{name}" if name else "")

    def forget(self) -> None:
        """Ask again which kinds are served: definitions were made or changed."""
        with self._lock:
            self._served.clear()

    def _resource(self, api_version: str, kind: str) -> Obj | None:
        """What discovery tells of a kind. What is not served is asked for again: it may be served a moment later."""
        with self._lock:
            if (api_version, kind) not in self._served:
                listed = (self.get(_root(api_version)) or {}).get("resources") or []
                self._served |= {(api_version, one["kind"]): one for one in listed if "/" not in one["name"]}
            return self._served.get((api_version, kind))

    # ---- calls

    def _bearer(self) -> str:
        moment = time.monotonic()
        if self._fresh is None or moment > self._fresh[1]:
            self._fresh = (self._token(), moment + _TOKEN_SECONDS)
        return self._fresh[0]

    def _call(self, method: str, path: str, body: Obj | None = None, content_type: str = "application/json") -> Obj:
        call = f"{method} {path.partition('?')[0]}"
        with call_log.logged("kubernetes", call):
            answer = self._send(method, path, body, content_type, self._timeout)
            try:
                return checked(call, json.loads(answer.read()))
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise self.unreachable(error) from error
            except ValueError as error:
                raise self.unreachable(f"something other than the cluster answers {call}") from error

    def _send(
        self, method: str, path: str, body: Obj | None, content_type: str, timeout: tuple[float, float | None]
    ) -> Any:
        call = f"{method} {path.partition('?')[0]}"
        answer, refused = self._asked(method, path, body, content_type, timeout)
        if answer.status == 401:  # it has done nothing; the token may have run out while this machine slept
            self._fresh = None
            answer, refused = self._asked(method, path, body, content_type, timeout)
        for text in warnings(answer.headers):
            self._warn(call, text)
        if answer.status >= 400:
            refusal = Refusal(answer.status, answer.headers, refused)
            if not refusal.of_the_api:
                raise self.unreachable(f"something other than the cluster answers {call}: HTTP {answer.status}")
            if answer.status == 401:
                self._fresh = None
            raise refusal.error(call)
        if (now := http_date(answer.headers.get("Date"))) is not None:
            self.ahead = now - datetime.now(UTC)
        return answer

    def _asked(
        self, method: str, path: str, body: Obj | None, content_type: str, timeout: tuple[float, float | None]
    ) -> tuple[Any, bytes]:
        """(the answer, its body where it is a refusal)"""
        headers = {"Authorization": f"Bearer {self._bearer()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        # the client serializes JSON types only; apply patches are JSON too, and go as text
        data: Any = json.dumps(body) if body is not None and "json" not in content_type else body
        self._ask()
        try:
            answer = self._client.call_api(method, self._endpoint + path, headers, data, _request_timeout=timeout)
            return answer, answer.read() if answer.status >= 400 else b""
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unreachable(error) from error

    def _warn(self, call: str, text: str) -> None:
        """Log what the API server warns of, once for each call."""
        if (call, text) not in self._warned:
            self._warned.add((call, text))
            call_log.warned("kubernetes", call, text)

    def unreachable(self, why: BaseException | str) -> ResourceError:
        """The error of an answer that does not come, or breaks off."""
        told = why if isinstance(why, str) else _innermost(why)
        return ResourceError(
            f"the Kubernetes API at {self._endpoint} cannot be reached: {told}",
            code="Unreachable",
            hint="check the network, the proxy and cluster.public_cidrs, and run it again; "
            "down --abandon-cluster-objects continues without it",
        )


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _innermost(error: BaseException) -> str:
    """What urllib3 wrapped: its own words say only that it tried."""
    while isinstance(inner := getattr(error, "reason", None), BaseException):
        error = inner
    return str(error)
