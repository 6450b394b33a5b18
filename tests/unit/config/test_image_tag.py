"""The version of livekit-server that is deployed unless somebody asks for another: the newest that `make real` runs."""

from __future__ import annotations

import pytest
import yaml

from livekit_deploy.base import shipped_files
from livekit_deploy.config import LiveKit
from tests.places import ENVIRONMENTS
from tests.real.recipes import LIVEKIT


def test_the_default_is_the_newest_that_is_shown_with_the_real_server() -> None:
    assert LiveKit.model_fields["image_tag"].default == LIVEKIT["newest"].version


def test_the_chart_has_the_same() -> None:
    chart = shipped_files.path("charts/livekit-server")
    assert yaml.safe_load((chart / "Chart.yaml").read_text())["appVersion"] == LIVEKIT["newest"].version
    assert yaml.safe_load((chart / "values.yaml").read_text())["image"]["tag"] == LIVEKIT["newest"].version


@pytest.mark.parametrize("name", ["dev", "uat", "prod"])
def test_so_have_the_environments(name: str) -> None:
    text = (ENVIRONMENTS / f"{name}.yaml").read_text()
    assert yaml.safe_load(text)["livekit"]["image_tag"] == LIVEKIT["newest"].version
