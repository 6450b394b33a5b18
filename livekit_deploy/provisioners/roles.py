"""The IAM roles of an environment: one for each job, with no more than that job needs.

The documents are in ``manifests/iam``: ``<job>-trust.json`` says who may take on a role, ``<job>.json`` what it may do
beyond AWS's own policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from livekit_deploy.aws.kinds.iam.roles import Policy, Role
from livekit_deploy.base import shipped_files
from livekit_deploy.engine.resource import Resource

if TYPE_CHECKING:
    from livekit_deploy.aws.kinds.iam.oidc import OidcProvider
    from livekit_deploy.config import Iam

CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")
CONTROLLER = "load-balancer-controller"
#: the controller's service account, ``namespace:name`` as trust policies want it
CONTROLLER_ACCOUNT = "kube-system:aws-load-balancer-controller"


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


class ControllerRoleProvisioner:
    """The policy and the role of the load balancer controller, for its service account in the cluster of ``oidc``."""

    def __init__(self, iam: Iam, *, oidc: OidcProvider, account: str = CONTROLLER_ACCOUNT) -> None:
        stage = "load-balancer"
        self.policy = Policy(
            CONTROLLER, document=shipped_files.document(f"iam/{CONTROLLER}.json"), path=iam.path, stage=stage
        )
        self.role = Role(
            CONTROLLER,
            trust=shipped_files.document(f"iam/{CONTROLLER}-trust.json"),
            values={"oidc_arn": oidc.arn, "issuer": oidc.issuer, "service_account": account},
            managed=[self.policy.arn],
            boundary=iam.permissions_boundary,
            path=iam.path,
            stage=stage,
        )

    @property
    def resources(self) -> list[Resource]:
        return [self.policy, self.role]
