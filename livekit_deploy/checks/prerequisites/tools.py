"""Checks helm, the charts and the state bucket."""

from __future__ import annotations

from livekit_deploy.aws.state_bucket.bucket import default_bucket, probe_bucket
from livekit_deploy.checks.finding import Trouble, Warned
from livekit_deploy.checks.prerequisites.context import PrerequisitesContext
from livekit_deploy.config import FileState, S3State
from livekit_deploy.errors import DeployError, ToolError
from livekit_deploy.k8s.helm import install
from livekit_deploy.k8s.helm.charts import available


def helm(survey: PrerequisitesContext) -> str:
    """A helm of a supported version is there; with ``fix`` it is installed."""
    try:
        path = install.helm(install=survey.fix)
    except ToolError as error:
        itself = install.installs_itself() and not survey.fix
        raise Trouble(
            error.message,
            cause="no helm 3.19 or 4.x is on PATH or in the cache",
            remedy="add --fix to install it into the cache (up does that too)" if itself else error.hint,
        ) from error
    return f"{'.'.join(map(str, install.version(path)))} at {path}"


def charts(survey: PrerequisitesContext) -> str:
    """The charts are in the cache, or their repositories offer them."""
    return ", ".join(
        f"{one.name} {one.version} {available(one.repo, one.name, one.version, one.digest)}"
        for one in survey.env.charts
        if one.repo
    )


def bucket(survey: PrerequisitesContext) -> str:
    """The state bucket is ours to use, versioned, lets one of several writers win, and has a whole document or none."""
    where = survey.env.state
    seen = f"the state is the file {where.path}" if isinstance(where, FileState) else _probed(survey, where)
    if isinstance(survey.state, DeployError):
        raise survey.state
    return seen


def _probed(survey: PrerequisitesContext, where: S3State) -> str:
    name = where.bucket or default_bucket(survey.cloud.identity.account, survey.env.region)
    stem = f"livekit-deploy/{survey.env.project}/{survey.env.name}"
    found = probe_bucket(survey.cloud, name, stem, where.kms_key, fix=survey.fix)
    seen = f"{name}: {found.text}"
    if found.lacks:
        raise Warned(
            f"{seen}, but {', '.join(found.lacks)}",
            cause="somebody else made it, or changed it: livekit-deploy changes only what it makes, while it makes it",
            remedy="set what is missing there, or ask its owner to do it",
        )
    return seen
