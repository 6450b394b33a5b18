"""Every fault of the Kubernetes API against every kind in a cluster: what AWS's own faults are in tests/faults.

A kind is made, changed and deleted under it. The run ends converged, or with an error that says what, why and what
next; the next run converges, and `down` after it leaves nothing. ``barrier.calls_drained`` makes nothing: its steps
are tried in drain/.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.engine.execute import Execution
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.resource import Resource
from livekit_deploy.errors import DeployError, ResourceError
from livekit_deploy.k8s.helm.release import HelmRelease
from livekit_deploy.k8s.objects import Namespace, Secret
from livekit_deploy.state.limits import CALL_BOUND, Limits
from tests.faults.matrix import explains
from tests.faults.rig import PLAN
from tests.k8s.faults import FAULTS, Fault, struck
from tests.k8s.rig import KubeRig, Named, publish

#: the release once more, where helm itself keeps what it has done
RECORD = "helm.release, its record"
OFTEN = (("once", 1), ("always", None))
#: kind → below which path its requests go
PATHS = {
    "k8s.namespace": "/api/v1/namespaces/apps",
    "k8s.secret": "/namespaces/apps/secrets/keys",
    "helm.release": "/namespaces/apps/ingresses",
    RECORD: "/namespaces/apps/secrets",
}
#: which verb meets it, how often (None: always), and whether it is what the verb reads that does
ROUNDS: dict[str, tuple[str, int | None, bool]] = {
    **{f"{verb}, {often}": (verb, times, False) for verb in ("up", "change", "down") for often, times in OFTEN},
    **{f"reads of {verb}, always": (verb, None, True) for verb in ("up", "change")},
}
#: what the cluster holds after it, and after a change
WELL = {
    "k8s.namespace": ("one", "another"),
    "k8s.secret": ("hidden", "drawn anew"),
    "helm.release": ("a.example.com", "b.example.com"),
    RECORD: ("a.example.com", "b.example.com"),
}
#: in every run; the others have time
QUICK = {
    ("k8s.secret", "reset after", "up, once"),
    ("k8s.secret", "500", "up, always"),
    ("k8s.secret", "reset after", "change, once"),
    ("k8s.namespace", "409", "down, once"),
}


INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: {{ .Values.host }}
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
"""


class OneKind:
    """One kind, with what it needs."""

    def __init__(self, rig: KubeRig, charts: Path, kind: str) -> None:
        self.rig, self.kind = rig, kind
        rig.eks.secrets |= {("k", "v1"): "hidden", ("k", "v2"): "drawn anew"}
        if kind.startswith("helm"):
            self._repo = publish(charts, "web", {"ingress": INGRESS})

    def change(self) -> list[Resource]:
        """The same with another label, version of the secret or host."""
        return self.declared(other=True)

    def declared(self, *, other: bool = False) -> list[Resource]:
        rig = self.rig
        labels = {"tier": "another" if other and self.kind == "k8s.namespace" else "one"}
        space = Namespace("apps", labels=labels, lives_in=rig.host)
        if self.kind == "k8s.namespace":
            return [rig.host, space]
        if self.kind == "k8s.secret":
            version = "v2" if other else "v1"
            kept = Named("keys", out=SecretRef("arn:aws:secretsmanager:us-east-1:1:secret:s", "k", version))
            secret = Secret("keys", namespace="apps", values={"k": kept.value}, lives_in=rig.host, after=[space])
            return [rig.host, space, kept, secret]
        values = {"host": "b.example.com" if other else "a.example.com"}
        release = HelmRelease(
            "web", namespace="apps", chart="web", repo=self._repo, version="1.0.0", values=values, lives_in=rig.host,
            after=[space],
        )  # fmt: skip
        return [rig.host, space, release]

    def shown(self) -> str:
        """What users of the kind would see, in the cluster itself."""
        if self.kind == "k8s.namespace":
            return str(self.rig.objects("namespaces")["apps"]["metadata"]["labels"]["tier"])
        if self.kind == "k8s.secret":
            return base64.b64decode(self.rig.objects("secrets", namespace="apps")["keys"]["data"]["k"]).decode()
        (ingress,) = self.rig.objects("ingresses", "networking.k8s.io", "apps").values()
        return str(ingress["spec"]["rules"][0]["host"])

    def attempt(self, resources: Sequence[Resource] | None) -> Mapping[str, DeployError]:
        """One `up`, or with None one `down`: what failed, by address; under ``plan`` what kept it from beginning."""
        session = self.rig._session()
        try:
            planner = self.rig._planner()
            planned = planner.down() if resources is None else planner.up(resources)
            execution = Execution(self.rig._run(session), planned)
            return dict((execution.down() if resources is None else execution.up()).failed)
        except DeployError as error:
            return {PLAN: error}
        finally:
            session.release()

    def kept(self) -> list[Resource]:
        """All but what is in the cluster: that would take everything with it."""
        return [item for item in self.declared() if item.kind.startswith("test.")]

    def down(self) -> Mapping[str, DeployError]:
        return self.attempt(self.kept())


