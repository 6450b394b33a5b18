"""All permissions that one call needs: its own action on each object, and its dependent actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from livekit_deploy.sandbox.rights import reference
from livekit_deploy.sandbox.rights.inside import inner, key_policy
from livekit_deploy.sandbox.rights.objects import Asking, Object, named, plain

#: IAM asks for no right to these, or asks somebody else: the trust policy of the role that is taken on
_FREE = {"sts:GetCallerIdentity", "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"}


@dataclass(frozen=True)
class Request:
    """May ``action`` be done to ``resource``; ``context`` holds the condition keys that AWS offers for it.

    ``policy`` is that of the KMS key, "" for all others; ``inside`` whether it is asked for inside of the call.
    """

    action: str
    resource: str
    context: Mapping[str, list[str]] = field(default_factory=dict)
    policy: str = ""
    inside: bool = False


def requests(call: Asking) -> Iterator[Request]:
    """Every request of a call, its own first."""
    if call.action in _FREE:
        return
    things = named(call)
    for thing in things or [Object("", "*")]:
        tags = _tags(call, thing.kind)
        said = {key: values for keys in _KEYS for key, values in keys(call).items()}
        policy = key_policy(call, thing, {}) if thing.kind == "key" else ""
        yield Request(call.action, thing.arn, _context(call, call.action, thing, said, tags), policy)
    for one in inner(call):
        policy = key_policy(call, one.thing, one.said) if one.thing.kind == "key" else ""
        context = _context(call, one.action, one.thing, one.said, one.tags)
        yield Request(one.action, one.thing.arn, context, policy, inside=True)


def _context(
    call: Asking, action: str, thing: Object, said: Mapping[str, list[str]], tags: Mapping[str, str]
) -> dict[str, list[str]]:
    service = action.partition(":")[0]
    found: dict[str, list[str]] = {"aws:RequestedRegion": [call.region], "aws:PrincipalArn": [call.principal]}
    found |= {f"aws:RequestTag/{key}": [value] for key, value in tags.items()}
    found |= {"aws:TagKeys": list(tags)} if tags else {}
    for prefix in ("aws", service):
        found |= {f"{prefix}:ResourceTag/{key}": [value] for key, value in thing.tags.items()}
    return reference.offered(action, thing.kind, {**found, **said})


def _tags(call: Asking, kind: str) -> dict[str, str]:
    """The tags that a call gives to an object of this type."""
    if call.service == "ec2" and call.operation != "CreateTags":
        specs = call.parameters.get("TagSpecifications") or []
        return next((plain(spec.get("Tags")) for spec in specs if spec["ResourceType"] == kind), {})
    return plain(call.parameters.get("Tags") or call.parameters.get("tags"))


# ---- keys of one service


def _iam(call: Asking) -> dict[str, list[str]]:
    names = {"PermissionsBoundary": "iam:PermissionsBoundary", "PolicyArn": "iam:PolicyARN"}
    return {key: [call.get(name)] for name, key in names.items() if call.service == "iam" and call.get(name)}


def _acm(call: Asking) -> dict[str, list[str]]:
    if call.action != "acm:RequestCertificate":
        return {}
    names = [call.get("DomainName"), *call.parameters.get("SubjectAlternativeNames", [])]
    return {"acm:DomainNames": names}


def _route53(call: Asking) -> dict[str, list[str]]:
    changes = (call.parameters.get("ChangeBatch") or {}).get("Changes") or []
    names = [str(one["ResourceRecordSet"]["Name"]).rstrip(".").lower() for one in changes]
    return {"route53:ChangeResourceRecordSetsNormalizedRecordNames": names} if names else {}


def _s3(call: Asking) -> dict[str, list[str]]:
    return {"s3:ResourceAccount": [call.account]} if call.service == "s3" else {}


_KEYS: tuple[Callable[[Asking], dict[str, list[str]]], ...] = (_iam, _acm, _route53, _s3)
