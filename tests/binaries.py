"""kubectl, as people have it, from the package that carries helm; and a script in the place of helm."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from livekit_deploy.k8s.helm import install


def kubectl() -> Path:
    path = install.installed(install.DEFAULT).parent / "kubectl"
    if not path.exists():
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_bytes(install.from_package(install.DEFAULT, "kubectl/kubectl"))
        beside.chmod(0o755)
        beside.replace(path)
    return path


def helm_replaced(folder: Path, script: str, path: str, **paths: Path) -> str:
    """The PATH ``path`` with a script first on it as helm; ``{helm}`` in it is the real one, and ``paths`` by name."""
    wrapper = folder / "bin" / "helm"
    wrapper.parent.mkdir()
    named = {"helm": install.installed(install.DEFAULT), **paths}
    wrapper.write_text(script.format(**{name: shlex.quote(str(path)) for name, path in named.items()}))
    wrapper.chmod(0o755)
    return f"{wrapper.parent}:{path}"
