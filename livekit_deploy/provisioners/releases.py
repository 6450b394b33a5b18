"""The releases in the cluster: the load balancer controller, and LiveKit with its namespace and Secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from livekit_deploy.aws.kinds.eks.node_groups import GROUP_LABEL
from livekit_deploy.aws.kinds.iam.roles import Role
from livekit_deploy.config import LiveKit, LoadBalancerController
from livekit_deploy.config.charts import CONTROLLER, LIVEKIT_SERVER, Chart
from livekit_deploy.engine.inputs import Ref, SecretRef
from livekit_deploy.engine.resource import Resource
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace, Secret
from livekit_deploy.provisioners.addresses import LIVEKIT
from livekit_deploy.provisioners.cluster import ClusterProvisioner
from livekit_deploy.provisioners.dns import CertificateProvisioner
from livekit_deploy.provisioners.livekit_values import bundled_values, official_values
from livekit_deploy.provisioners.network import NetworkProvisioner
from livekit_deploy.provisioners.nodes import NodesProvisioner
from livekit_deploy.provisioners.redis import RedisProvisioner
from livekit_deploy.provisioners.secrets import SecretsProvisioner

#: a pod is Ready when its load balancers find it healthy, so that a roll does not continue before
#: (AWS Load Balancer Controller, "Pod readiness gate"; with targets of type ip, as both charts have them)
_GATED = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}


def _declared(chart: Chart) -> dict[str, Any]:
    """What a release has from its chart's declaration, and from what the environment file chooses."""
    spec = chart.spec
    return {
        "name": spec.release,
        "namespace": spec.namespace,
        "chart": chart.name,
        "repo": chart.repo,
        "version": chart.version,
        "digest": chart.digest,
        "endpoints": spec.endpoints,
        "stage": spec.stage,
    }


class LoadBalancerControllerProvisioner:
    """The AWS Load Balancer Controller's ``release``: ready when its webhook has endpoints."""

    def __init__(
        self,
        config: LoadBalancerController,
        *,
        region: str,
        tags: Mapping[str, str],
        cluster: ClusterProvisioner,
        network: NetworkProvisioner,
        nodes: NodesProvisioner,
        role: Role,
    ) -> None:
        chart = config.installed
        values: dict[str, Any] = {
            "clusterName": cluster.cluster.cluster_name,
            "region": region,
            "vpcId": network.vpc.id,
            "replicaCount": config.replicas,
            "serviceAccount": {
                "create": True,
                "name": chart.name,
                "annotations": {"eks.amazonaws.com/role-arn": role.arn},
            },
            # a new certificate at each upgrade would leave the webhook refused until all pods have it
            "keepTLSSecret": True,
            # until its pods are ready, and whenever they are not, the add-ons and other charts can make Services;
            # what we make names its class itself and does not need them changed
            "serviceMutatorWebhookConfig": {"failurePolicy": "Ignore"},
            **_spread(),
            # the environment's own, on all that it makes; its tags are what the barriers know that by
            "defaultTags": dict(tags),
        }
        self.release = HelmRelease(
            **_declared(chart),
            values=values,
            lives_in=cluster.cluster,
            # installed as soon as the API answers; its pods wait for nodes, and are gone before these go
            after=[*cluster.access, role],
            runtime_depends_on=nodes.groups,
            works_with=cluster.later_named("coredns"),
        )

    @property
    def resources(self) -> list[Resource]:
        return [self.release]


def _spread() -> dict[str, Any]:
    """Values that keep its webhook answering while nodes are replaced: one pod after the other goes, no two stand on
    one open node of several, and nodes that carry no calls, which seldom change, come first.

    A new revision is spread by itself: its pods need not wait until those of the old one have left their nodes.
    Source: Kubernetes, "Pod Topology Spread Constraints" and "Specifying a Disruption Budget".
    """
    labels = {"app.kubernetes.io/name": CONTROLLER.name, "app.kubernetes.io/instance": CONTROLLER.release}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": labels},
        "matchLabelKeys": ["pod-template-hash"],
    }
    system = {"key": GROUP_LABEL, "operator": "In", "values": ["system"]}
    preferred = [{"weight": 100, "preference": {"matchExpressions": [system]}}]
    return {
        "podDisruptionBudget": {"maxUnavailable": 1},
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}},
        "topologySpreadConstraints": [spread],
    }


class LiveKitProvisioner:
    """LiveKit: ``namespace``, ``secrets`` and ``release``.

    ``after`` is what must be in place before anything may ask for a load balancer.
    """

    def __init__(
        self,
        livekit: LiveKit,
        *,
        cluster: ClusterProvisioner,
        nodes: NodesProvisioner,
        redis: RedisProvisioner,
        secrets: SecretsProvisioner,
        certificate: CertificateProvisioner,
        after: list[Resource],
    ) -> None:
        stage = LIVEKIT_SERVER.stage
        host = cluster.cluster
        self.namespace = Namespace(LIVEKIT, labels=_GATED, lives_in=host, after=cluster.access, stage=stage)
        keys: dict[str, Ref[SecretRef]] = {"keys": secrets.api_keys.keys}
        if livekit.webhook_urls:
            keys["api-key"] = secrets.api_keys.api_key
        versions: dict[str, Ref[str]] = {"api-keys": secrets.api_keys.version}
        self.secrets = [self._secret("livekit-api-keys", keys, host, stage)]
        if secrets.redis_token is not None:
            self.secrets.append(self._secret("livekit-redis", {"password": secrets.redis_token.value}, host, stage))
            versions["redis"] = secrets.redis_token.version
        own = livekit.chart == "bundled"
        values = bundled_values if own else official_values
        self.release = HelmRelease(
            **_declared(livekit.installed),
            values=values(livekit, redis=redis, certificate=certificate.arn, versions=versions),
            lives_in=host,
            after=[self.namespace, *self.secrets, *nodes.groups, *after],
            works_with=cluster.later_named("coredns", *(["metrics-server"] if livekit.autoscaling else [])),
        )
        name = LIVEKIT if own else f"{LIVEKIT}-{LIVEKIT_SERVER.name}"
        #: namespace/name of what asks for load balancers
        self.ingress, self.turn_service = f"{LIVEKIT}/{name}", f"{LIVEKIT}/{name}-turn"

    def _secret(self, name: str, values: dict[str, Ref[SecretRef]], host: Resource, stage: str) -> Secret:
        return Secret(name, namespace=LIVEKIT, values=values, lives_in=host, after=[self.namespace], stage=stage)

    @property
    def resources(self) -> list[Resource]:
        return [self.namespace, *self.secrets, self.release]
