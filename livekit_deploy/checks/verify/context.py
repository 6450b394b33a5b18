"""What the verify checks get: one environment at one moment, through AWS, the cluster's API and the Internet."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import jwt

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.secret_values import held
from livekit_deploy.checks.reach import Answer, Reach
from livekit_deploy.config import Environment
from livekit_deploy.k8s.access.client import Api, Obj, api_of
from livekit_deploy.provisioners.addresses import API_KEYS
from livekit_deploy.state.document import Record

_TOKEN_SECONDS = 60


class VerifyContext:
    """One look: everything is read once, whichever checks ask for it."""

    def __init__(self, env: Environment, cloud: Cloud, records: Mapping[str, Record], reach: Reach) -> None:
        self.env, self.cloud, self.records, self.reach = env, cloud.remembering(), records, reach
        self._unremembered = cloud

    def outputs(self, address: str) -> Mapping[str, Any]:
        """What the resource at an address gave when it was made."""
        return self.records[address].outputs

    @cached_property
    def api(self) -> Api:
        """The cluster's API."""
        return api_of(self.cloud)

    @cached_property
    def nodes(self) -> list[Obj]:
        """The cluster's nodes."""
        return self.api.list("/api/v1/nodes")

    @cached_property
    def rooms(self) -> Answer:
        """What LiveKit answers to ListRooms, asked with a token of the key in Secrets Manager.

        Source: LiveKit documentation, "Server APIs" and "Authentication".
        """
        path = "/twirp/livekit.RoomService/ListRooms"
        return self.reach.ask("POST", self.env.livekit.domain, path, token=self._token(), body=b"{}")

    def _token(self) -> str:
        # read afresh and kept nowhere: the present version, whatever the pods were given
        keys = held(self._unremembered.secretsmanager, self.outputs(API_KEYS)["arn"])
        now = int(time.time())
        claims = {"iss": keys.of("api_key"), "nbf": now - 5, "exp": now + _TOKEN_SECONDS, "video": {"roomList": True}}
        return jwt.encode(claims, keys.of("api_secret"), algorithm="HS256")
