"""The printed policy fits into what IAM takes, in parts that say what the whole says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy import permissions
from livekit_deploy.cli import entry
from livekit_deploy.errors import UsageError
from tests.places import ROOT
from tests.service_authorization import ACCOUNT
from tests.service_authorization import PRESETS as NAMES
from tests.service_authorization import preset as _env
from tests.unit.permissions.policies import longest_names, regions


def test_each_part_fits_into_a_managed_policy_in_every_region(tmp_path: Path) -> None:
    """And a role takes as many as they are."""
    for region in regions():
        for env in (
            *(_env(name).model_copy(update={"region": region}) for name in NAMES),
            longest_names(region, tmp_path),
        ):
            found = permissions.parts(env, account=ACCOUNT)
            too_long = {part: size for part, said in found.items() if (size := _size(said)) > 6144}
            assert too_long == {}, region
            assert len(found) <= 10, region


def _size(document: dict[str, Any]) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def test_the_parts_say_what_the_whole_says(tmp_path: Path) -> None:
    env = longest_names("ap-northeast-1", tmp_path)
    parts = permissions.parts(env, account=ACCOUNT)
    assert "network-2" in parts
    whole = permissions.policy(env, account=ACCOUNT)["Statement"]
    assert [one for part in parts.values() for one in part["Statement"]] == whole
    assert len({one["Sid"] for one in whole}) == len(whole)


def test_what_fits_into_no_policy_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "MANAGED_POLICY", 900)
    with pytest.raises(UsageError, match="alone is longer than a managed policy") as caught:
        permissions.parts(_env("prod"), account=ACCOUNT)
    assert "iam.path" in caught.value.hint


def test_who_prints_the_whole_hears_that_it_fits_into_no_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    said = ["iam-policy", "--env", "dev", "--set", "account_id=123456789012"]
    assert entry.run(said) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["Statement"]
    assert "a managed policy may have 6,144" in err
    assert "--parts FOLDER" in err
    assert entry.run([*said, "--parts", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "a managed policy may have" not in err
    assert {path.name for path in tmp_path.glob("*.json")} >= {"livekit-dev-network.json", "livekit-dev-access.json"}
