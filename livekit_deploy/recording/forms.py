"""The forms of texts (ARNs, addresses, hosts, ids). A placeholder keeps the form of the text that it replaces."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import botocore.session

from livekit_deploy.recording.names import Names

#: keys of tags that this program, EKS and the load balancer controller use in every account
TAG_KEYS = frozenset(
    {
        *(f"livekit-deploy:{part}" for part in ("project", "env", "lineage", "address")),
        *(f"kubernetes.io/role/{part}" for part in ("elb", "internal-elb")),
        *("Name", "GuardDutyManaged", "elbv2.k8s.aws/cluster", "cluster.k8s.amazonaws.com/name"),
        *("eks:cluster-name", "eks:nodegroup-name", "aws:eks:cluster-name"),
    }
)
#: names that AWS gave, and that no field's documentation names
_FIXED = frozenset(
    {
        *("redis", "valkey", "bytes", "traffic-port", "STANDARD", "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"),
        *("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "metrics-server", "aws-ebs-csi-driver"),
    }
)
#: kinds of objects in ARNs, and what stands before a name in other texts
_ARN_WORDS = re.compile(
    r"access-?[eE]ntry|aws|eks|addon|app|net|(assumed-|aws-service-)?role|alias|certificate|cluster|elastic-ip|hostedzone"
    r"|instance(-profile)?|internet-gateway|key|launch-template|listener(-rule)?|loadbalancer|log-(group|stream)"
    r"|natgateway|network-interface|nodegroup|oidc-provider|parametergroup|policy|replicationgroup|root|route-table"
    r"|secret|security-group(-rule)?|snapshot|subnet(group)?|targetgroup|user|volume|vpc(-endpoint|-flow-log)?"
)
_ARN = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:\w*:[^\s'\",;)]+")
_OF_AWS = re.compile(r"arn:[\w-]+:(iam|eks)::aws:[\w/.-]+")
_PREFIXES = ("tag:", "kubernetes.io/cluster/", "alias/")
_NETWORK = re.compile(r"\d{1,3}(\.\d{1,3}){3}(/\d{1,2})?|[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(/\d{1,3})?")
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", re.I)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_REGION = re.compile(r"([a-z]{2,4}(?:-[a-z]+)+-\d)([a-z]?)")
_ENDPOINT = re.compile(r"com\.amazonaws\.([a-z0-9-]+)\.([a-z0-9.-]+)")
_PRINCIPAL = re.compile(r"([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_OF_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".acm-validations.aws")
_HOST = re.compile(r"(\*\.)?([\w-]+\.)+[\w-]+\.?")
_ID = re.compile(r"[a-z]+(-[a-z]+)*-[0-9a-f]{8,17}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-fA-F]{32,64}")
_VERSION = re.compile(r"v?\d{1,5}(\.\d{1,5}){0,2}(-\d{8}|-eksbuild\.\d+)?|eks\.\d+|\$Latest|\$Default")
_TYPE = re.compile(r"(cache\.)?[a-z][a-z0-9-]*\.[a-z0-9-]+")
_ACTION, _QUOTA = re.compile(r"[a-z0-9-]+:[A-Z]\w+"), re.compile(r"L-[0-9A-F]{8}")
#: fields whose texts are AWS's own when they have the form
_BY_FIELD: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (re.compile(r"version$", re.I), _VERSION),
    (re.compile(r"(instance|cache_?node|node)[-_]?types?$", re.I), _TYPE),
    (re.compile(r"actionnames?$", re.I), _ACTION),
    (re.compile(r"quotacode$", re.I), _QUOTA),
    (re.compile(r"arn$", re.I), _OF_AWS),
)


@functools.cache
def _services() -> frozenset[str]:
    """What AWS calls its services in names: of endpoints, of principals, in ARNs."""
    session = botocore.session.get_session()
    more = {"ec2", "elasticloadbalancing", "servicequotas", "vpc", "aps", "s3-global", "spot", "tagging"}
    return frozenset({*session.get_available_services(), *more})


class Forms:
    """``own`` gets every text that was taken for somebody's name."""

    def __init__(self, names: Names, own: set[str]) -> None:
        self._names, self._own = names, own
        #: the first that knows the form says what becomes of it
        self._known: tuple[Callable[[str], str | None], ...] = (
            self._arn,
            self._prefixed,
            self._network,
            self._zone,
            self._amazon,
            self._single,
            self._host,
        )

    def replaced(self, text: str, field: str = "") -> str:
        """The placeholder of a text; the text itself where it is AWS's own by its form in this ``field``."""
        if text in TAG_KEYS or text in ("", "*") or (field and text in _FIXED):
            return text
        if any(name.search(field) and form.fullmatch(text) for name, form in _BY_FIELD):
            return text
        if field.lower() == "servicecode" and text in _services():
            return text
        for form in self._known:
            if (found := form(text)) is not None:
                return found
        if len(text) > 128 or re.search(r"\s", text):
            return self._names.of("text", text)
        self._own.add(text)
        if "/" in text:  # a path: a name may come again as part of another one
            return "/".join(self._part(part) for part in text.split("/"))
        return self._names.of("name", text)

    def within(self, sentence: str) -> str:
        """The sentence with its ARNs replaced."""
        return _ARN.sub(lambda found: self.replaced(found[0].rstrip(".")), sentence)

    def _arn(self, text: str) -> str | None:
        if not _ARN.fullmatch(text):
            return None
        _, partition, service, region, account, rest = text.split(":", 5)
        kept = service if service in _services() else self._names.of("name", service)
        where = self.replaced(region) if region else ""
        whose = account if account in ("", "aws") else self._names.of("account", account)
        parts = "".join(part if part in "/:" else self._part(part) for part in re.split(r"([/:])", rest))
        return f"arn:{partition if partition.startswith('aws') else 'other'}:{kept}:{where}:{whose}:{parts}"

    def _part(self, part: str) -> str:
        return part if _ARN_WORDS.fullmatch(part) else self.replaced(part)

    def _prefixed(self, text: str) -> str | None:
        for prefix in _PREFIXES:
            if text.startswith(prefix):
                return prefix + self.replaced(text.removeprefix(prefix))
        return None

    def _network(self, text: str) -> str | None:
        if _MAC.fullmatch(text):
            return self._names.of("mac", text)
        if not _NETWORK.fullmatch(text):
            return None
        try:
            return self._names.network(text)
        except ValueError:
            return None

    def _zone(self, text: str) -> str | None:
        found = _REGION.fullmatch(text)
        return self._names.of("region", found[1]) + found[2] if found else None

    def _amazon(self, text: str) -> str | None:
        """Names of services: of an endpoint in a VPC, of a principal."""
        if (found := _ENDPOINT.fullmatch(text)) and found[2] in _services():
            return f"com.amazonaws.{self.replaced(found[1])}.{found[2]}"
        return text if (found := _PRINCIPAL.fullmatch(text)) and found[1] in _services() else None

    def _single(self, text: str) -> str | None:
        for kind, form in (("account", re.compile(r"\d{12}")), ("email", _EMAIL), ("id", _ID)):
            if form.fullmatch(text):
                return self._names.of(kind, text)
        if text.startswith("-----BEGIN"):
            return self._names.of("certificate", text)
        return self._names.of("url", text) if re.match(r"[a-z]+://", text) else None

    def _host(self, text: str) -> str | None:
        """Label by label, so that it shows what lies within what."""
        if not _HOST.fullmatch(text):
            return None
        self._own.add(text)
        end = next((one for one in _OF_AMAZON if text.rstrip(".").endswith(one)), "")
        dot = "." if text.endswith(".") else ""
        labels = text.rstrip(".").removesuffix(end).split(".")
        self._own.update(labels)
        return ".".join(one if one == "*" else self._names.of("label", one) for one in labels) + end + dot
