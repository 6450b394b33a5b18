"""Certificate authorities of the sandbox's servers: one for the outside, one for each cluster."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
import threading
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = 30


class _Connection(ssl.SSLSocket):
    """Closes when its client is gone: `SSLContext.wrap_socket` loses such a one open in Python before 3.13.

    Source: CPython issue 113280, "ResourceWarning in ssl.SSLSocket connected detection".
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except ConnectionError:
            self.close()
            raise


class Authority:
    """A root made on the spot, ``pem`` for those who are to trust it; `context` is the TLS of a server."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _common(name)
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._lock = threading.Lock()

    @cached_property
    def pem(self) -> bytes:
        """The root's certificate."""
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        root = self._certificate(self._name, self._key, usage, ca=True)
        return root.public_bytes(serialization.Encoding.PEM)

    def context(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for these names and addresses, made once."""
        with self._lock:
            if names not in self._contexts:
                self._contexts[names] = self._context(names)
            return self._contexts[names]

    def signed(self, *names: str) -> bytes:
        """A certificate for these names and addresses with its private key, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([_general(name) for name in names])
        certificate = self._certificate(_common(names[0][:64]), key, alternative, ca=False)
        return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def _context(self, names: tuple[str, ...]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sslsocket_class = _Connection
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # ssl loads keys from files only
            file.write(self.signed(*names))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, also: x509.ExtensionType, *, ca: bool
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=_DAYS))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(also, critical=ca)
            .sign(self._key, hashes.SHA256())
        )


def _common(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
