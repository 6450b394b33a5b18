"""Parses request bodies: JSON, YAML or protobuf.

Source: Kubernetes API concepts.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from livekit_deploy.sandbox.cluster.api_server import protobuf
from livekit_deploy.sandbox.cluster.objects.errors import ApiError

Obj = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML whose dates stay text, as in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(body: bytes, content_type: str) -> Obj:
    """The object in a body; raises `ApiError` 400 for none, 415 for a kind whose protobuf form is not known here."""
    found = _value(body, content_type)
    if not isinstance(found, dict):
        raise ApiError(400, "the object provided is unrecognized")
    return found


def operations(body: bytes) -> list[Obj]:
    """The operations of a JSON patch; raises `ApiError` 400 when they are none."""
    found = _value(body, "application/json")
    if not isinstance(found, list) or not all(isinstance(one, dict) and {"op", "path"} <= one.keys() for one in found):
        raise ApiError(400, "json: cannot unmarshal the body into Go value of type jsonpatch.Patch")
    return found


def _value(body: bytes, content_type: str) -> Any:
    try:
        if "protobuf" in content_type:
            return protobuf.loads(body)
        if "yaml" not in content_type:
            return json.loads(body)
        if body.lstrip().startswith(b"{"):  # clients send JSON under YAML's name; its own parser is far faster
            return json.loads(body)
        return yaml.load(body, Loader=_Loader)  # a SafeLoader
    except protobuf.UnknownKind as error:
        raise ApiError(
            415, f"the body of the request was in an unknown format - protobuf {error} is not accepted, use JSON"
        ) from error
    except (ValueError, yaml.YAMLError) as error:
        raise ApiError(400, f"couldn't parse request body: {error}") from error
