"""What the real livekit-server says of a Redis that it cannot use, and Kubernetes of a pod, leads to its cause."""

from __future__ import annotations

import pytest

from livekit_deploy.checks.verify.causes import LOG, PODS, of_log, of_pod
from tests.real.livekit.redis_failures import AT_START

_WHY = {
    "nobody listens": "nothing listens at Redis' address",
    "another token": "no longer knows the token",
    "no token": "asks for a token",
    "another authority": "an authority that the image does not know",
    "TLS, and Redis speaks none": "security group",
    "no TLS, and Redis wants it": "asks for TLS",
    "a closed security group": "security group",
    "an unknown name": "does not resolve",
}
_REFUSED = {
    'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)': "Pod Security label",
    "exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2": "ResourceQuota",
    "failed quota: small: must specify limits.cpu for: livekit-server": "ResourceQuota",
    "maximum cpu usage per Container is 200m, but request is 500m": "LimitRange",
    "maximum memory usage per Pod is 1Gi.  No limit is specified": "LimitRange",
    "ValidatingAdmissionPolicy 'no-host' with binding 'all' denied request: no host network": "policy of the cluster",
    'admission webhook "validate.kyverno.svc-fail" denied the request: blocked': "policy of the cluster",
    'error looking up service account livekit/livekit: serviceaccount "livekit" not found': "not let the pods be made",
}


@pytest.mark.parametrize("name", AT_START)
def test_each_way_to_have_no_redis_has_its_cause(name: str) -> None:
    line = f"unable to connect to redis: dial tcp 10.20.1.2:6379: {AT_START[name].said}"
    if "WRONGPASS" in line or "NOAUTH" in line:
        line = f"unable to connect to redis: {AT_START[name].said}"
    found = of_log(["starting LiveKit server", line, "and then something else"])
    assert found is not None
    assert _WHY[name] in found[0].why
    assert found[1] == line


def test_the_newest_line_counts_and_others_say_nothing_of_redis() -> None:
    refused, wrong = "unable to connect to redis: EOF", '{"msg":"could not update stats","error":"WRONGPASS invalid"}'
    assert of_log([refused, wrong])[0].words == "WRONGPASS"  # type: ignore[index]
    assert "asks for TLS" in of_log([wrong, refused])[0].why  # type: ignore[index]
    for innocent in ("websocket: close 1006: unexpected EOF", "context deadline exceeded", "i/o timeout"):
        assert of_log([innocent]) is None


@pytest.mark.parametrize("said", _REFUSED)
def test_why_the_api_server_refuses_pods_has_its_cause_and_remedy(said: str) -> None:
    found = of_pod(f'livekit: 0/2 pods ready, FailedCreate: pods "livekit-5d" is forbidden: {said}')
    assert _REFUSED[said] in found.why


def test_every_cause_can_be_met_and_says_what_to_do() -> None:
    met = {of_log([f"dial tcp 10.0.0.1:6379: {one.said}"])[0] for one in AT_START.values()}  # type: ignore[index]
    assert met == set(LOG)
    for one in (*LOG, *PODS):
        assert one.why
        assert one.remedy
