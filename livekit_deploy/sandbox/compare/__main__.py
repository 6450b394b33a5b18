"""``python -m livekit_deploy.sandbox.compare FILE…``: shows where the sandbox answers differently than AWS did.

Exit codes: 0 no difference, 2 differences, 3 no record.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from livekit_deploy.errors import UsageError
from livekit_deploy.sandbox.compare.differences import Difference, Differences
from livekit_deploy.sandbox.compare.reading import read
from livekit_deploy.sandbox.compare.replay import Replay

_WIDEST = 60


def main(arguments: list[str] | None = None) -> int:
    """Compare, print, and say by the exit code whether there was a difference."""
    parser = argparse.ArgumentParser(
        prog="python -m livekit_deploy.sandbox.compare",
        description="Show where the sandbox answers differently than AWS did.",
        epilog="exit codes: 0 no difference, 2 differences, 3 no record",
    )
    parser.add_argument("file", nargs="+", type=Path, help="a record; several that belong together, in their order")
    parser.add_argument("--json", action="store_true", help="only JSON on stdout")
    given = parser.parse_args(arguments)
    try:
        record = read(given.file)
    except UsageError as error:
        sys.stderr.write(f"{error}\n  next    {error.hint}\n")
        return error.exit_code
    replay, differences, compared = Replay(record), Differences(), 0
    for one in replay.run():
        differences.hear(one)
        compared += 1
    found = differences.found()
    if given.json:
        said = {
            "format_version": 1,
            "compared": compared,
            "left_out": replay.left_out,
            "differences": [asdict(one) for one in found],
        }
        sys.stdout.write(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(found, compared, replay.left_out)) + "\n")
    return 2 if found else 0


def _lines(found: list[Difference], compared: int, left_out: dict[str, int]) -> list[str]:
    rows = [("call", "what", "where", "AWS", "sandbox", "times", "line")]
    rows += [
        (one.call, one.kind, one.where, one.aws[:_WIDEST], one.sandbox[:_WIDEST], str(one.times), str(one.line))
        for one in found
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    table = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    said = ", ".join(f"{count} {why}" for why, count in left_out.items())
    end = f"{len(found)} differences in {compared} calls" + (f"; left out: {said}" if said else "")
    return [*(table if found else []), end]


if __name__ == "__main__":
    sys.exit(main())
