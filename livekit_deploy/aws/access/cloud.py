"""The only way to boto3: one session, lazy clients; calls are counted, checked against the lease, and translated here.

A kind says ``cloud.ec2.describe_vpcs(VpcIds=[…])`` or ``cloud.ec2.pages("describe_vpcs", "Vpcs", …)``. A create that
has neither a client token nor a natural key goes through ``cloud.once("ec2")``, whose client never sends a request
twice: a blind resend after a lost answer would make a second object (architecture: three retry layers).
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from livekit_deploy.aws.access.answers import Answer, Items, checked, odd
from livekit_deploy.aws.access.clients import Clients
from livekit_deploy.aws.access.partial import raise_failures
from livekit_deploy.aws.access.partitions import sts_host
from livekit_deploy.aws.access.secret_values import held
from livekit_deploy.aws.access.tags import OwnershipTags
from livekit_deploy.aws.access.terms import Terms
from livekit_deploy.aws.errors.local import translating
from livekit_deploy.aws.errors.login import Login
from livekit_deploy.base import call_log
from livekit_deploy.base.timing import counted
from livekit_deploy.engine.inputs import SecretRef
from livekit_deploy.engine.waits import PROPAGATION, Waits
from livekit_deploy.errors import CredentialsError, DeployError

T = TypeVar("T")
_READS = re.compile(r"^(describe|list|get|head|lookup|search|simulate|batch_get)_?")

_TOKEN_SECONDS = 60  # the presigned URL; EKS honours the token for 15 minutes (aws-iam-authenticator)


def mutates(operation: str) -> bool:
    """Whether a boto3 method (``create_vpc``) or an API operation (``CreateVpc``) changes something."""
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
    return _READS.match(snake) is None and not snake.startswith("assume_role")


@dataclass(frozen=True)
class Identity:
    """Who the credentials belong to."""

    account: str
    arn: str
    look_up: Callable[[str], str] = field(repr=False, compare=False)

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov`` and so on."""
        return self.arn.split(":")[1]

    @cached_property
    def principal(self) -> str:
        """The IAM user or role, never the session of an assumed role.

        A session does not tell the path of its role, so that IAM is asked for it (GetRole), and only when it is needed:
        whoever looks at what runs needs no right to IAM.
        """
        return self.look_up(self.arn)


def _identified(said: Answer, look_up: Callable[[str], str]) -> Identity:
    if not re.fullmatch(r"\d{12}", said["Account"]):
        raise odd(said.call, "Account", "is not an account number")
    if not re.match(rf"arn:[\w-]+:(iam|sts)::{said['Account']}:", said["Arn"]):
        raise odd(said.call, "Arn", f"is not a principal of account {said['Account']}")
    return Identity(said["Account"], said["Arn"], look_up)


class Service:
    """A client whose errors are ours, whose calls are counted, and whose reads may be remembered."""

    def __init__(self, cloud: Cloud, name: str, retries: bool) -> None:
        self._cloud, self._name, self._retries = cloud, name, retries

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            return self._cloud.call(self._name, operation, parameters, retries=self._retries)

        return call

    def pages(self, operation: str, key: str, **parameters: Any) -> Items:
        """All items under ``key`` of every page of a describe or list call; raises `OddAnswer` for a list cut short."""
        client = self._cloud.clients(self._name, retries=self._retries)
        if not client.can_paginate(operation):
            listed: Items = self._cloud.call(self._name, operation, parameters, retries=self._retries)[key]
            return listed
        paging = client.get_paginator(operation)._pagination_cfg
        asks, says = _as_list(paging["input_token"]), _as_list(paging["output_token"])
        found = Items()
        extra: dict[str, Any] = {}
        while True:
            page = self._cloud.call(self._name, operation, {**parameters, **extra}, retries=self._retries)
            found.call, found.path = page.call, key
            found += page.entries(key)
            cursors = [page.get(token.split(" || ")[0]) for token in says]
            before, extra = extra, {token: cursor for token, cursor in zip(asks, cursors, strict=True) if cursor}
            if extra and extra == before:
                raise odd(page.call, says[0], "is the same on two pages")
            if not extra and page.get(paging.get("more_results", "")):
                raise odd(page.call, says[0], f"is missing, and {paging['more_results']} says that there is more")
            if not extra:
                return found


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


