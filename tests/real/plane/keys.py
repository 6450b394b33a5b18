"""The authority of a control plane, and the keys and certificates of all who take part in it, as files."""

from __future__ import annotations

import datetime
import ipaddress
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.child import LOCAL

_DAY = datetime.timedelta(days=1)
_PEM = serialization.Encoding.PEM


class Keys:
    """``folder`` gets ``ca.crt``, ``accounts.key`` and ``.pub`` of service accounts, and a pair for each `issue`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        root = self._builder(self._name, self._key)
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.ca = root.sign(self._key, hashes.SHA256()).public_bytes(_PEM)
        (folder / "ca.crt").write_bytes(self.ca)
        accounts = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._private("accounts", accounts)
        public = accounts.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        (folder / "accounts.pub").write_bytes(public)

    def issue(self, name: str, user: str, *groups: str, hosts: tuple[str, ...] = ()) -> None:
        """``name.key`` and ``name.crt``: of a user in groups, who may also be a server at these hosts and here."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        names = [x509.IPAddress(ipaddress.ip_address(LOCAL)), *(x509.DNSName(host) for host in hosts)]
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = self._builder(subject, key)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        self._private(name, key)
        (self.folder / f"{name}.crt").write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM))

    def kubeconfig(self, name: str, server: str) -> Path:
        """For a component with the certificate of that name."""
        at, path = str(self.folder), self.folder / f"{name}.kubeconfig"
        user = {"client-certificate": f"{at}/{name}.crt", "client-key": f"{at}/{name}.key"}
        whole = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {"server": server, "certificate-authority": f"{at}/ca.crt"}}],
            "users": [{"name": "it", "user": user}],
        }
        path.write_text(json.dumps(whole), encoding="utf-8")
        return path

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        return builder.not_valid_before(now - _DAY).not_valid_after(now + 30 * _DAY)

    def _private(self, name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
        path = self.folder / f"{name}.key"
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
