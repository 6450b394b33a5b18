"""The verbs of the API: get, list, create, update, patch, delete, scale."""

from __future__ import annotations

from dataclasses import dataclass

from livekit_deploy.sandbox.cluster.api_server import bodies
from livekit_deploy.sandbox.cluster.api_server.evictions import evict
from livekit_deploy.sandbox.cluster.api_server.paging import page
from livekit_deploy.sandbox.cluster.api_server.webhooks import admit
from livekit_deploy.sandbox.cluster.objects import apply, patch
from livekit_deploy.sandbox.cluster.objects.copying import copied
from livekit_deploy.sandbox.cluster.objects.defaults import fold_string_data
from livekit_deploy.sandbox.cluster.objects.errors import ApiError, required, unknown_path
from livekit_deploy.sandbox.cluster.objects.fields import check_applied, check_fields
from livekit_deploy.sandbox.cluster.objects.kinds import VERBS, Kind, Obj, untyped
from livekit_deploy.sandbox.cluster.objects.selectors import check_selectors
from livekit_deploy.sandbox.cluster.store.store import Store, now

Result = tuple[int, Obj, list[str]]
#: kinds whose deletion is answered with the object, even when it goes at once
_RETURNED = (
    *("namespaces", "persistentvolumeclaims", "persistentvolumes", "pods", "resourcequotas", "serviceaccounts"),
    *("services", "storageclasses"),
)
_APPLY = ("application/apply-patch+yaml", "application/apply-patch+cbor")
_JSON, _MERGE = "application/json-patch+json", "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"


@dataclass
class Request:
    """One call on a resource type; ``name`` is None for the collection."""

    method: str
    kind: Kind
    namespace: str | None
    name: str | None
    sub: str
    query: dict[str, str]
    manager: str
    item: Obj
    body: bytes
    content_type: str

    @property
    def dry(self) -> bool:
        return self.query.get("dryRun") == "All" or "All" in (self.item.get("dryRun") or [])

    @property
    def validation(self) -> str:
        return self.query.get("fieldValidation") or "Warn"


