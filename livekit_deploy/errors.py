"""The error tree. Every error of the product is one of these, has a hint, and knows its exit code.

DeployError (1)
├─ ConfigError (3)             file:line, field, allowed values
│  └─ TooExpensive (3)         the limit, the estimate and its largest parts
├─ UsageError (3)              a flag or argument is missing or contradicts another
├─ CredentialsError (4)        expired, absent or not accepted, and where they come from
│  └─ WrongAccount (4)
├─ LockedError (5)             holder, since, how long until it ends
│  └─ LostLease
├─ StateError (1)              a document that is damaged, newer or foreign; a store that does not answer
│  └─ StateGone                somebody deleted or spoilt the document while we held the lease
├─ StalePlan · NotOurs · Blocked · Declined (1)
├─ VerifyFailed (7)
├─ Interrupted (130)
│  └─ OutOfTime (8)            the limit that the caller gave
├─ ToolError (1)               the helm binary is missing, too old, or could not be installed
└─ ResourceError (1, or 8 when other resources succeeded)
   ├─ Absent                   AWS says that the thing asked for is not there
   ├─ Denied (4) · QuotaExceeded · Conflict
   ├─ Throttled · Unavailable  passes by itself: whoever waits anyway asks again
   ├─ Busy                     something else is being done to it: asked again for a while
   ├─ InUse(blockers)
   ├─ Failed(detail)
   ├─ OddAnswer                AWS, or what answers in its place, lacks a field or has what cannot be
   └─ TimedOut(last detail)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class DeployError(Exception):
    """Something went wrong that the user can act on.

    ``hint`` is the next thing to do, in the imperative; ``exit_code`` is the process's exit code. ``likely`` is what
    is probably behind it, "" when nothing can be said.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", likely: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.likely = likely

    def __str__(self) -> str:
        return self.message


class ConfigError(DeployError):
    """The environment file, an override or a preset is not usable; ``where`` is ``file:line:column`` when known."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", where: str = "", field: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.where = where
        self.field = field


class TooExpensive(ConfigError):
    """The plan would bring the environment above the monthly cost that its file allows."""


class UsageError(DeployError):
    """The command line cannot be carried out as given."""

    exit_code = 3


class AnsweredError(DeployError):
    """An answer of AWS may have led to it: ``code`` is AWS's, ``request_id`` finds the call; "" where there is none."""

    def __init__(self, message: str, *, code: str = "", request_id: str = "", hint: str = "", likely: str = "") -> None:
        super().__init__(message, hint=hint, likely=likely)
        self.code = code
        self.request_id = request_id


class CredentialsError(AnsweredError):
    """No AWS credentials, none that AWS accepts, or a configuration that they cannot be read from."""

    exit_code = 4


class WrongAccount(CredentialsError):
    """The credentials belong to another account than the environment file names."""


class LockedError(DeployError):
    """Somebody else holds the lease on the environment's state."""

    exit_code = 5


class LostLease(LockedError):
    """This run held the lease and lost it; it must make no further change."""


class StateError(AnsweredError):
    """The state document or its store cannot be used."""


class StateGone(StateError):
    """The state document was deleted, or overwritten with what is none, while this run held the lease in it."""


class StalePlan(DeployError):
    """The saved plan no longer fits the state or the configuration."""


class NotOurs(DeployError):
    """An object with our name exists, but belongs to somebody else."""


class Blocked(DeployError):
    """The plan holds a change that cannot be made in place and has no create-first path."""


class Declined(DeployError):
    """The user answered no."""


class VerifyFailed(DeployError):
    """LiveKit, or something in front of it, does not answer as it should.

    ``findings`` are all that was found, as `finding.Finding`.
    """

    exit_code = 7

    def __init__(self, message: str, *, findings: Sequence[object], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.findings = tuple(findings)


class Incomplete(DeployError):
    """Some resources could not be brought to where they should be; what succeeded is recorded and kept.

    ``report`` is the `deployer.Report` of the run, ``code`` the exit code: 4 when rights or credentials are what was
    missing, else 8 when something succeeded, else 1.
    """

    def __init__(self, message: str, *, report: object, code: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.report = report
        self.code = code


class Interrupted(DeployError):
    """The run was asked to stop; what is in the state is true and the next run continues."""

    exit_code = 130


class OutOfTime(Interrupted):
    """The run took as long as its caller allowed; what is in the state is true and the next run continues."""

    exit_code = 8


class ToolError(DeployError):
    """An external program (helm) is missing, unsupported or could not be installed."""


class ResourceError(AnsweredError):
    """One resource could not be read, made, changed or deleted."""

    def __init__(
        self,
        message: str,
        *,
        address: str = "",
        verb: str = "",
        code: str = "",
        request_id: str = "",
        hint: str = "",
        likely: str = "",
    ) -> None:
        super().__init__(message, code=code, request_id=request_id, hint=hint, likely=likely)
        self.address = address
        self.verb = verb


class Absent(ResourceError):
    """AWS answers that the object does not exist."""


class Denied(ResourceError):
    """AWS refuses the action to this principal."""

    exit_code = 4


class QuotaExceeded(ResourceError):
    """A service quota is reached."""


class Throttled(ResourceError):
    """AWS asks to slow down, and went on asking after all retries."""


class Unavailable(ResourceError):
    """AWS, or the way to it, fails for the moment, and did so at every attempt."""


class Busy(ResourceError):
    """Something else is being done to the object: the same call succeeds once that is over."""


class Conflict(ResourceError):
    """An object of that name exists already, or its state does not allow the change now."""


class InUse(ResourceError):
    """The object cannot be deleted while others hold it; ``blockers`` names them."""

    def __init__(self, message: str, *, blockers: Sequence[str] = (), **known: str) -> None:
        super().__init__(message, **known)
        self.blockers = tuple(blockers)


class Failed(ResourceError):
    """AWS reports a terminal failure of the object."""


class OddAnswer(ResourceError):
    """An answer that cannot be used: a field is missing, of another type, or there is more than there can be."""


class TimedOut(ResourceError):
    """The object did not become ready, or absent, within its deadline."""
