"""The only way to boto3: one session, lazy clients; calls are counted, checked against the lease, and translated here.

A kind says ``cloud.ec2.describe_vpcs(VpcIds=[…])`` or ``cloud.ec2.pages("describe_vpcs", "Vpcs", …)``. A create that
has neither a client token nor a natural key goes through ``cloud.once.ec2``, whose client never sends a request
twice: a blind resend after a lost answer would make a second object (architecture: three retry layers).
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

from botocore.exceptions import ClientError
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from livekit_deploy.aws.access.account import Account, Identity, identified
from livekit_deploy.aws.access.answers import checked
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.memory import Memory
from livekit_deploy.aws.access.partitions import sts_host
from livekit_deploy.aws.access.reported_failures import raise_failures
from livekit_deploy.aws.access.run_context import RunContext
from livekit_deploy.aws.access.secret_values import held
from livekit_deploy.aws.access.service import Service
from livekit_deploy.aws.access.services import Once, Services
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.errors.client_side import translating
from livekit_deploy.aws.errors.login import Login
from livekit_deploy.base import call_log
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.kinds import Kinds
from livekit_deploy.engine.waits import PROPAGATION, Waits
from livekit_deploy.errors import CredentialsError

T = TypeVar("T")
_READS = re.compile(r"^(describe|list|get|head|lookup|search|simulate|batch_get)_?")

_TOKEN_SECONDS = 60  # the presigned URL; EKS honours the token for 15 minutes (aws-iam-authenticator)


def mutates(operation: str) -> bool:
    """Whether a boto3 method (``create_vpc``) or an API operation (``CreateVpc``) changes something."""
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
    return _READS.match(snake) is None and not snake.startswith("assume_role")


def _logged(client: Any, service: str, operation: str, parameters: Mapping[str, Any], login: Login) -> Any:
    """What botocore makes of the answer to one call, with a line in the log that finds it in CloudTrail."""
    with call_log.logged(service, client.meta.method_to_api_mapping[operation]) as line:
        with translating(service, operation, login):
            try:
                answer = getattr(client, operation)(**parameters)
            except ClientError as error:
                line |= _sent(error.response)
                raise
        line |= _sent(answer)
        return answer


def _sent(answer: Mapping[str, Any]) -> dict[str, Any]:
    said = answer.get("ResponseMetadata", {})
    return {"request_id": said.get("RequestId", ""), "retries": said.get("RetryAttempts", 0)}


@dataclass(frozen=True, eq=False)
class Cloud(Services):
    """AWS for one environment: its tags, its clients, and everything a verb may need to know.

    It never changes: who needs another one, of a run or with what is known by then, makes a view of it. All views share
    the ``account``. ``context`` is that of the run that it is for. ``recorded`` are ids of what is on record: ours
    whatever tags it carries. What is read is remembered only where there is a ``memory``.
    """

    clients: Clients
    ownership: OwnershipTags
    context: RunContext = field(default_factory=RunContext)
    account: Account = field(default_factory=Account)
    recorded: frozenset[str] = frozenset()
    memory: Memory | None = None
    kept: Memory = field(default_factory=Memory)

    @property
    def kinds(self) -> Kinds:
        """The kinds that the environment may have objects of, by their names."""
        return self.context.kinds

    # ---- calls

    def service(self, name: str, *, retries: bool = True) -> Service:
        return Service(self, name, retries)

    @property
    def once(self) -> Services:
        """The services through clients that never resend: for creates with neither token nor natural key."""
        return Once(self)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], *, retries: bool = True) -> Any:
        """Make one call and give its answer; errors come as the errors of `livekit_deploy.errors`."""

        def ask() -> Any:
            return self._call(service, operation, parameters, retries)

        if self.memory is None or mutates(operation):
            return ask()
        asked = sorted(parameters.items(), key=lambda item: item[0])
        return self.memory.answer(f"{service}.{operation}{asked!r}", ask)

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any], retries: bool) -> Any:
        client, changes = self.clients(service, retries=retries), mutates(operation)
        if wait := self.clients.pacing.bucket(service).turn():
            self._waits.pause(wait)
        with self.account.calling(changes=changes), self.clients.leaving(self.context.fence if changes else None):
            answer = _logged(client, service, operation, parameters, self.clients.login)
        return raise_failures(checked(client, service, operation, answer, self.account.number), service, operation)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """A change that leaves by another way than boto3: fenced and counted as a mutating call is.

        Who makes it asks again (`Clients.ask`) before each attempt, and when there is a connection.
        """
        with self.account.changing(), self.clients.leaving(self.context.fence):
            self.clients.ask()
            yield

    def insist(self, call: Callable[[], T], while_: Callable[[BaseException], bool]) -> T:
        """``call()``, again for a moment while it ends as ``while_`` says: for what is no resource of the graph."""
        return self._waits.persist(call, while_, timeout=PROPAGATION)

    @property
    def _waits(self) -> Waits:
        return Waits(self.clients.clock, self.context.cancel, threading.Event())

    # ---- views of it

    def remembering(self) -> Self:
        """A view whose reads are made once each: what a plan reads through."""
        return replace(self, memory=Memory(), kept=Memory())

    def under(self, context: RunContext) -> Self:
        """A view for one run: its calls are bound by the context, and what is kept is made for it alone."""
        return replace(
            self, clients=self.clients.within(context.limits.call), context=context, memory=None, kept=Memory()
        )

    def beside(self, region: str) -> Self:
        """The same account in another region."""
        there = self.clients.beside(region, call_bound=self.clients.call_bound)
        return replace(self, clients=there, memory=Memory(), kept=Memory())

    def with_lineage(self, lineage: str) -> Self:
        """A view that knows the lineage of the state document."""
        return replace(self, ownership=replace(self.ownership, lineage=lineage))

    def knowing(self, recorded: Iterable[str]) -> Self:
        """A view that knows the ids of what is on record."""
        return replace(self, recorded=frozenset(recorded))

    def shared(self, key: str, make: Callable[[], Any]) -> Any:
        """One value per key for as long as this view lives (a Kubernetes client of a cluster, for instance)."""
        return self.kept.answer(key, make)

    # ---- what verbs ask for

    @property
    def region(self) -> str:
        return self.clients.region

    @property
    def calls(self) -> int:
        """How many calls were made through this and every view of it."""
        return self.account.calls

    @property
    def identity(self) -> Identity:
        """Who we are (STS GetCallerIdentity, for which IAM asks for no right)."""
        return self.account.identity(lambda: identified(self.sts.get_caller_identity(), self._principal))

    def _principal(self, arn: str) -> str:
        session = re.match(r"arn:([\w-]+):sts::(\d+):assumed-role/([^/]+)/", arn)
        if session is None:
            return arn
        return str(self.iam.get_role(RoleName=session[3])["Role"]["Arn"])

    def name(self, instance: str) -> str:
        """The physical name of an object: ``livekit-uat-media-3f2a``."""
        return f"{self.ownership.prefix}-{instance}"

    def secret(self, ref: SecretRef) -> str:
        """The value behind a `SecretRef`; call it inside the verb that needs it and keep it nowhere."""
        return held(self.secretsmanager, ref.arn, ref.version).of(ref.key)

    def eks_token(self, cluster: str) -> str:
        """A bearer token for the cluster's API, good for 15 minutes (aws-iam-authenticator, API specification)."""
        credentials = self.clients.credentials()
        if credentials is None:
            hint = f"log in: {self.clients.login.again()}"
            raise CredentialsError("no AWS credentials to sign the cluster token with", hint=hint)
        events = self.clients.session().events
        signer = RequestSigner(ServiceId("STS"), self.region, "sts", "v4", credentials, events)
        request = {
            "method": "GET",
            "url": f"https://{sts_host(self.region)}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": cluster},
            "context": {},
        }
        with translating("sts", "get_caller_identity", self.clients.login):
            url = signer.generate_presigned_url(
                request, region_name=self.region, expires_in=_TOKEN_SECONDS, operation_name="GetCallerIdentity"
            )
        return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
