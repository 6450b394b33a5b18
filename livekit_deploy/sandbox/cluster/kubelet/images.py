"""Which images a node can pull, and the kubelet's errors for those that it cannot.

An image is there unless its registry is known to lack it: that of LiveKit lacks what cannot be a version of it, and a
fault makes any other missing. Source: kubelet 1.36, pkg/kubelet/images; containerd 2.1.
"""

from __future__ import annotations

import re

from livekit_deploy.sandbox.faults.catalogue import CATALOGUE
from livekit_deploy.sandbox.faults.plan import KUBERNETES, PULL_IMAGE, Call, current

_REFERENCE = re.compile(
    r"(?P<name>(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?P<tag>\w[\w.-]{0,127}))?(?:@sha256:[0-9a-f]{64})?"
)
_LIVEKIT = "livekit/livekit-server"
_PUBLISHED = re.compile(r"latest|master|v[01]\.\d{1,2}(\.\d{1,2})?")


def split(image: str) -> tuple[str, str] | None:
    """(name, tag) of an image; None where it is no name of one."""
    found = _REFERENCE.fullmatch(image)
    return (found["name"], found["tag"] or "latest") if found else None


def invalid(image: str) -> str:
    """Why a name is none, "" when it is one: InvalidImageName."""
    if split(image) is not None:
        return ""
    return (
        f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": invalid reference format'
    )


def unpullable(image: str) -> str:
    """Why it cannot be pulled, "" when it can: ErrImagePull."""
    parts = split(image)
    assert parts is not None
    name, tag = parts
    gone = name.removeprefix("docker.io/") == _LIVEKIT and "@" not in image and not _PUBLISHED.fullmatch(tag)
    fault = current.strike(Call(KUBERNETES, PULL_IMAGE, {"image": image}))
    if fault is not None:
        return fault.message or CATALOGUE[fault.fault].message
    if not gone:
        return ""
    whole = f"docker.io/{_LIVEKIT}:{tag}"
    said = f'failed to pull and unpack image "{whole}": failed to resolve reference "{whole}": {whole}: not found'
    return f"rpc error: code = NotFound desc = {said}"
