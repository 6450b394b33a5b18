"""HTTP requests on the store: paths and verbs in, answers out.

Source: Kubernetes API concepts.
"""

from __future__ import annotations

import contextlib
import json
import logging
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from livekit_deploy.sandbox.cluster.api_server import bodies, discovery, tables
from livekit_deploy.sandbox.cluster.api_server.verbs import Request, Verbs
from livekit_deploy.sandbox.cluster.api_server.watching import Watch
from livekit_deploy.sandbox.cluster.objects.errors import ApiError, Bare, NoSuchPage, unknown_path
from livekit_deploy.sandbox.cluster.objects.kinds import Kind, Obj
from livekit_deploy.sandbox.cluster.store.logs import PodLog
from livekit_deploy.sandbox.cluster.store.store import Store

_logger = logging.getLogger(__name__)
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


@dataclass
class Answer:
    """What goes back: a body, or a stream of lines for a watch."""

    code: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    stream: Iterable[bytes | None] | None = None
    warnings: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


def _said(value: Obj, code: int = 200, content_type: str = "application/json") -> Answer:
    return Answer(code, json.dumps(value, separators=(",", ":")).encode(), content_type)


def refusal(error: ApiError) -> Answer:
    """An error as it goes over the wire."""
    if isinstance(error, Bare):
        text = f"{error.message}\n".encode()
        return Answer(error.code, text, "text/plain; charset=utf-8", headers=error.headers)
    answer = _said(error.status(), error.code)
    answer.headers = error.headers
    return answer


class Api:
    """One cluster's API; ``version`` is ``1.36``."""

    def __init__(self, store: Store, version: str) -> None:
        self._store, self._version, self._verbs = store, version, Verbs(store)

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request of somebody who has been let in."""
        path, _, text = target.partition("?")
        query = {key: values[-1] for key, values in urllib.parse.parse_qs(text, keep_blank_values=True).items()}
        parts = [urllib.parse.unquote(part) for part in path.split("/") if part]
        try:
            answer = self._route(method, parts, query, headers, body)
        except ApiError as error:
            answer = refusal(error)
        except Exception as error:  # what a server answers to its own faults, so that clients can say so
            _logger.exception("%s %s failed", method, path)
            answer = refusal(ApiError(500, f"Internal error occurred: {type(error).__name__}: {error}"))
        answer.warnings += self._deprecations(parts)
        return answer

    def _deprecations(self, parts: list[str]) -> Iterator[str]:
        """What is warned of in every answer about a kind, refusals and watches included."""
        with contextlib.suppress(ApiError, IndexError), self._store.lock:
            kind, *_ = self._place(parts)
            if kind.deprecation:
                yield kind.deprecation

    def _route(
        self, method: str, parts: list[str], query: dict[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        head = parts[0] if parts else ""
        if head in ("api", "apis") and len(parts) > (2 if head == "api" else 3):
            return self._resource(method, parts, query, headers, body)
        if head in ("api", "apis"):
            return self._discovery(parts, headers.get("Accept") or "")
        if head == "openapi":
            return self._openapi(parts[1:], headers.get("Accept") or "")
        if head == "version":
            return _said(discovery.version(self._version))
        if head in ("healthz", "livez", "readyz"):
            return Answer(body=b"ok", content_type="text/plain")
        if not head:
            return _said({"paths": ["/api", "/apis", "/openapi/v3", "/version"]})
        raise NoSuchPage()

    # ---- discovery

    def _discovery(self, parts: list[str], accept: str) -> Answer:
        with self._store.lock:
            kinds = self._store.kinds()
        core, rest = parts[0] == "api", parts[1:]
        if not rest:
            if "as=APIGroupDiscoveryList" in accept and "v=v2;" in f"{accept};":
                return _said(discovery.aggregated(kinds, core=core), content_type=_AGGREGATED)
            if core:
                return _said({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
            listed = [discovery.group(name, versions) for name, versions in discovery.groups(kinds).items() if name]
            return _said({"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})
        if not core and len(rest) == 1:
            versions = discovery.groups(kinds).get(rest[0])
            if not versions:
                raise NoSuchPage()
            return _said({"kind": "APIGroup", "apiVersion": "v1", **discovery.group(rest[0], versions)})
        group, version = ("", rest[0]) if core else (rest[0], rest[1])
        found = discovery.resources(kinds, group, version)
        if found is None:
            raise self._store.unserved(group)
        return _said(found)

    def _openapi(self, parts: list[str], accept: str) -> Answer:
        if parts[:1] == ["v3"]:
            with self._store.lock:
                found = discovery.openapi(self._store.kinds(), "/".join(parts[1:]) or None)
            return Answer(404, content_type="") if found is None else _said(found)
        if parts == ["v2"]:
            if "protobuf" in accept:  # clients want protobuf here, and zero bytes are a valid empty document
                return Answer(content_type=_OPENAPI_V2)
            info = {"title": "Kubernetes", "version": "sandbox"}
            return _said({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})
        raise NoSuchPage()

    # ---- resources

    def _resource(
        self, method: str, parts: list[str], query: dict[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        with self._store.lock:
            kind, namespace, rest = self._place(parts)
        accept = headers.get("Accept") or ""
        name, sub = (rest[1] if len(rest) > 1 else None), "/".join(rest[2:])
        if kind.namespaced and namespace is None and (name or method != "GET"):
            raise unknown_path()
        if method == "GET" and query.get("watch") in ("1", "true", "True"):
            if name:
                query["fieldSelector"] = f"metadata.name={name}"
            return Answer(stream=Watch(self._store, kind, namespace, query, table=tables.wanted(accept)))
        content_type = (headers.get("Content-Type") or "application/json").split(";")[0].strip()
        item = bodies.parse(body, content_type) if body and method != "PATCH" else {}
        manager = query.get("fieldManager") or (headers.get("User-Agent") or "unknown").split("/")[0]
        request = Request(method, kind, namespace, name, sub, query, manager, item, body, content_type)
        if sub == "log" and name:
            return self._log(request)
        with self._store.lock:
            return self._answered(request, kind, tables.wanted(accept))

    def _place(self, parts: list[str]) -> tuple[Kind, str | None, list[str]]:
        """(kind, namespace, what comes after) of the path of a resource; raises `ApiError` 404."""
        group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
        namespace = None
        own = len(rest) == 3 and rest[2] in ("status", "finalize")
        if rest[0] == "namespaces" and len(rest) >= 3 and not own:
            namespace, rest = rest[1], rest[2:]
        return self._store.kind(group, version, rest[0]), namespace, rest

    def _log(self, request: Request) -> Answer:
        with self._store.lock:
            log = PodLog(
                self._store.logs, self._store.get(request.kind, request.namespace, str(request.name)), request.query
            )
        if log.follows:
            return Answer(content_type="text/plain", stream=log)
        return Answer(body=log.text(), content_type="text/plain")

    def _answered(self, request: Request, kind: Kind, table: bool) -> Answer:
        code, value, warnings = self._verbs.perform(request)
        if table and request.method == "GET" and not request.sub:
            value = tables.table(kind, value, request.query.get("includeObject") or "Metadata")
        answer = _said(value, code)
        answer.warnings = warnings
        return answer
