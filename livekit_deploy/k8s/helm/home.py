"""The working folder of helm. It holds a token and is deleted at exit, or by the next run after a kill."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO

_PREFIX, _HELD = "livekit-deploy-helm-", "held"
#: what helm needs of our own environment: to be found, the way out, and whom to trust
NEEDED = (
    *("PATH", "HOME", "USER", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
)


def make(owner: object) -> tuple[Path, Callable[[], None]]:
    """A new folder, and what takes it away, at the latest when its ``owner`` goes."""
    sweep()
    home = Path(tempfile.mkdtemp(prefix=_PREFIX))
    held = _lock(home / _HELD, os.O_CREAT)
    return home, weakref.finalize(owner, _end, home, held)


def environ(home: Path) -> dict[str, str]:
    """What helm needs and no more, so no token of a pipeline and no key of AWS; its folders are in ``home``."""
    kept = {name: value for name in NEEDED if (value := os.environ.get(name)) is not None}
    folders = {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    return {**kept, **folders, "KUBECACHEDIR": str(home / "kube")}


def sweep() -> None:
    """Take away the folders of runs of ours that were killed: nobody holds them any more."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            about = left.lstat()
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
                continue
            held = _lock(left / _HELD, 0)
        except OSError:  # it goes this very moment, is held, or was never used
            continue
        _end(left, held)


def _lock(path: Path, flags: int) -> IO[bytes]:
    """The file, held until it is closed or this process ends; raises `OSError` where another holds it."""
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW | flags, 0o600), "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def _end(home: Path, held: IO[bytes]) -> None:
    shutil.rmtree(home, ignore_errors=True)
    held.close()
