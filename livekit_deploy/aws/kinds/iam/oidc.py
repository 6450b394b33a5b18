"""The IAM OIDC provider that lets pods of the cluster take on roles (IRSA).

It is not deleted with the cluster and its URL cannot be registered twice. A new cluster has a new issuer, so the issuer
is part of the name: the provider of the new cluster is made first, that of the old one deleted last. No thumbprint is
given: IAM does not use one for endpoints that are signed by a public authority (IAM user guide).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from livekit_deploy.aws.access.cloud import Cloud
from livekit_deploy.aws.access.tags import ADDRESS, mapping, pairs
from livekit_deploy.aws.kinds.named import there
from livekit_deploy.engine.inputs import Change, Input, Output, Unresolved
from livekit_deploy.engine.live import made_at
from livekit_deploy.engine.resource import Found, Live, Resource, Status

AUDIENCE = "sts.amazonaws.com"


class OidcProvider(Resource):
    """IAM's record of a cluster's issuer. ``issuer`` is its URL with ``https://``.

    The output ``issuer`` is without it, as trust policies want it. Source: IAM API reference,
    CreateOpenIDConnectProvider; EKS user guide, IAM roles for service accounts.
    """

    kind = "iam.oidc_provider"
    exports = {"arn": "oidc.arn"}
    # IAM asks the cluster's own issuer, which answers a moment after the cluster is there
    propagation = {"OpenIdIdpCommunicationError": ()}

    # IAM tells it without the scheme
    url: Input[str] = Input(
        api="Url", from_api=lambda url: f"https://{url.removeprefix('https://')}", change=Change.IMMUTABLE
    )

    arn = Output[str]()
    issuer = Output[str]()

    def read(self, cloud: Cloud, id: str | None) -> Live | None:
        if id is not None and (found := _provider(cloud, id)) is not None:
            return found[1]
        matching = [item.live for item in self.scan(cloud, None) if item.address == self.address]
        return matching[0] if matching else self._of_issuer(cloud)

    def _of_issuer(self, cloud: Cloud) -> Live | None:
        """The one of the cluster's issuer: an account has one, which somebody else may have made. Raises `NotOurs`."""
        try:
            issuer = self.url.removeprefix("https://")
        except Unresolved:
            return None
        who = cloud.identity
        found = _provider(cloud, f"arn:{who.partition}:iam::{who.account}:oidc-provider/{issuer}")
        if found is None:
            return None
        cloud.ownership.claim(found[0], self.address, f"the OIDC provider of {issuer}")
        return found[1]

    def create(self, cloud: Cloud, token: str) -> str:
        tags = pairs(cloud.ownership.tags(self.address, cloud.name(self.instance)))
        said = cloud.iam.create_open_id_connect_provider(ClientIDList=[AUDIENCE], Tags=tags, **self.arguments())
        return str(said["OpenIDConnectProviderArn"])

    def put_own_tags(self, cloud: Cloud, live: Live, tags: Mapping[str, str]) -> None:
        cloud.iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=live.id, Tags=pairs(tags))

    def delete(self, cloud: Cloud, live: Live) -> None:
        cloud.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=live.id)

    @classmethod
    def scan(cls, cloud: Cloud, host: Live | None) -> Iterable[Found]:
        if cloud.ownership.lineage is None:
            return
        listed = cloud.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        # each has to be asked for its tags, so only those of this region's clusters are
        for arn in sorted(item["Arn"] for item in listed if f".{cloud.region}." in item["Arn"]):
            found = _provider(cloud, arn)
            if found is not None and cloud.ownership.ours(found[0]):
                yield Found(found[0].get(ADDRESS, ""), found[1])


def _provider(cloud: Cloud, arn: str) -> tuple[Mapping[str, str], Live] | None:
    said = there(lambda: cloud.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn))
    if said is None:
        return None
    props, tags = OidcProvider.props_of(said), mapping(said.get("Tags", []))
    outputs = {"arn": arn, "issuer": props["url"].removeprefix("https://")}
    return tags, Live(arn, Status.READY, props, outputs, tags=tags, made=made_at(said, "CreateDate"))
