"""``prerequisites``, also ``check``: checks whether `up` can succeed."""

from __future__ import annotations

import click

from livekit_deploy.cli.open_deployer import shown
from livekit_deploy.cli.options import Options, spelling

#: by the first check that fails: credentials and rights have an exit code of their own
_DENIED, _FAILED = 4, 1
_ABOUT_US = ("identity", "session", "rights")


@click.option("--fix", is_flag=True, help="install helm, turn on the versioning of the state bucket; nothing else")
def prerequisites(options: Options, fix: bool) -> int:
    """Check what `up` needs: rights, quotas, offerings, DNS, tools, state bucket. Nothing changes without --fix."""
    from livekit_deploy.checks.finding import failed
    from livekit_deploy.render import findings

    found = shown(
        options,
        "prerequisites",
        lambda made: spelling(options).findings(made.prerequisites(fix=fix)),
        findings.as_json,
        lambda screen, found: screen.findings(found),
    )
    wrong = failed(found)
    if not wrong:
        return 0
    return _DENIED if wrong[0].check in _ABOUT_US else _FAILED
