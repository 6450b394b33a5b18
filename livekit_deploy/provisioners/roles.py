"""The IAM roles of an environment: one for each job, with no more than that job needs.

The documents are in ``manifests/iam``: ``<job>-trust.json`` says who may take on a role, ``<job>.json`` what it may do
beyond AWS's own policies.
"""

from __future__ import annotations

from collections.abc import Sequence

from livekit_deploy.aws.kinds.iam.oidc import OidcProvider
from livekit_deploy.aws.kinds.iam.roles import Policy, Role
from livekit_deploy.base import shipped_files
from livekit_deploy.config import Iam
from livekit_deploy.config.charts import ChartSpec
from livekit_deploy.engine.resource import Resource

CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")


class RolesProvisioner:
    """The roles that the control plane (``cluster``) and the nodes (``node``) take on."""

    def __init__(self, iam: Iam) -> None:
        self.cluster = self._role(iam, "cluster", CLUSTER_POLICIES)
        self.node = self._role(iam, "node", NODE_POLICIES)

    @staticmethod
    def _role(iam: Iam, name: str, managed: Sequence[str]) -> Role:
        trust = shipped_files.document(f"iam/{name}-trust.json")
        return Role(name, trust=trust, managed=managed, boundary=iam.permissions_boundary, path=iam.path)

    @property
    def resources(self) -> list[Resource]:
        return [self.cluster, self.node]


class ChartRoleProvisioner:
    """The policy and the role of a chart's pods, for their service account in the cluster of ``oidc``."""

    def __init__(self, spec: ChartSpec, iam: Iam, *, oidc: OidcProvider) -> None:
        assert spec.role is not None  # a chart without one has nothing to ask of AWS
        self.policy = Policy(
            spec.role, document=shipped_files.document(f"iam/{spec.role}.json"), path=iam.path, stage=spec.stage
        )
        account = f"{spec.namespace}:{spec.name}"  # as trust policies want it
        self.role = Role(
            spec.role,
            trust=shipped_files.document(f"iam/{spec.role}-trust.json"),
            values={"oidc_arn": oidc.arn, "issuer": oidc.issuer, "service_account": account},
            managed=[self.policy.arn],
            boundary=iam.permissions_boundary,
            path=iam.path,
            stage=spec.stage,
        )

    @property
    def resources(self) -> list[Resource]:
        return [self.policy, self.role]
