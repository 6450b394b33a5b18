"""What is written into the state bucket: under a condition, in versions, encrypted with the key that is given."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from livekit_deploy import permissions
from livekit_deploy.aws.state_bucket.bucket import ensure_bucket, probe_bucket
from livekit_deploy.config import load_environment
from livekit_deploy.errors import StateError
from livekit_deploy.state.store import S3Store
from tests.aws.rig import AwsRig
from tests.aws.state_bucket.buckets import ACCOUNT, NAME, STEM, told
from tests.faults.rig import faults

# ---- the history in it


def _store(rig: AwsRig, kms_key: str | None = None) -> S3Store:
    ensure_bucket(rig.cloud, NAME, kms_key)
    return S3Store(rig.cloud.s3, NAME, f"{STEM}.json", owner=ACCOUNT, kms_key=kms_key)


@pytest.fixture
def puts(rig: AwsRig) -> list[dict[str, Any]]:
    """What every PUT of an object was given."""
    found: list[dict[str, Any]] = []
    rig.clients("s3").meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: found.append(dict(params))
    )
    return found


def test_every_put_of_an_object_has_a_condition(rig: AwsRig, puts: list[dict[str, Any]]) -> None:
    """A bucket's policy may admit no others (S3 user guide, "Enforce conditional writes on Amazon S3 buckets")."""
    store = _store(rig)
    store.put(b"two", store.put(b"one", None))
    for body in (b"a", b"a", b"b"):
        store.archive("1.json", body)
    probe_bucket(rig.cloud, NAME, STEM, fix=False)
    assert [params for params in puts if not {"IfMatch", "IfNoneMatch"} & params.keys()] == []
    assert len(boto3.client("s3").list_object_versions(Bucket=NAME, Prefix=f"{STEM}/history/")["Versions"]) == 2


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_a_copy_that_s3_asks_to_try_again_is_kept(rig: AwsRig, code: str) -> None:
    store = _store(rig)
    again = {"fault": "not-found", "call": "s3:PutObject", "code": code}
    with faults({**again, "times": 3}):
        store.archive("1.json", b"a")
    assert store.version("1") == b"a"
    with faults(again), pytest.raises(StateError, match="keeps asking to try again"):
        store.archive("2.json", b"a")


def test_delete_markers_and_other_documents_hide_no_version(rig: AwsRig, monkeypatch: pytest.MonkeyPatch) -> None:
    store, s3 = _store(rig), boto3.client("s3")
    for body in (b"one", b"two", b"three"):
        found = store.get()
        store.put(body, found.etag if found else None)
    for _ in range(12):
        s3.delete_object(Bucket=NAME, Key=store.key)
    s3.put_object(Bucket=NAME, Key=f"{store.key}.bak", Body=b"not ours")
    assert [store.version(one.id) for one in store.versions(2)] == [b"three", b"two"]
    monkeypatch.setattr(store, "_s3", _Small(rig.cloud.s3))
    assert [store.version(one.id) for one in store.versions(3)] == [b"three", b"two", b"one"]


class _Small:
    """S3 whose lists come in pages of two."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def list_object_versions(self, **parameters: Any) -> Any:
        return self._s3.list_object_versions(**parameters, MaxKeys=2)


def test_everything_that_is_written_is_encrypted_with_the_key_that_is_given(
    rig: AwsRig, puts: list[dict[str, Any]]
) -> None:
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    store = _store(rig, key)
    store.put(b"two", store.put(b"one", None))
    store.archive("1.json", b"a")
    probe_bucket(rig.cloud, NAME, STEM, key, fix=False)
    assert {(params["ServerSideEncryption"], params["SSEKMSKeyId"]) for params in puts} == {("aws:kms", key)}
    (rule,) = told()["get_bucket_encryption"]["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}


def test_the_key_of_the_state_is_in_the_printed_policy(tmp_path: Any) -> None:
    from tests.faults.test_runs import ENVIRONMENT

    key = "arn:aws:kms:us-east-1:123456789012:key/0123abcd-45ef-6789-abcd-0123456789ab"
    path = tmp_path / "dev.yaml"
    path.write_text(f"{ENVIRONMENT}\nstate: {{kms_key: '{key}'}}\n")
    document = permissions.policy(load_environment(path, environ={}), account=ACCOUNT)
    (said,) = [one for one in document["Statement"] if one["Sid"] == "StateKey"]
    assert (said["Action"], said["Resource"]) == (["kms:GenerateDataKey", "kms:Decrypt"], [key])
