"""Builds the real servers from the Go module proxy, once each: python -m tests.real.build.

A download that the proxy refuses leaves that server out, and its tests say why they did not run. Whatever else goes
wrong is a fault of ours and ends the build with 1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.real.recipes import RECIPES, Recipe, Unavailable, cache

#: what go says when a module cannot be had, as opposed to one that does not fit or does not compile
_REFUSED = re.compile(
    r"\b(40[134]|410|429|5\d\d) [A-Z]|dial tcp|no such host|i/o timeout|connection re(fused|set)|TLS handshake"
    r"|unexpected EOF|deadline exceeded|disabled by GOPROXY=off|module lookup disabled|: x509: "
)


def build(recipe: Recipe, go: str) -> None:
    """Put its programs into the cache, all at once. Raises `Unavailable`, or `RuntimeError` with what go said."""
    least, have = recipe.go, _version(go)
    if have < least:
        raise Unavailable(f"it needs Go {_dotted(least)}, and {go} is {_dotted(have)}")
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix=f".{recipe.folder}-") as folder:
        work, out = Path(folder), Path(folder) / "programs"
        for name in ("go.mod", "go.sum"):
            (work / name).write_text(recipe.text(name), encoding="utf-8")
        if recipe.dropped:
            _replaced(recipe, go, work)
        packages = recipe.packages
        _go(go, work, "list", "-deps", *packages.values())  # fetches all that is missing
        out.mkdir()
        for program, package in packages.items():
            _go(go, work, "build", "-buildvcs=false", "-ldflags", recipe.linked, "-o", str(out / program), package)
        shutil.rmtree(recipe.built, ignore_errors=True)
        out.rename(recipe.built)
    recipe.refused.unlink(missing_ok=True)


def _replaced(recipe: Recipe, go: str, work: Path) -> None:
    """Build a copy of the module instead of it, without the lines that need what the proxy does not have."""
    said = json.loads(_go(go, work, "mod", "download", "-json", f"{recipe.module}@{recipe.version}"))
    source = work / "source"
    shutil.copytree(said["Dir"], source, copy_function=shutil.copyfile)
    for path in (source, *source.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    touched = 0
    for path in source.rglob("*.go"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if recipe.dropped not in line]
        if len(kept) < len(lines):
            path.write_text("".join(kept), encoding="utf-8")
            touched += 1
    if not touched:
        raise RuntimeError(f"{recipe.module} {recipe.version} has no line with {recipe.dropped}: change the recipe")
    _go(go, work, "mod", "edit", f"-replace={recipe.module}=./source")


def _go(go: str, work: Path, *arguments: str) -> str:
    """What go prints. Its programs are linked without C, so that they run wherever they are copied."""
    environ = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    command = ["nice", "-n", "10", go, *arguments]
    done = subprocess.run(command, cwd=work, env=environ, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    said = "\n".join([done.stderr, done.stdout if "-json" in arguments else ""]).strip()
    if refused := next((line for line in said.splitlines() if _REFUSED.search(line)), None):
        raise Unavailable(f"a download was refused: {refused.strip()}")
    raise RuntimeError(f"go {' '.join(arguments)}\n{said}")


def _version(go: str) -> tuple[int, ...]:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:3])


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _one(recipe: Recipe, go: str) -> str:
    """Build it where it is not there; what became of it."""
    if all((recipe.built / program).exists() for program in recipe.programs):
        return "is there"
    began = time.monotonic()
    try:
        build(recipe, go)
    except Unavailable as error:
        recipe.refused.parent.mkdir(parents=True, exist_ok=True)
        recipe.refused.write_text(str(error), encoding="utf-8")
        return f"left out: {error}"
    return f"built in {time.monotonic() - began:.0f} s"


def main() -> int:
    """The exit code."""
    go = shutil.which("go")
    if go is None:
        print("real servers: go is not on PATH, so none is built")
        return 0
    for recipe in RECIPES:
        try:
            print(f"{recipe.folder} {recipe.version}: {_one(recipe, go)}", flush=True)
        except RuntimeError as error:
            print(f"{recipe.folder} {recipe.version}: it does not build\n{error}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
