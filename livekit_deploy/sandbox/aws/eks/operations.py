"""Replaces moto's EKS with ours: routes, operations, tags, client request tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

import moto.eks.urls
from moto.core.responses import ActionResult, EmptyResult
from moto.eks.responses import EKSResponse

from livekit_deploy.sandbox.aws.eks.additions.access import Access
from livekit_deploy.sandbox.aws.eks.additions.addons import Addons
from livekit_deploy.sandbox.aws.eks.corrections.clusters import Clusters
from livekit_deploy.sandbox.aws.eks.corrections.node_groups import NodeGroups
from livekit_deploy.sandbox.aws.eks.errors import absent
from livekit_deploy.sandbox.aws.eks.store import Item, lock, store
from livekit_deploy.sandbox.aws.every_service.patching import operations_of
from livekit_deploy.sandbox.clock import clock

_ROUTES = (
    "/clusters/(?P<name>[^/]+)/updates$",
    "/clusters/(?P<name>[^/]+)/updates/(?P<updateId>[^/]+)$",
    "/clusters/(?P<name>[^/]+)/encryption-config/associate$",
    "/clusters/(?P<name>[^/]+)/node-groups/(?P<nodegroupName>[^/]+)/update-version$",
    "/clusters/(?P<name>[^/]+)/addons$",
    "/clusters/(?P<name>[^/]+)/addons/(?P<addonName>[^/]+)$",
    "/clusters/(?P<name>[^/]+)/addons/(?P<addonName>[^/]+)/update$",
    "/addons/supported-versions$",
    "/cluster-versions$",
    "/clusters/(?P<name>[^/]+)/access-entries$",
    "/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>[^/]+)$",
    "/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>[^/]+)/access-policies$",
    "/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>[^/]+)/access-policies/(?P<policyArn>[^/]+)$",
)
#: what answers the operations, in methods of their names
OWNERS = (Clusters, NodeGroups, Addons, Access)


def install() -> None:
    """Replace moto's EKS."""
    for route in _ROUTES:
        moto.eks.urls.url_paths["{0}" + route] = EKSResponse.dispatch
    for owner in OWNERS:
        for name in operations_of(owner):
            setattr(EKSResponse, name, _operation(owner, name))
    for name, function in {
        "tag_resource": _tag,
        "untag_resource": _untag,
        "list_tags_for_resource": _tags,
    }.items():
        setattr(EKSResponse, name, function)


def _operation(owner: Any, name: str) -> Callable[[Any], Any]:
    def answer(response: EKSResponse) -> ActionResult:
        asked = _asked(response)
        with lock:
            answers = store(response.eks_backend).answers
            token = (name, str(asked.get("clientRequestToken")))
            if asked.get("clientRequestToken") and token in answers:
                return ActionResult(answers[token])
            made = getattr(owner(response.eks_backend, clock()), name)(asked)
            if asked.get("clientRequestToken"):
                answers[token] = made
            return ActionResult(made)

    return answer


def _asked(response: EKSResponse) -> Item:
    """Everything that was asked: what is in the path, in the query and in the body."""
    body = response.body
    found: Item = json.loads(body) if body else {}
    found |= {key: value for key, value in parse_qsl(response.uri.partition("?")[2])}
    return found | {key: unquote(value) for key, value in response.uri_match.items() if value is not None}


def _tagged(response: EKSResponse) -> dict[str, str]:
    """The tags of the thing that an ARN names."""
    arn = response._extract_arn_from_path()
    for entry in store(response.eks_backend).clusters.values():
        things: list[Item] = [entry.wire, *entry.access.values()]
        things += [thing.wire for thing in (*entry.groups.values(), *entry.addons.values())]
        for wire in things:
            if arn in (wire.get("arn"), wire.get("nodegroupArn"), wire.get("addonArn"), wire.get("accessEntryArn")):
                found: dict[str, str] = wire["tags"]
                return found
    raise absent(f"No resource found for ARN: {arn}")


def _tag(response: EKSResponse) -> EmptyResult:
    _tagged(response).update(_asked(response)["tags"])
    return EmptyResult()


def _untag(response: EKSResponse) -> EmptyResult:
    tags = _tagged(response)
    for key in response.querystring.get("tagKeys", []):
        tags.pop(key, None)
    return EmptyResult()


def _tags(response: EKSResponse) -> ActionResult:
    return ActionResult({"tags": _tagged(response)})
