"""What helm is told arrives as it is, and what it says is understood."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from livekit_deploy.errors import ResourceError
from livekit_deploy.k8s.helm import command, install
from livekit_deploy.k8s.helm import process as helm_process
from livekit_deploy.k8s.helm.charts import fetched
from livekit_deploy.k8s.helm.command import release_values
from livekit_deploy.k8s.helm.process import HelmBinary
from livekit_deploy.k8s.helm.release import HelmRelease
from tests.k8s.rig import KubeRig, publish


def test_marks_go_where_every_chart_leaves_room() -> None:
    given = {"level": "info", "global": {"theirs": 1}}
    marks = {"lineage": "l", "address": "helm.release/web"}
    assert release_values(given, marks) == {"level": "info", "global": {"theirs": 1, "livekitDeploy": marks}}
    assert given["global"] == {"theirs": 1}


# ---- values: whatever text they hold, helm gets that text, and gets it by stdin

_SAID = """
apiVersion: v1
kind: ConfigMap
metadata: {name: said}
data: {values: {{ .Values | toJson | quote }}}
"""
#: text that a shell, a template, `--set` or another reader of YAML would take for something else
NASTY = [
    *("-x", "--set=a=b", "a b", "a,b=c", "$(id)", "`id`", "; true", "'", '"', "\\", "{{ .Release.Name }}", "${region}"),
    *("y", "no", "on", "~", "null", "1e3", "0x1F", "0o17", "1_000", "12:30:45", "2026-01-01", ".inf", "<<", "=", ""),
    *(
        "a\nb",
        "\n- a",
        "\r\t",
        " a ",
        "# a",
        "a: b",
        "*a",
        "&a",
        "!a",
        "|",
        "\x01\x7f\x85\u2028\ufeff",
        "é",
        "\U0001f600",
    ),
]


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))))
@settings(max_examples=60, deadline=None)
def test_no_value_is_an_argument_and_each_arrives_as_it_is(values: dict[str, str]) -> None:
    given_to: list[tuple[list[str], bytes]] = []

    def noted(self: object, arguments: list[str], input: bytes, seconds: float) -> bytes:
        given_to.append((arguments, input))
        return b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HelmBinary, "__init__", lambda self: None)
        patch.setattr(HelmBinary, "run", noted)
        command.rendered(Path("/chart"), "web", "default", values)
    ((arguments, input),) = given_to
    assert arguments == ["template", "web", "/chart", "--namespace", "default", "--values", "-"]
    assert yaml.safe_load(input) == values


def test_values_arrive_as_they_are_at_helm_itself(rig: KubeRig, charts: Path) -> None:
    values = {"texts": NASTY, **{f"k {text}": text for text in NASTY}, "number": 1000.0, "yes": True}
    repo = publish(charts, "said", {"said": _SAID})
    chart = fetched(repo, "said", "1.0.0", None)
    (item,) = yaml.safe_load_all(command.rendered(chart, "said", "default", values))
    assert json.loads(item["data"]["values"]) == values

    release = HelmRelease(
        "said", namespace="default", chart="said", repo=repo, version="1.0.0", values=values, lives_in=rig.host
    )
    rig.up([rig.host, release])
    assert json.loads(rig.objects("configmaps")["said"]["data"]["values"]).items() >= values.items()
    assert rig.plan([rig.host, release]).changes == ()


# ---- what webhooks say

_ASKED = (
    "UPGRADE FAILED: failed to create resource: Internal error occurred: "
    'failed calling webhook "vingress.elbv2.k8s.aws": failed to call webhook: '
    'Post "https://aws-load-balancer-webhook-service.kube-system.svc:443/validate-networking-v1-ingress?timeout=10s": '
)
_DENIED = 'UPGRADE FAILED: failed to create resource: admission webhook "vingress.elbv2.k8s.aws" denied the request: '


def _said_of(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ResourceError:
    """Our error where helm ends with this text."""
    program, said = folder / "helm", folder / "said"
    said.write_text(f"Error: {text}\n", encoding="utf-8")
    program.write_text(f"#!/bin/sh\ncat {said} >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(install, "helm", lambda: program)
    with pytest.raises(ResourceError) as caught:
        HelmBinary().run(["upgrade"], None, 60)
    assert text in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "why",
    [
        'no endpoints available for service "aws-load-balancer-webhook-service"',
        "dial tcp 10.0.11.7:9443: connect: connection refused",
        "dial tcp 10.0.11.7:9443: connect: no route to host",
        "dial tcp 10.0.11.7:9443: i/o timeout",
        "read tcp 10.0.1.2:41226->10.0.11.7:9443: read: connection reset by peer",
        "net/http: TLS handshake timeout",
        "context deadline exceeded",
        "EOF",
    ],
)
def test_a_webhook_for_which_nobody_answers_passes(why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = _said_of(_ASKED + why, tmp_path, monkeypatch)
    others = _said_of((_ASKED + why).replace("elbv2.k8s.aws", "example.com"), tmp_path, monkeypatch)
    assert ours.code == others.code == helm_process.WEBHOOK
    assert ours.code in HelmRelease.propagation
    assert ["load balancer controller" in error.hint for error in (ours, others)] == [True, False]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"{_ASKED}tls: failed to verify certificate: x509: certificate signed by unknown authority", "caBundle"),
        (f"{_ASKED}x509: certificate has expired or is not yet valid", "caBundle"),
        (_ASKED.partition("failed to call")[0] + "the server could not find the requested resource", "log of the pods"),
        (_ASKED.partition("Post ")[0] + 'service "policy-webhook" not found', "delete its configuration"),
        (f'{_DENIED}invalid ingress class: IngressClass.networking.k8s.io "alb" not found', "environment file"),
        (f"{_DENIED}cannot ask AWS: dial tcp 10.0.0.9:443: connect: connection refused", "environment file"),
    ],
)
def test_a_webhook_that_refuses_or_is_broken_is_told_and_not_tried_again(
    text: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = _said_of(text, tmp_path, monkeypatch)
    assert error.code not in HelmRelease.propagation
    assert hint in error.hint
    assert "load balancer controller" not in error.hint
