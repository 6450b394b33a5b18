"""Writes kubeconfigs: for people, with this program as exec plugin; for our own helm, with a token in a file."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from livekit_deploy.aws.access.cloud import Cloud

Obj = dict[str, Any]
_SECONDS = 14 * 60  # a minute less than the token is good for


def for_people(cluster: Mapping[str, Any], command: Sequence[str], environ: Mapping[str, str]) -> Obj:
    """A kubeconfig without a token in it: ``command`` prints one when it is needed.

    ``cluster`` has name, endpoint and ca; ``environ`` are variables that the command needs to reach AWS.
    Source: Kubernetes, "client-go credential plugins".
    """
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": command[0],
        "args": list(command[1:]),
        "env": [{"name": key, "value": value} for key, value in sorted(environ.items())],
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    return _config(cluster, {"exec": plugin})


def for_helm(cluster: Mapping[str, Any], token_file: Path) -> Obj:
    """A kubeconfig that reads its token from a file, which is renewed beside it."""
    return _config(cluster, {"tokenFile": str(token_file)})


def credential(cloud: Cloud, cluster_name: str) -> Obj:
    """What an exec plugin prints: a token, and until when it is good."""
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=_SECONDS)
    status = {"token": cloud.eks_token(cluster_name), "expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}


def _config(cluster: Mapping[str, Any], user: Obj) -> Obj:
    name = str(cluster["name"])
    server = {"server": cluster["endpoint"], "certificate-authority-data": cluster["ca"]}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": server}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
