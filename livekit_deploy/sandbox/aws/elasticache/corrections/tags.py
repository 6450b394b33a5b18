"""Tags of ElastiCache's resources, by ARN.

Source: ElastiCache API reference, AddTagsToResource.
"""

from __future__ import annotations

from moto.elasticache.models import ElastiCacheBackend

from livekit_deploy.sandbox.aws.elasticache.store import Store
from livekit_deploy.sandbox.aws.elasticache.wire import Asked, Item, refused


class Tags:
    """The operations on tags of one account and region, over its `Store`."""

    def __init__(self, backend: ElastiCacheBackend, store: Store) -> None:
        self._store = store

    def list_tags_for_resource(self, asked: Asked) -> Item:
        return {"TagList": self._tagged(asked)}

    def add_tags_to_resource(self, asked: Asked) -> Item:
        tags = {tag["Key"]: tag["Value"] for tag in (*self._tagged(asked), *asked["Tags"])}
        self._store.tags[asked["ResourceName"]] = [{"Key": key, "Value": value} for key, value in tags.items()]
        return {"TagList": self._store.tags[asked["ResourceName"]]}

    def remove_tags_from_resource(self, asked: Asked) -> Item:
        left = [tag for tag in self._tagged(asked) if tag["Key"] not in asked["TagKeys"]]
        self._store.tags[asked["ResourceName"]] = left
        return {"TagList": left}

    def _tagged(self, asked: Asked) -> list[Item]:
        named = asked["ResourceName"]
        if named not in self._store.tags:
            raise refused("ReplicationGroupNotFoundFault", f"{named} not found.")
        found: list[Item] = self._store.tags[named]
        return found
