"""Runs every probe on plain moto, in a process that never installs a correction, and prints how each ended as JSON."""

from __future__ import annotations

import json
import logging

from moto import mock_aws

from livekit_deploy.sandbox.aws.every_service.speed import caches as once
from tests.sandbox.corrections import probes
from tests.sandbox.corrections.harness import ProbedAws, failure

logging.disable()
once.install()  # faster, and the same answers
with mock_aws():
    world = ProbedAws(lambda clock: None, window=60.0)  # the second writer comes, however slow the machine
    ended = {one.name: failure(one, world) for one in probes()}
print(json.dumps(ended))