class Verbs:
    """The verbs over one store; the caller holds its lock."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def perform(self, request: Request) -> Result:
        """(HTTP status, what goes back, warnings); raises `ApiError`."""
        if request.sub and request.sub not in request.kind.subresources and request.sub != "finalize":
            raise unknown_path()
        collection = {"GET": self._list, "POST": self._create, "DELETE": self._delete_all}
        single = {"GET": self._get, "PUT": self._update, "PATCH": self._patch, "DELETE": self._delete}
        verbs = collection if request.name is None else single
        if request.sub == "scale" and request.method != "DELETE":
            return self._scale(request)
        if request.sub == "eviction":
            verbs = {"POST": self._evict}
        if request.method not in verbs or (request.method != "GET" and request.kind.verbs != VERBS):
            raise ApiError(405, "the server does not allow this method on the requested resource")
        return verbs[request.method](request)

    def _shown(self, kind: Kind, item: Obj) -> Obj:
        return {**item, "apiVersion": kind.api_version}

    def _listed(self, kind: Kind, items: list[Obj], more: Obj | None = None) -> Obj:
        """Items of a typed list do not say what they are; custom objects are kept, and shown, whole.

        Source: Kubernetes API concepts, "Collections".
        """
        return {
            "kind": f"{kind.kind}List",
            "apiVersion": kind.api_version,
            "metadata": {"resourceVersion": str(self._store.version), **(more or {})},
            "items": [self._shown(kind, item) if kind.custom else untyped(item) for item in items],
        }

    # ---- collections

    def _selected(self, request: Request) -> list[Obj]:
        selectors = request.query.get("labelSelector"), request.query.get("fieldSelector")
        check_selectors(request.kind, *selectors)
        return self._store.select(request.kind, request.namespace, *selectors)

    def _list(self, request: Request) -> Result:
        items, more = page(self._selected(request), request.query, self._store.version)
        return 200, self._listed(request.kind, items, more), []

    def _create(self, request: Request) -> Result:
        warnings = check_fields(request.kind, request.item, request.validation)
        request.item.setdefault("metadata", {}).setdefault("namespace", request.namespace)
        admit(self._store, request.kind, "CREATE", request.item)
        made = self._store.create(request.kind, request.namespace, request.item, request.manager, dry=request.dry)
        return 201, self._shown(request.kind, made), warnings

    def _delete_all(self, request: Request) -> Result:
        items = self._selected(request)
        for item in items:
            admit(self._store, request.kind, "DELETE", item)
            self._store.delete(request.kind, item, _deletion(request), dry=request.dry)
        return 200, self._listed(request.kind, items), []

    # ---- single objects

    def _current(self, request: Request) -> Obj:
        return self._store.get(request.kind, request.namespace, str(request.name))

    def _get(self, request: Request) -> Result:
        return 200, self._shown(request.kind, self._current(request)), []

    def _update(self, request: Request) -> Result:
        old, new = self._current(request), request.item
        if request.sub == "finalize":
            new = {**copied(old), "spec": request.item.get("spec") or {}}
            return 200, self._store.replace(request.kind, old, new, request.manager, dry=request.dry), []
        _check_name(request, new)
        warnings = check_fields(request.kind, new, request.validation)
        return 200, self._stored(request, old, new, request.manager), warnings

    def _stored(self, request: Request, old: Obj, new: Obj, manager: str | None) -> Obj:
        if request.sub != "status":
            admit(self._store, request.kind, "UPDATE", {**new, "metadata": {**old["metadata"], **new["metadata"]}})
        made = self._store.replace(request.kind, old, new, manager, request.sub, dry=request.dry)
        return self._shown(request.kind, made)

    def _delete(self, request: Request) -> Result:
        current = self._current(request)
        admit(self._store, request.kind, "DELETE", current)
        item, gone = self._store.delete(request.kind, current, _deletion(request), dry=request.dry)
        if not gone or request.kind.plural in _RETURNED:
            return 200, self._shown(request.kind, item), []
        kind, uid = request.kind, item["metadata"]["uid"]
        group = {"group": kind.group} if kind.group else {}
        details = {"name": request.name, **group, "kind": kind.plural, "uid": uid}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return 200, status, []

    def _evict(self, request: Request) -> Result:
        pod = self._current(request)
        return 201, evict(self._store, request.kind, pod, request.item, dry=request.dry), []

    # ---- patches

    def _patch(self, request: Request) -> Result:
        if request.content_type in _APPLY:
            return self._apply(request)
        old = self._current(request)
        base = copied(self._shown(request.kind, old))
        try:
            new = self._patched(request, base)
        except patch.PatchError as error:
            raise ApiError(422, "the server rejected our request due to an error in our request") from error
        new["apiVersion"] = old["apiVersion"]
        warnings = check_fields(request.kind, new, request.validation)
        return 200, self._stored(request, old, new, request.manager), warnings

    def _patched(self, request: Request, base: Obj) -> Obj:
        accepted = [_JSON, _MERGE, *([] if request.kind.custom else [_STRATEGIC])]
        if request.content_type not in accepted:
            raise ApiError(
                415,
                "the body of the request was in an unknown format - accepted media types include: "
                + ", ".join([*accepted, _APPLY[0]]),
            )
        found: Obj
        if request.content_type == _JSON:
            found = patch.json_patch(base, bodies.operations(request.body))
        elif request.content_type == _MERGE:
            found = patch.merge_patch(base, bodies.parse(request.body, _JSON))
        else:
            found = patch.strategic_merge(base, bodies.parse(request.body, _JSON))
        return found

    def _apply(self, request: Request) -> Result:
        if not request.query.get("fieldManager"):
            raise required("PatchOptions.meta.k8s.io", "", "fieldManager", "is required for apply patch")
        wanted = bodies.parse(request.body, request.content_type)
        if not wanted.get("kind") or not wanted.get("apiVersion"):
            raise ApiError(400, f"invalid object type: /, Kind={wanted.get('kind') or ''}")
        metadata = wanted.setdefault("metadata", {})
        metadata.setdefault("name", request.name)
        metadata.pop("creationTimestamp", None)
        if metadata.get("managedFields"):
            raise ApiError(400, "metadata.managedFields must be nil")
        _check_name(request, wanted)
        check_applied(request.kind, wanted)
        if request.kind.plural == "secrets":
            fold_string_data(wanted)
        old = self._store.find(request.kind, request.namespace, str(request.name))
        force = request.query.get("force") == "true"
        new, conflicts = apply.server_side_apply(copied(old), wanted, request.manager, force, now(), request.sub)
        if conflicts:
            raise _conflict(request.kind, conflicts)
        if old is not None:
            return 200, self._stored(request, old, new, None), []
        if request.sub:
            self._current(request)
        new["metadata"].setdefault("namespace", request.namespace)
        admit(self._store, request.kind, "CREATE", new)
        made = self._store.create(request.kind, request.namespace, new, request.manager, dry=request.dry, track=False)
        return 201, self._shown(request.kind, made), []

    # ---- scale

    def _scale(self, request: Request) -> Result:
        current = self._current(request)
        wanted = request.item
        if request.method == "GET":
            return 200, _scaled(current), []
        if request.method == "PATCH":
            wanted = patch.merge_patch(_scaled(current), bodies.parse(request.body, _JSON))
        new = copied(current)
        new["metadata"].pop("resourceVersion", None)
        new["spec"]["replicas"] = int(wanted["spec"].get("replicas", 0))
        return 200, _scaled(self._store.replace(request.kind, current, new, request.manager, dry=request.dry)), []


def _check_name(request: Request, item: Obj) -> None:
    name = (item.get("metadata") or {}).get("name")
    if name and name != request.name:
        said = f"the name of the object ({name}) does not match the name on the URL ({request.name})"
        raise ApiError(400, said)


def _deletion(request: Request) -> Obj:
    """What a deletion asks for: in its body or, where there is none, in its query."""
    if request.body:
        return request.item
    options: Obj = {key: request.query[key] for key in ("propagationPolicy",) if key in request.query}
    grace = request.query.get("gracePeriodSeconds")
    return options | ({"gracePeriodSeconds": int(grace)} if grace is not None else {})


def _scaled(item: Obj) -> Obj:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = (item["spec"].get("selector") or {}).get("matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: item["metadata"][key] for key in kept},
        "spec": {"replicas": item["spec"].get("replicas", 0)},
        "status": {
            "replicas": (item.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
        },
    }


def _conflict(kind: Kind, conflicts: dict[apply.Manager, list[apply.Path]]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}"' + ("" if operation == "Apply" else f" using {kind.api_version}"),
            "field": apply.show(path),
        }
        for (manager, operation, _), taken in conflicts.items()
        for path in sorted(taken)
    ]
    said = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    many = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    return ApiError(409, f"Apply failed with {many}: {said}", "Conflict", causes=causes)
