"""What each real server is built from: a module of ours that pins every version, less what cannot be had."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

_MODULES = Path(__file__).with_name("modules")
_KUBERNETES_VERSION = "k8s.io/component-base/version"


class Unavailable(Exception):
    """A server or a program that cannot be had on this machine; the text says why."""


@dataclass(frozen=True)
class Recipe:
    """A folder of ``modules``: go.mod names the programs as its tools, go.sum pins what they are made of.

    ``module`` is the one whose version counts. ``dropped`` is a word: a copy of ``module`` without the lines that have
    it is built in its place.
    """

    folder: str
    module: str
    programs: tuple[str, ...]
    dropped: str = ""

    @property
    def where(self) -> Path:
        return _MODULES / self.folder

    @property
    def version(self) -> str:
        """Of ``module``, with its v: v1.36.3."""
        return _found(rf"^\s*{re.escape(self.module)} (v\S+)", self.text("go.mod"), self.folder)

    @property
    def go(self) -> tuple[int, ...]:
        """The least version of Go."""
        return tuple(int(part) for part in _found(r"^go ([\d.]+)$", self.text("go.mod"), self.folder).split("."))

    @property
    def packages(self) -> dict[str, str]:
        """Package by program, from the tools of go.mod."""
        found = re.findall(r"^tool ([^(\s]+)$", self.text("go.mod"), re.M)
        for block in re.findall(r"^tool \((.*?)^\)", self.text("go.mod"), re.M | re.S):
            found += block.split()
        return dict(zip(self.programs, sorted(found), strict=True))

    @property
    def linked(self) -> str:
        """What the linker is told: no symbols, and Kubernetes' version, which it does not know by itself."""
        if self.module != "k8s.io/kubernetes":
            return "-s -w"
        major, minor, _ = self.version.removeprefix("v").split(".")
        named = {"gitVersion": self.version, "gitMajor": major, "gitMinor": minor}
        return " ".join(["-s -w", *(f"-X {_KUBERNETES_VERSION}.{key}={value}" for key, value in named.items())])

    @property
    def digest(self) -> str:
        """Of all that decides what the programs are."""
        parts = [self.text("go.mod"), self.text("go.sum"), self.linked, self.dropped]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    @property
    def built(self) -> Path:
        """The folder of its programs: outside the tree, one for each recipe."""
        return cache() / f"{self.folder}-{self.version}-{self.digest}"

    @property
    def refused(self) -> Path:
        """The file that says why a download of it was refused, where one was."""
        return self.built.with_name(f"{self.built.name}.refused")

    def text(self, name: str) -> str:
        return (self.where / name).read_text(encoding="utf-8")


def _found(pattern: str, text: str, folder: str) -> str:
    match = re.search(pattern, text, re.M)
    if match is None:
        raise ValueError(f"modules/{folder}/go.mod has no line {pattern}")
    return match[1]


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "livekit_deploy" / "real"


_LIVEKIT = ("github.com/livekit/livekit-server", ("livekit-server",), "EnableSped")
ETCD = Recipe("etcd", "go.etcd.io/etcd/server/v3", ("etcd",))
KUBERNETES = Recipe("kubernetes", "k8s.io/kubernetes", ("kube-apiserver", "kube-controller-manager", "kube-scheduler"))
#: by the oldest image tag that is supported and the newest
LIVEKIT = {name: Recipe(f"livekit-server-{name}", *_LIVEKIT) for name in ("newest", "oldest")}
VERSITYGW = Recipe("versitygw", "github.com/versity/versitygw", ("versitygw",))
RECIPES = (ETCD, *LIVEKIT.values(), KUBERNETES, VERSITYGW)


def program(recipe: Recipe, name: str = "") -> Path:
    """A program of a server that was built; the only one where it has no name. Raises `Unavailable`."""
    if recipe.refused.exists():
        raise Unavailable(recipe.refused.read_text(encoding="utf-8"))
    path = recipe.built / (name or recipe.programs[0])
    if not path.exists():
        raise Unavailable(f"{recipe.folder} {recipe.version} is not built: make real builds it")
    return path
