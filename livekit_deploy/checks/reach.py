"""DNS lookups and HTTPS requests as LiveKit's users make them.

A user behind a proxy sets HTTPS_PROXY and SSL_CERT_FILE (or AWS_CA_BUNDLE) and is understood. The variables of our own
win over them: they are for a place where users are reached in another way than AWS.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.nameserver
import dns.resolver
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, ProxyError, SSLError

from livekit_deploy.base.domains import plain
from livekit_deploy.errors import DeployError

_SECONDS = 10.0
#: the types of records that lead to addresses
KINDS = ("A", "AAAA")


class NoAnswer(DeployError):
    """Nobody answered: no resolver, no connection, or a certificate that is not to be trusted."""


@dataclass(frozen=True)
class Answer:
    """What an HTTPS request was answered."""

    status: int
    text: str


@dataclass(frozen=True)
class Reach:
    """``nameserver`` is ``host:port`` (None: the machine's own), ``proxy`` a URL, ``ca_bundle`` a file of PEM."""

    nameserver: str | None = None
    proxy: str | None = None
    ca_bundle: str | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Reach:
        """As the environment's variables say."""
        return cls(
            nameserver=environ.get("LIVEKIT_DEPLOY_NAMESERVER"),
            proxy=environ.get("LIVEKIT_DEPLOY_PROXY") or environ.get("HTTPS_PROXY") or environ.get("https_proxy"),
            ca_bundle=environ.get("LIVEKIT_DEPLOY_CA_BUNDLE")
            or environ.get("SSL_CERT_FILE")
            or environ.get("AWS_CA_BUNDLE"),
        )

    # ---- names

    def addresses(self, name: str, *kinds: str) -> set[str]:
        """The addresses of a name, none where it has none; of ``kinds`` (A, AAAA), or of both.

        Raises `NoAnswer` when no resolver answers.
        """
        return {str(one) for kind in kinds or KINDS for one in self._records(name, kind)}

    def nameservers(self, domain: str) -> set[str]:
        """The nameservers that a domain is delegated to, in lower case. Raises `NoAnswer`."""
        return {plain(str(one)) for one in self._records(domain, "NS")}

    def _records(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver().resolve(name, kind, raise_on_no_answer=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise NoAnswer(f"no nameserver answers for {name}: {error}", hint="check the resolver") from error

    def _resolver(self) -> dns.resolver.Resolver:
        if self.nameserver is None:
            found = dns.resolver.Resolver()
        else:
            host, _, port = self.nameserver.rpartition(":")
            found = dns.resolver.Resolver(configure=False)
            found.nameservers = [dns.nameserver.Do53Nameserver(host, int(port))]
        found.lifetime = _SECONDS
        return found

    # ---- HTTPS

    def ask(self, method: str, host: str, path: str, *, token: str = "", body: bytes | None = None) -> Answer:
        """One HTTPS request, its certificate verified. Raises `NoAnswer` with what is in the way."""
        headers = {"Host": host, "User-Agent": "livekit_deploy", "Connection": "close"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            with self._pool(host) as pool:
                said = pool.request(
                    method,
                    f"https://{host}{path}" if self._through(host) else path,
                    headers=headers,
                    body=body,
                    retries=False,
                    redirect=False,
                    timeout=_SECONDS,
                )
            return Answer(said.status, said.data.decode("utf-8", "replace"))
        except (HTTPError, OSError) as error:
            raise NoAnswer(_reason(error)) from error

    def _through(self, host: str) -> str | None:
        """The proxy that leads to a host."""
        return None if self.proxy is None or urllib.request.proxy_bypass(host) else self.proxy

    def _pool(self, host: str) -> Any:
        proxy = self._through(host)
        if proxy is not None:
            return urllib3.ProxyManager(proxy, ca_certs=self.ca_bundle)
        where = min(self.addresses(host), default=host) if self.nameserver else host
        return urllib3.HTTPSConnectionPool(
            where, 443, server_hostname=host, assert_hostname=host, ca_certs=self.ca_bundle
        )


def _reason(error: BaseException) -> str:
    """What was in the way, without the layers that urllib3 wraps it in."""
    if isinstance(error, MaxRetryError) and error.reason is not None:
        return _reason(error.reason)
    if isinstance(error, ProxyError):
        return f"the proxy cannot connect: {error.original_error}"
    if isinstance(error, SSLError):
        return f"its certificate is not trusted: {error}"
    return f"no connection: {error}"
