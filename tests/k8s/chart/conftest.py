"""Our chart as uat installs it."""

from __future__ import annotations

import pytest

from livekit_deploy.k8s.helm import install
from tests.k8s.chart.charts import Rendered, values


@pytest.fixture
def uat() -> Rendered:
    return Rendered(install.helm(), values())