def _as_list(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [value]


class Cloud:
    """AWS for one environment: its tags, its clients, and everything a verb may need to know.

    ``terms`` are those of the run that it is for. ``cancel`` ends the wait for a turn where a service asked to slow
    down.
    """

    def __init__(
        self,
        clients: Clients,
        ownership: OwnershipTags,
        *,
        parallelism: int = 10,
        cancel: threading.Event | None = None,
    ) -> None:
        self.clients, self.ownership = clients, ownership
        self.terms = Terms()
        #: says which pods have another version of a secret than this one, "" for none: a name, and the version
        self.other_holders: Callable[[str, str], str] = lambda secret, version: ""
        #: ARN → the version that this process gave a secret: newer than what Secrets Manager may tell of it yet
        self.wrote: dict[str, str] = {}
        #: the nameservers that a domain is delegated to, as public DNS says
        self.nameservers: Callable[[str], set[str]] = lambda domain: set()
        #: says something that is worth a line, although nothing follows from it here
        self.tell: Callable[[str], None] = lambda text: None
        #: ids of what is on record: ours whatever tags it carries
        self.recorded: set[str] = set()
        self.calls = 0
        self._in_flight = [0]
        self._waits = Waits(clients.clock, cancel or threading.Event(), threading.Event())
        self._slots = threading.BoundedSemaphore(parallelism)
        self._lock = threading.Lock()
        self._remembered: dict[str, Future[Any]] | None = None
        self._shared: dict[str, Any] = {}
        self._making: dict[str, threading.Lock] = {}
        self._identity: Identity | None = None

    # ---- services, by the name that boto3 gives them

    def __getattr__(self, service: str) -> Service:
        if service.startswith("_") or hasattr(type(self), service):  # a property of ours that failed is no service
            raise AttributeError(service)
        return Service(self, service, retries=True)

    def once(self, service: str) -> Service:
        """The service through a client that never resends: for creates with neither token nor natural key."""
        return Service(self, service, retries=False)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], *, retries: bool = True) -> Any:
        """Make one call and give its answer; errors come as the errors of `livekit_deploy.errors`."""
        memory = self._remembered
        if memory is None or mutates(operation):
            return self._call(service, operation, parameters, retries)
        key = f"{service}.{operation}{sorted(parameters.items(), key=lambda item: item[0])!r}"
        with self._lock:
            answer, first = memory.get(key), key not in memory
            if answer is None:
                answer = memory[key] = Future()
        if first:
            try:
                answer.set_result(self._call(service, operation, parameters, retries))
            except DeployError as error:
                with self._lock:
                    del memory[key]  # an error is for those who wait; who asks again is told anew
                answer.set_exception(error)
            finally:
                answer.cancel()  # of effect only when we were interrupted: nobody may wait for ever
        return answer.result()

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any], retries: bool) -> Any:
        client = self.clients(service, retries=retries)
        if wait := self.clients.pacing.bucket(service).turn():
            self._waits.pause(wait)
        with self._slot():
            changes = mutates(operation)
            with self._lock:
                self.calls += 1
                self._in_flight[0] += changes
            try:
                with self.clients.leaving(self.terms.fence if changes else None):
                    answer = _logged(client, service, operation, parameters, self.clients.login)
            finally:
                with self._lock:
                    self._in_flight[0] -= changes
        return raise_failures(checked(client, service, operation, answer, self._account), service, operation)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """One of the calls that may be in flight at a time."""
        with counted("queued"):
            self._slots.acquire()
        try:
            yield
        finally:
            self._slots.release()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """A change that leaves by another way than boto3: fenced and counted as a mutating call is.

        Who makes it asks again (`Clients.ask`) before each attempt, and when there is a connection.
        """
        with self._lock:
            self._in_flight[0] += 1
        try:
            with self.clients.leaving(self.terms.fence):
                self.clients.ask()
                yield
        finally:
            with self._lock:
                self._in_flight[0] -= 1

    @property
    def mutating(self) -> int:
        """Mutating calls of this and of every view of it that have not come back yet."""
        return self._in_flight[0]

    @property
    def _account(self) -> str:
        """The account that every answer must be of, "" before it is known."""
        return self._identity.account if self._identity is not None else ""

    def insist(self, call: Callable[[], T], while_: Callable[[BaseException], bool]) -> T:
        """``call()``, again for a moment while it ends as ``while_`` says: for what is no resource of the graph."""
        return self._waits.persist(call, while_, timeout=PROPAGATION)

    # ---- views of it

    def remembering(self) -> Cloud:
        """A view whose reads are made once each: what a plan reads through."""
        view = Cloud.__new__(Cloud)
        view.__dict__.update(self.__dict__)
        view._remembered = {}
        view._shared = {}
        return view

    def under(self, terms: Terms) -> Cloud:
        """A view for one run, whose calls and clients are bound by its terms; what they share is made for it alone."""
        view = self.remembering()
        view._remembered = None
        view.terms = terms
        return view

    def beside(self, region: str) -> Cloud:
        """The same account in another region."""
        view = self.remembering()
        view.clients = self.clients.beside(region, call_bound=self.clients.call_bound)
        return view

    def with_lineage(self, lineage: str) -> None:
        """Learn the lineage once the state document exists."""
        self.ownership = replace(self.ownership, lineage=lineage)

    def shared(self, key: str, make: Callable[[], Any]) -> Any:
        """One value per key for as long as this view lives (a Kubernetes client of a cluster, for instance)."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if key not in self._shared:
                self._shared[key] = make()
            return self._shared[key]

    # ---- what verbs ask for

    @property
    def region(self) -> str:
        return self.clients.region

    @property
    def identity(self) -> Identity:
        """Who we are (STS GetCallerIdentity, for which IAM asks for no right)."""
        if self._identity is None:
            said = self.sts.get_caller_identity()
            self._identity = _identified(said, self._principal)
        return self._identity

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
        with self.clients._lock:
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
