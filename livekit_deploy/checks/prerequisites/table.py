"""The table of prerequisite checks, and one parallel pass over it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from livekit_deploy.checks.finding import Check, Finding, Verdict
from livekit_deploy.checks.prerequisites import account, identity, names, offerings, quotas, tools
from livekit_deploy.checks.prerequisites.context import PrerequisitesContext

_AT_ONCE = 12
_KNOWN = ("identity",)
_FIRST = Check("identity", identity.identity)

CHECKS: tuple[Check[PrerequisitesContext], ...] = (
    _FIRST,
    Check("session", identity.session, _KNOWN),
    Check("rights", identity.rights, _KNOWN),
    *quotas.checks(),
    Check("zones", offerings.zones, _KNOWN),
    Check("Internet", account.internet, _KNOWN),
    Check("disks", account.disks, _KNOWN),
    Check("images", account.images, _KNOWN),
    Check("instance types", offerings.instances, _KNOWN),
    Check("EKS version", offerings.cluster_version, _KNOWN),
    Check("add-ons", offerings.addons, _KNOWN),
    Check("admins", offerings.admins, _KNOWN),
    Check("Redis", offerings.redis, _KNOWN),
    Check("hosted zone", names.zone, _KNOWN),
    Check("certificate", names.certificate, _KNOWN),
    Check("API endpoint", names.endpoint, _KNOWN),
    Check("helm", tools.helm),
    Check("charts", tools.charts),
    Check("state bucket", tools.bucket, _KNOWN),
)


def run_checks(survey: PrerequisitesContext) -> list[Finding]:
    """Everything that `up` needs, in the order of `CHECKS`; without credentials only what needs none."""
    first = _FIRST.find(survey)
    known = first.verdict is Verdict.OK
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(
            lambda check: check.find(survey) if known or not check.needs else check.skipped("identity"), CHECKS[1:]
        )
        return [first, *found]
