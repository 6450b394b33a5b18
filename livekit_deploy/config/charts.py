"""Every chart that is installed, declared once: where it comes from, and how it stands in the cluster.

It is down here because all of these read it: the defaults of the environment file, helm's downloads, the checks, the
rehearsal and the provisioners. The values of a chart depend on the rest of the stack: they are in `provisioners`.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from livekit_deploy.base import shipped_files


@dataclass(frozen=True)
class ChartSpec:
    """``repository`` and ``version`` are taken where the environment file names no others under ``key``.

    ``digest`` is the sha256 of that version's published archive: a mirror has the same bytes, or the file says what it
    has. ``endpoints`` is the Service that has endpoints once it works, ``role`` the IAM role of its service account.
    """

    name: str
    key: str
    #: what people call it
    title: str
    repository: str
    version: str
    release: str
    namespace: str
    stage: str
    digest: str | None = None
    endpoints: str | None = None
    role: str | None = None

    @property
    def pods(self) -> str:
        """The label by which all that it makes is found."""
        return f"app.kubernetes.io/name={self.name}"

    def chosen(self, repo: str, version: str, digest: str | None) -> Chart:
        """This chart as an environment file has it."""
        return Chart(self, repo, version, digest)

    def shipped(self) -> Chart:
        """Our own chart of this name, with the version that it says itself."""
        metadata = yaml.safe_load(shipped_files.text(f"charts/{self.name}/Chart.yaml"))
        return Chart(self, "", str(metadata["version"]))


@dataclass(frozen=True)
class Chart:
    """A chart as it is installed; ``repo`` "" means that it ships with us."""

    spec: ChartSpec
    repo: str
    version: str
    digest: str | None = None

    @property
    def name(self) -> str:
        return self.spec.name


#: digest: the index of https://aws.github.io/eks-charts (branch gh-pages of aws/eks-charts)
CONTROLLER = ChartSpec(
    name="aws-load-balancer-controller",
    key="load_balancer_controller",
    title="controller",
    repository="https://aws.github.io/eks-charts",
    version="3.5.0",
    digest="45051f634b33e10baccb3354d0681b7de787c60445e599fa276e0c9aedd4ccd5",
    release="aws-load-balancer-controller",
    namespace="kube-system",
    stage="load-balancer",
    endpoints="aws-load-balancer-webhook-service",
    role="load-balancer-controller",
)
#: ours and LiveKit's own have the same name
LIVEKIT_SERVER = ChartSpec(
    name="livekit-server",
    key="livekit.chart",
    title="LiveKit",
    repository="https://helm.livekit.io",
    version="1.9.0",
    release="livekit",
    namespace="livekit",
    stage="livekit",
)
CHARTS = (CONTROLLER, LIVEKIT_SERVER)
