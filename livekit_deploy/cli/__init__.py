"""The command line: arguments, signals and exit codes. All output is made by `render`. Heavy modules are imported only
when a command needs them; signals and streams are set up first.
"""

from __future__ import annotations

import gc
import sys
from typing import NoReturn

__all__ = ["main"]

#: new objects; what is imported and read in (AWS's service models) is many, and none of it is garbage
_COLLECTED_AFTER = 100_000


def main() -> NoReturn:
    """Run the command line and exit with its code (see `livekit_deploy.errors`)."""
    from livekit_deploy.cli import signals

    signals.from_now_on()
    gc.set_threshold(_COLLECTED_AFTER)
    from livekit_deploy.render import streams

    streams.set_up()
    from livekit_deploy.cli.entry import ended, run

    arguments = sys.argv[1:]
    sys.exit(ended(run(arguments), arguments))
