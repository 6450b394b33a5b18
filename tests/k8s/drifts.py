"""What the drift tests try of the kinds that live in the cluster, and who owns the rest; `test_drift.py` does it."""

from __future__ import annotations

TRIED_IN_CLUSTER = {
    *("k8s.namespace.labels", "k8s.secret.values"),
    *(f"helm.release.{name}" for name in ("chart", "version", "values", "state", "missing", "drifted")),
}
OWNED_IN_CLUSTER = {
    "k8s.secret.namespace": "identity: an object of another namespace is another object",
    **dict.fromkeys(
        ("barrier.calls_drained.group_name", "barrier.calls_drained.release"), "observed: a barrier has no object"
    ),
    "barrier.calls_drained.closed": "observed: only what we closed ourselves counts",
    "helm.release.namespace": "identity: a release of another namespace is another release",
    **dict.fromkeys(
        ("helm.release.repo", "helm.release.digest", "helm.release.endpoints"),
        "create-only: where the chart comes from, and what is waited for",
    ),
}
