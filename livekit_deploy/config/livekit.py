"""The section ``livekit``: the server, how it is reached, and how many pods it has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from livekit_deploy.config.charts import LIVEKIT_SERVER
from livekit_deploy.config.charts import Chart as InstalledChart
from livekit_deploy.config.section import (
    SECTION,
    WORD,
    ChartVersion,
    Domain,
    Form,
    Port,
    Section,
    Sha256,
    Switch,
    Url,
    Whole,
    kind_of,
)
from livekit_deploy.config.tls import SslPolicy

_CERTIFICATE = r"^(auto|arn:[A-Za-z0-9_-]+:acm:[A-Za-z0-9_-]+:[0-9]{12}:certificate/[A-Za-z0-9_-]+)$"
Certificate = Annotated[
    str, StringConstraints(pattern=_CERTIFICATE), Form("auto, or the ARN of a certificate in ACM of this region")
]
ImageTag = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"),
    Form("the tag of an image: up to 128 letters, digits, _ . and -, with no . or - in front"),
]


class OfficialChart(Section):
    """LiveKit's own chart instead of ours. It keeps the Redis password in a ConfigMap: set redis.auth to false."""

    repo: Url = Field(default=LIVEKIT_SERVER.repository, description="the chart repository")
    version: ChartVersion = Field(default=LIVEKIT_SERVER.version, description="the chart's version")
    digest: Sha256 | None = Field(
        default=None, description="sha256 that the chart must have; absent: the one known here, else its index's"
    )


Chart = Annotated[
    Annotated[Literal["bundled"], Tag(WORD)] | Annotated[OfficialChart, Tag(SECTION)],
    Discriminator(kind_of((dict, SECTION), (OfficialChart, SECTION), other=WORD)),
]


class Rtc(Section):
    """Media ports, open to the world on the media nodes."""

    udp_ports: tuple[Port, Port] = Field(
        default=(50000, 60000),
        description="first and last UDP port for media, two for each participant",
        examples=[[50000, 60000]],
    )
    tcp_port: Port = Field(default=7881, description="the TCP port for clients that cannot use UDP")


class Turn(Section):
    """The embedded TURN server."""

    domain: Domain | None = Field(
        default=None, description="the name of TURN/TLS, other than livekit.domain", examples=["turn.example.com"]
    )
    udp_port: Port = Field(default=3478, description="TURN/UDP and STUN, on the media nodes")
    tls: Switch = Field(default=True, description="TURN over TLS on port 443, through a network load balancer")


class Autoscaling(Section):
    """A HorizontalPodAutoscaler for LiveKit."""

    min: Annotated[Whole, Field(ge=1, le=100)] = Field(default=1, description="fewest pods")
    max: Annotated[Whole, Field(ge=1, le=100)] = Field(
        default=2, description="most pods, one a node: not more than nodes.media.desired"
    )
    cpu: Annotated[Whole, Field(ge=10, le=95)] = Field(default=60, description="percent of the requested CPU to aim at")


class LiveKit(Section):
    """LiveKit itself."""

    domain: Domain = Field(description="the name under which LiveKit answers", examples=["livekit.example.com"])
    certificate: Certificate = Field(
        default="auto",
        description="`auto`: one from ACM, validated in the hosted zone; or the ARN of one in this region",
        examples=["auto", "arn:aws:acm:us-east-1:123456789012:certificate/0123-4567"],
    )
    ssl_policy: SslPolicy = Field(
        default="ELBSecurityPolicy-TLS13-1-2-2021-06",
        description="which TLS both load balancers take, one of ELB's own policies: by default TLS 1.3 and 1.2",
    )
    hosted_zone: Domain | None = Field(
        default=None,
        description="the existing Route53 zone for the records; absent: you create the records that are listed",
        examples=["example.com"],
    )
    image_tag: ImageTag = Field(default="v1.13.11", description="the version of livekit-server", examples=["v1.13.11"])
    chart: Chart = Field(
        default="bundled",
        description="`bundled`: ours; or LiveKit's own, as `{repo, version, digest}`",
        examples=["bundled"],
    )
    replicas: Annotated[Whole, Field(ge=1, le=100)] = Field(
        default=1, description="pods of LiveKit, one a node: not more than nodes.media.desired"
    )
    autoscaling: Autoscaling | None = Field(
        default=None, description="between two numbers of pods, instead of `replicas`"
    )
    rtc: Rtc = Field(default=Rtc(), description="media ports")
    turn: Turn | None = Field(default=None, description="the embedded TURN server; absent: none")
    webhook_urls: tuple[Url, ...] = Field(
        default=(), description="where LiveKit posts its events", examples=[["https://example.com/livekit"]]
    )
    settings: dict[str, Any] = Field(
        default={},
        description="any further setting of livekit-server, by its own name",
        examples=[{"room": {"empty_timeout": 120}}],
    )

    @property
    def installed(self) -> InstalledChart:
        """The chart that is installed."""
        if isinstance(self.chart, str):
            return LIVEKIT_SERVER.shipped()
        return LIVEKIT_SERVER.chosen(self.chart.repo, self.chart.version, self.chart.digest)

    @property
    def turn_domain(self) -> str | None:
        """The name under which TURN/TLS is reached, None where there is none: TURN/UDP is reached by address."""
        return self.turn.domain if self.turn is not None and self.turn.tls else None