def _cells() -> list[Any]:
    cells = []
    for kind in PATHS:
        for fault in FAULTS:
            for name in ROUNDS:
                quick = (kind, fault.name, name) in QUICK
                marks = () if quick else (pytest.mark.slow,)
                cells.append(pytest.param(kind, fault, name, id=f"{kind}-{fault.name}-{name}", marks=marks))
    return cells


@pytest.mark.parametrize(("kind", "fault", "name"), _cells())
def test_a_fault_of_the_api_ends_well_or_is_explained(
    kind: str, fault: Fault, name: str, rig: KubeRig, charts: Path
) -> None:
    if fault.hangs or kind == RECORD:  # a run of helm that left no word is waited for as long as it could last
        call = 4.0 if fault.hangs else 8.0  # within which a busy machine must get helm going
        rig.bound(limits=Limits(call / CALL_BOUND))
    world = OneKind(rig, charts, kind)
    verb, times, reads = ROUNDS[name]
    wanted = world.declared()
    if verb != "up":
        assert world.attempt(wanted) == {}
    if verb == "change":
        wanted = world.change()
    with struck(fault, PATHS[kind], times=times, reads=reads) as met:
        failed = world.down() if verb == "down" else world.attempt(wanted)
    assert met, "nothing met it"
    for address, error in failed.items():
        explains(address, error)
    # a run of helm is not repeated: what it has done is looked at first, by the next run
    assert times is None or kind.startswith("helm") or not failed, "once is survived"
    if verb != "down":
        assert world.attempt(wanted) == {}
        assert rig.plan(wanted).changes == ()
        assert {item.address for item in wanted} <= set(rig.records)
        assert world.shown() == WELL[kind][verb == "change"]
    assert world.down() == {}
    assert set(rig.records) == {item.address for item in world.kept()}
    assert "apps" not in rig.objects("namespaces")


def test_a_token_that_is_refused_is_not_used_again(rig: KubeRig, charts: Path) -> None:
    world, refused = OneKind(rig, charts, "k8s.namespace"), FAULTS[3]
    assert world.attempt(world.declared()) == {}
    rig.eks.tokens_made = 0
    with struck(refused, PATHS["k8s.namespace"], times=1):
        assert world.down() == {}
    assert rig.eks.tokens_made == 2, "one for the plan, and one instead of the one it had"


@pytest.mark.parametrize(("reads", "sent"), [(True, 3), (False, 1)])
def test_only_a_read_is_sent_again_when_its_answer_is_lost(reads: bool, sent: int, rig: KubeRig) -> None:
    lost = next(fault for fault in FAULTS if fault.after)
    path = "/api/v1/namespaces/kube-system"
    ask: Callable[[str], object] = rig.api.get if reads else rig.api.let_go
    with struck(lost, path, times=None, reads=reads) as met, pytest.raises(ResourceError, match="cannot be reached"):
        ask(path)
    assert len(met) == sent
