"""Places for the state that are refused."""

from __future__ import annotations

from tests.unit.config.refused.case import Case

CASES = [
    Case(
        "a bucket name with capitals",
        "state: {bucket: Acme}",
        "3:9",
        "state.bucket",
        "must be the name of a bucket",
        "such as acme-livekit-state",
        "state: {bucket: acme.state-1}",
    ),
    Case(
        "a lease too short",
        "state: {lease_seconds: 5}",
        "3:9",
        "state.lease_seconds",
        "a whole number from 10 to 900, not 5",
        "such as 90",
        "state: {lease_seconds: 10}",
    ),
    Case(
        "a bucket and a file",
        "state: {path: x.json, bucket: acme}",
        "3:23",
        "state.bucket",
        "'bucket' does not go together with the other keys of state",
        "remove one of them",
        "state: {path: x.json}",
    ),
]
