"""etcd, the API server, the controller manager and the scheduler: started, waited for, ended.

They run as EKS runs them as far as a client can tell: RBAC, a webhook for tokens, webhooks and kubelets reached through
the cluster's network (here: `egress`), and an audit log.
"""

from __future__ import annotations

import json
import shutil
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.child import LOCAL, Child, free_ports
from tests.real.plane.keys import Keys
from tests.real.recipes import ETCD, KUBERNETES, program

_READY_SECONDS = 180.0
_INSIDE = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
#: whose requests are of no interest to a test
_OWN = ("system:kube-controller-manager", "system:kube-scheduler", "system:apiserver", "system:anonymous")
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "users": list(_OWN)},
        {"level": "None", "userGroups": ["tests", "system:serviceaccounts"]},
        {"level": "Request", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
        {"level": "Metadata"},
    ],
}


class Processes:
    """One control plane in ``folder``, which keeps keys, logs and ``audit.log``; ``tokens`` is the webhook's port."""

    def __init__(self, folder: Path, tokens: int, keys: Keys) -> None:
        self._folder, self._keys = folder, keys
        api, self._clients, self._peers, self._manager, self._scheduler = free_ports(5)
        self._port, self.endpoint = api, f"https://{LOCAL}:{api}"
        self._children: list[Child] = []
        keys.issue("apiserver", "kube-apiserver", hosts=_INSIDE)
        keys.issue("admin", "tests", "system:masters", "tests")
        keys.issue("manager", "system:kube-controller-manager")
        keys.issue("scheduler", "system:kube-scheduler")
        for name in ("admin", "manager", "scheduler"):
            keys.kubeconfig(name, self.endpoint)
        keys.issue("tokens", "tokens")
        keys.kubeconfig("tokens", f"https://{LOCAL}:{tokens}/")
        self._json("audit.json", _AUDIT)
        through = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(folder / "egress.sock")}}}
        self._json(
            "egress.json",
            {
                "apiVersion": "apiserver.k8s.io/v1beta1",
                "kind": "EgressSelectorConfiguration",
                "egressSelections": [{"name": "cluster", "connection": through}],
            },
        )

    def _json(self, name: str, what: dict[str, Any]) -> None:
        (self._folder / name).write_text(json.dumps(what), encoding="utf-8")

    def serve(self) -> None:
        """The API with its store, and nothing that acts by itself; returns when it answers."""
        at = self._folder
        store = f"http://{LOCAL}:{self._clients}"
        peers = f"http://{LOCAL}:{self._peers}"
        self._run(
            program(ETCD),
            *(f"--data-dir={at}/etcd", f"--listen-client-urls={store}", f"--advertise-client-urls={store}"),
            *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
            *(f"--initial-cluster=default={peers}", "--unsafe-no-fsync", "--log-level=warn"),
        )
        self._run(program(KUBERNETES, "kube-apiserver"), *self._api_server(store))
        self._wait()

    def start(self) -> None:
        """All of it; returns when the API serves, and the other two find their way."""
        self.serve()
        at = self._folder
        local = f"--bind-address={LOCAL}"
        self._run(
            program(KUBERNETES, "kube-controller-manager"),
            *(f"--kubeconfig={at}/manager.kubeconfig", local, f"--secure-port={self._manager}", f"--cert-dir={at}"),
            *(f"--service-account-private-key-file={at}/accounts.key", f"--root-ca-file={at}/ca.crt"),
            *("--use-service-account-credentials", "--leader-elect=false", "--node-monitor-period=2s"),
        )
        self._run(
            program(KUBERNETES, "kube-scheduler"),
            *(f"--kubeconfig={at}/scheduler.kubeconfig", local, f"--secure-port={self._scheduler}"),
            *("--leader-elect=false", f"--cert-dir={at}"),
        )

    def _api_server(self, store: str) -> list[str]:
        at = self._folder
        return [
            *(f"--etcd-servers={store}", f"--bind-address={LOCAL}", f"--advertise-address={LOCAL}"),
            *(f"--secure-port={self._port}", "--endpoint-reconciler-type=none", f"--cert-dir={at}"),
            *("--service-cluster-ip-range=172.20.0.0/16", "--allow-privileged=true"),
            *(f"--tls-cert-file={at}/apiserver.crt", f"--tls-private-key-file={at}/apiserver.key"),
            *(f"--client-ca-file={at}/ca.crt", "--authorization-mode=Node,RBAC"),
            *(f"--service-account-issuer={self.endpoint}", f"--service-account-key-file={at}/accounts.pub"),
            f"--service-account-signing-key-file={at}/accounts.key",
            f"--authentication-token-webhook-config-file={at}/tokens.kubeconfig",
            *("--authentication-token-webhook-version=v1", "--authentication-token-webhook-cache-ttl=1s"),
            # a webhook's Service is resolved to its endpoints, and one without any is refused in EKS's words
            *("--enable-aggregator-routing=true", f"--egress-selector-config-file={at}/egress.json"),
            *(f"--kubelet-client-certificate={at}/admin.crt", f"--kubelet-client-key={at}/admin.key"),
            *(f"--audit-policy-file={at}/audit.json", f"--audit-log-path={at}/audit.log"),
        ]

    def _run(self, path: Path, *arguments: str) -> None:
        # a webhook configuration without an authority of its own trusts those of the machine
        environ = {"SSL_CERT_FILE": str(self._folder / "ca.crt"), "PATH": "/usr/bin:/bin", "HOME": str(self._folder)}
        self._children.append(Child((path, *arguments), environ, self._folder / f"{path.name}.log"))

    def _wait(self) -> None:
        end = time.monotonic() + _READY_SECONDS
        while not self._ready():
            dead = next((one for one in self._children if not one.runs), None)
            if dead is not None or time.monotonic() > end:
                texts = [path.read_text(errors="replace")[-600:] for path in sorted(self._folder.glob("*.log"))]
                self.stop()
                raise RuntimeError("the control plane does not start:\n" + "\n".join(texts))
            time.sleep(0.1)

    def _ready(self) -> bool:
        context = ssl.create_default_context(cadata=self._keys.ca.decode())
        context.load_cert_chain(self._folder / "admin.crt", self._folder / "admin.key")
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(f"{self.endpoint}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """At once, and what etcd kept is thrown away."""
        for child in self._children:
            child.close()
        for child in self._children:
            child.wait()
        self._children.clear()
        shutil.rmtree(self._folder / "etcd", ignore_errors=True)
