"""The cluster's API client: no answer of any kind is taken for absence."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlparse

import pytest
import urllib3

from livekit_deploy.errors import Absent, Conflict, Denied, OddAnswer, ResourceError
from livekit_deploy.k8s.access import client
from livekit_deploy.k8s.access.answers import warnings
from livekit_deploy.k8s.access.client import Api
from tests.k8s.api.test_api import definition
from tests.k8s.client.requests import DEFAULT, MAP, NAMESPACES, config_map, proxy
from tests.k8s.faults import FAULTS, struck
from tests.k8s.rig import TOKEN, KubeRig

# ---- failures are told apart


def test_a_caller_that_the_cluster_does_not_know_is_denied(rig: KubeRig) -> None:
    rig.eks.token = "k8s-aws-v1.stranger"
    with pytest.raises(Denied, match="does not know this caller") as caught:
        rig.api.get(f"{NAMESPACES}/there-is-no-such")
    assert (caught.value.code, caught.value.exit_code) == ("Unauthorized", 4)
    assert "cluster.admins" in caught.value.hint
    assert "stranger" not in repr(caught.value)


def test_a_caller_without_rights_is_denied(rig: KubeRig) -> None:
    rig.eks.token = "k8s-aws-v1.reader"
    with pytest.raises(Denied, match="forbids GET /api/v1/namespaces/default") as caught:
        rig.api.get(DEFAULT)
    assert (caught.value.code, caught.value.exit_code) == ("Forbidden", 4)


def test_what_is_not_there_is_absent_and_only_that(rig: KubeRig) -> None:
    assert rig.api.get(MAP) is None
    assert rig.api.list("/apis/nothing.example.com/v1/things") == []
    rig.api.delete(MAP)
    with pytest.raises(Absent):
        rig.api.apply(f"{NAMESPACES}/nowhere/configmaps/one", config_map())


def test_a_change_of_an_old_version_is_a_conflict(rig: KubeRig) -> None:
    rig.api.apply(MAP, config_map(a="1"))
    old = {**config_map(a="2"), "metadata": {"name": "one", "resourceVersion": "1"}}
    with pytest.raises(Conflict, match="has been modified"):
        rig.api.apply(MAP, old)


def test_what_the_cluster_finds_invalid_is_said_in_its_words(rig: KubeRig) -> None:
    path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses/one"
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "one"}, "spec": {}}
    with pytest.raises(ResourceError, match='"one" is invalid: spec') as caught:
        rig.api.apply(path, ingress)
    assert type(caught.value) is ResourceError
    assert caught.value.request_id  # it answered: nothing was lost on the way


def test_a_field_that_the_cluster_does_not_know_is_refused(rig: KubeRig) -> None:
    path, item = "/api/v1/namespaces/media", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "media"}}
    with pytest.raises(ResourceError, match="finalisers"):
        rig.api.apply(path, {**item, "spec": {"finalisers": []}})
    assert rig.api.get(path) is None


def test_a_namespace_on_its_way_out_is_waited_for_and_is_no_matter_of_rights(rig: KubeRig) -> None:
    leaving = {"metadata": {"name": "leaving", "finalizers": ["example.com/held"]}}
    rig.api.apply(f"{NAMESPACES}/leaving", {"apiVersion": "v1", "kind": "Namespace", **leaving})
    rig.api.delete(f"{NAMESPACES}/leaving")
    with pytest.raises(ResourceError, match="being terminated") as caught:
        rig.api.apply(f"{NAMESPACES}/leaving/configmaps/one", config_map())
    assert not isinstance(caught.value, Denied)
    assert caught.value.code in client.PASSING


@pytest.mark.parametrize(
    "said",
    [
        (404, "<h1>not found</h1>"),
        (404, "404 page not found\n"),
        (404, '{"error": "no such host"}'),
        (403, "<h1>blocked</h1>"),
        (401, ""),
        (200, "<h1>log in</h1>"),
        (502, ""),
    ],
)
def test_a_proxy_that_answers_instead_is_an_error_of_the_way_there(said: tuple[int, str]) -> None:
    with proxy(*said) as endpoint, pytest.raises(ResourceError, match="GET /api/v1/namespaces/default") as caught:
        Api(endpoint, "", lambda: TOKEN).get(DEFAULT)
    assert (type(caught.value), caught.value.code) == (ResourceError, "Unreachable")
    assert "something other than the cluster answers" in caught.value.message


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{}", "apiVersion is missing"),
        ("[]", "it is not an object"),
        ("null", "it is not an object"),
        ("5", "it is not an object"),
        ('{"apiVersion": "v1"}', "kind is missing"),
        ('{"apiVersion": "v1", "kind": 5}', "kind is missing"),
        ('{"apiVersion": "v1", "kind": "Namespace"}', "items is missing"),
        ('{"apiVersion": "v1", "kind": "Status", "status": "Success"}', "items is missing"),
        ('{"apiVersion": "v1", "kind": "PodList"}', "items is missing"),
        ('{"apiVersion": "v1", "kind": "PodList", "items": {}}', "items is not a list"),
        ('{"apiVersion": "v1", "kind": "PodList", "items": [null]}', "items[0] is null"),
        ('{"apiVersion": "x/v1", "kind": "MineList"}', "items is missing"),
        ('{"apiVersion": "x/v1", "kind": "MineList", "items": ["x"]}', "items[0] is not an object"),
    ],
)
def test_what_is_no_list_is_not_an_empty_one(said: str, told: str) -> None:
    with proxy(200, said) as endpoint, pytest.raises(OddAnswer) as caught:
        Api(endpoint, "", lambda: TOKEN).list(f"{DEFAULT}/pods")
    assert caught.value.message == f"GET {DEFAULT}/pods: the answer cannot be right: {told}"


def test_a_list_without_entries_may_be_null() -> None:
    with proxy(200, '{"apiVersion": "v1", "kind": "PodList", "items": null}') as endpoint:
        assert Api(endpoint, "", lambda: TOKEN).list(f"{DEFAULT}/pods") == []


def test_what_an_object_lacks_is_told_by_call_and_field() -> None:
    said = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": null, "labels": "x"}, "spec": {"containers": 5}}'
    with proxy(200, said) as endpoint:
        pod = Api(endpoint, "", lambda: TOKEN).get(f"{DEFAULT}/pods/one")
    assert pod is not None
    asked: tuple[tuple[str, Callable[[], object]], ...] = (
        ("metadata.name is missing", lambda: pod["metadata"]["name"]),
        ("metadata.labels is not a map", lambda: pod["metadata"].get("labels", {})),
        ("spec.containers is not a list", lambda: pod["spec"]["containers"]),
        ("status is missing", lambda: pod["status"]),
    )
    for field, ask in asked:
        with pytest.raises(OddAnswer, match=f"GET {DEFAULT}/pods/one: .*: {field}"):
            ask()


@pytest.mark.parametrize("date", ["yesterday", "Mon, 30 Nov 2026 12:00:00", "Mon, 30 Nov 2026 12:00:00 -0000", ""])
def test_a_date_without_its_zone_or_none_at_all_is_no_reason_to_fail(date: str) -> None:
    with proxy(200, '{"apiVersion": "v1", "kind": "Namespace"}', Date=date) as endpoint:
        found = Api(endpoint, "", lambda: TOKEN)
        assert found.get(DEFAULT)


def test_a_group_that_is_not_served_is_absence(rig: KubeRig) -> None:
    things = "/apis/nobody.example.com/v1/namespaces/default/things"
    assert rig.api.get(f"{things}/one") is None
    assert rig.api.list(things, "a=b") == []
    rig.api.delete(f"{things}/one")
    rig.api.delete(things, labels="a=b")
    rig.api.let_go(f"{things}/one")
    assert rig.api.path("nobody.example.com/v1", "Thing", None) is None
    with pytest.raises(Absent):
        rig.api.apply(f"{things}/one", {"apiVersion": "nobody.example.com/v1", "kind": "Thing"})


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        (20, "20 minutes behind the cluster's"),
        (-20, "20 minutes ahead of the cluster's"),
        (1, "does not know this caller"),
    ],
)
def test_a_token_that_a_wrong_clock_has_signed_is_told_as_that(minutes: int, says: str) -> None:
    body = '{"kind": "Status", "status": "Failure", "message": "Unauthorized", "reason": "Unauthorized", "code": 401}'
    now = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    with proxy(401, body, Date=now) as endpoint, pytest.raises(Denied, match=says) as caught:
        Api(endpoint, "", lambda: TOKEN).get(DEFAULT)
    assert ("set the clock" in caught.value.hint, caught.value.code == "ClockSkew") == ((abs(minutes) > 1,) * 2)


@pytest.mark.parametrize("reads", [True, False])
def test_a_token_that_is_refused_is_renewed_and_asked_with_again_once(reads: bool, rig: KubeRig) -> None:
    refused = next(fault for fault in FAULTS if fault.status == 401)
    ask = rig.api.get if reads else rig.api.delete
    assert rig.api.get(DEFAULT)
    for times, met in ((1, 1), (None, 2)):
        rig.eks.tokens_made = 0
        ends = nullcontext() if times else pytest.raises(Denied)
        with struck(refused, MAP, times=times, reads=reads) as requests, ends:
            ask(MAP)
        assert (len(requests), rig.eks.tokens_made) == (met, 1)


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable"), (504, "Timeout")],
)
@pytest.mark.parametrize("body", ["", "Too many requests, please try again later.", '{"kind": "Status", "code": 500}'])
def test_what_an_api_server_says_without_a_reason_passes(status: int, code: str, body: str) -> None:
    with proxy(status, body, **{"Audit-Id": "1"}) as endpoint, pytest.raises(ResourceError) as caught:
        Api(endpoint, "", lambda: TOKEN).get(DEFAULT)
    assert (caught.value.code, caught.value.request_id) == (code, "kubernetes")
    assert caught.value.code in client.PASSING


def test_a_read_is_asked_again_when_the_api_asks_for_patience_but_not_for_any_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    headers = {"Audit-Id": "1", "Retry-After": "3600"}
    with proxy(429, "", **headers) as endpoint, pytest.raises(ResourceError) as caught:
        Api(endpoint, "", lambda: TOKEN).get(DEFAULT)
    assert caught.value.code == "TooManyRequests"
    assert slept == [client._PATIENCE] * client._AGAIN


@pytest.mark.parametrize(
    "message",
    [
        'deployments.apps "livekit" is forbidden: exceeded quota: small, requested: pods=1',
        'admission webhook "validate.kyverno.svc-fail" denied the request: labels are missing',
    ],
)
def test_what_admission_forbids_is_no_matter_of_rights(message: str) -> None:
    said = {"kind": "Status", "reason": "Forbidden", "message": message}
    with proxy(403, json.dumps(said)) as endpoint, pytest.raises(ResourceError, match=message[-10:]) as caught:
        Api(endpoint, "", lambda: TOKEN).get(DEFAULT)
    assert not isinstance(caught.value, Denied)
    assert "quotas" in caught.value.hint
    denied = {**said, "message": 'pods is forbidden: User "arn:aws:iam::1:user/a" cannot list resource "pods"'}
    with proxy(403, json.dumps(denied)) as endpoint, pytest.raises(Denied, match="cannot list"):
        Api(endpoint, "", lambda: TOKEN).get(DEFAULT)


# ---- what is sent, and what is warned of


def test_a_field_that_the_cluster_does_not_know_is_refused_and_does_not_pass(rig: KubeRig) -> None:
    with pytest.raises(ResourceError, match=r"\.nope: field not declared in schema") as caught:
        rig.api.apply(MAP, {**config_map(), "nope": 1})
    assert caught.value.code == "Invalid"
    assert caught.value.code not in client.PASSING
    assert rig.api.get(MAP) is None


def test_every_change_is_validated_strictly(rig: KubeRig) -> None:
    asked: list[str] = []
    answer = rig.cluster._front.answer
    rig.cluster._front.answer = lambda *call: asked.append(call[1]) or answer(*call)  # type: ignore[method-assign,func-returns-value]
    rig.api.apply(MAP, config_map())
    rig.api.let_go(MAP)
    assert [parse_qs(urlparse(one).query)["fieldValidation"] for one in asked] == [["Strict"], ["Strict"]]


def test_a_warning_of_the_api_is_logged_once(rig: KubeRig, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        rig.api.list(f"{DEFAULT}/endpoints")
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert line.__dict__["warning"].startswith("v1 Endpoints is deprecated in v1.33+; use")
    assert (line.__dict__["service"], line.__dict__["operation"]) == ("kubernetes", f"GET {DEFAULT}/endpoints")


def test_several_warnings_are_told_apart() -> None:
    headers = urllib3.HTTPHeaderDict()
    headers.add("Warning", '299 - "unknown field \\"spec.a\\"", 299 - "b"')
    headers.add("Warning", '299 kube "c"')
    assert list(warnings(headers)) == ['unknown field "spec.a"', "b", "c"]


def test_labels_select(rig: KubeRig) -> None:
    for name, team in (("one", "media"), ("two", "web")):
        labels = {"team": team, "kept": "yes"}
        item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}
        rig.api.apply(f"{DEFAULT}/configmaps/{name}", item)
    found = rig.api.list(f"{DEFAULT}/configmaps", "team=media,kept=yes")
    assert [item["metadata"]["name"] for item in found] == ["one"]
    rig.api.delete(f"{DEFAULT}/configmaps", labels="team=media")
    assert rig.api.list(f"{DEFAULT}/configmaps", "team=media") == []
    assert rig.api.get(f"{DEFAULT}/configmaps/two")


def test_kinds_have_their_place(rig: KubeRig) -> None:
    api = rig.api
    assert api.path("apps/v1", "Deployment", "media", "one") == "/apis/apps/v1/namespaces/media/deployments/one"
    assert api.path("v1", "Namespace", "media", "one") == "/api/v1/namespaces/one"
    assert api.path("monitoring.coreos.com/v1", "ServiceMonitor", "media", "one") is None


def test_a_kind_that_was_not_served_is_looked_for_again(rig: KubeRig) -> None:
    api = rig.api
    assert api.path("example.com/v1", "Gadget", "media", "one") is None
    rig.cluster.store.register(definition())
    assert api.path("example.com/v1", "Gadget", "media", "one") == "/apis/example.com/v1/namespaces/media/gadgets/one"
    rig.cluster.store.register(definition("widgets", "Widget"))
    assert api.path("example.com/v1", "Widget", "media") == "/apis/example.com/v1/namespaces/media/widgets"


def test_what_is_known_of_kinds_can_be_forgotten(rig: KubeRig) -> None:
    rig.cluster.store.register(definition())
    assert rig.api.path("example.com/v1", "Gadget", "media")
    rig.cluster.store.unregister(definition())
    rig.api.forget()
    assert rig.api.path("example.com/v1", "Gadget", "media") is None
