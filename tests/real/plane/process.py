"""The sandbox's process with real control planes: python -m tests.real.plane.process FOLDER SPEED.

Its AWS takes no time. SPEED is that of the product's clock and of the pods; what the real servers wait for takes as
long as it does.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from livekit_deploy.sandbox.clock import SandboxClock
from livekit_deploy.sandbox.process import Process, run
from tests.real.plane.cluster import Planes


class RealProcess(Process):
    """The control planes are in ``planes`` under its folder."""

    def __init__(self, folder: Path, speed: float) -> None:
        self._planes = Planes(folder / "planes", SandboxClock(speed))
        super().__init__(folder, math.inf, self._planes.cluster)
        self._speed = speed

    def wait(self) -> None:
        """As ever; then nothing real runs on."""
        super().wait()
        self._clusters.stop()
        self._planes.stop()


if __name__ == "__main__":
    run(RealProcess(Path(sys.argv[1]), float(sys.argv[2])))
