"""``prerequisites``, also ``check``: checks whether `up` can succeed."""

from __future__ import annotations

import click

from livekit_deploy.cli.opening import deployer
from livekit_deploy.cli.options import Options, load, screen, shared, spelling

#: by the first check that fails: credentials and rights have an exit code of their own
_DENIED, _FAILED = 4, 1
_ABOUT_US = ("identity", "session", "rights")


@click.command()
@click.option("--fix", is_flag=True, help="install helm, turn on the versioning of the state bucket; nothing else")
@shared
def prerequisites(options: Options, fix: bool) -> int:
    """Check what `up` needs: rights, quotas, offerings, DNS, tools, state bucket. Nothing changes without --fix."""
    return _looked_at(options, fix)


def prerequisites_step(options: Options) -> int:
    """The step ``prerequisites``."""
    return _looked_at(options, fix=False)


def _looked_at(options: Options, fix: bool) -> int:
    from livekit_deploy.checks.finding import failed
    from livekit_deploy.render import findings

    env, where = load(options), screen(options)
    with deployer(options, env, "prerequisites") as made:
        found = spelling(options).findings(made.prerequisites(fix=fix))
    if options.json:
        where.json_value(findings.as_json(found))
    else:
        where.findings(found)
    wrong = failed(found)
    if not wrong:
        return 0
    return _DENIED if wrong[0].check in _ABOUT_US else _FAILED
