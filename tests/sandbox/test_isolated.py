"""No interpreter that we start, or are, imports what lies where the user stands."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from livekit_deploy.base import isolated_python
from tests.places import ROOT
from tests.sandbox.workspace import Workspace

_TRAP = 'import os\nopen(os.path.join({folder!r}, "imported"), "a").write(__name__ + "\\n")\n'
#: what the code of ours starts besides, as ``python -m``
_STARTED = ("pip", "venv", "ensurepip", "hatchling")


def _imported() -> set[str]:
    """Every top-level name that a file of the product imports."""
    found = set[str]()
    for path in (ROOT / "livekit_deploy").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found


def _trapped(folder: Path) -> list[str]:
    """A trap for every name that can be imported: of the product's imports, the standard library, what is installed."""
    names = {*_imported(), *sys.stdlib_module_names, *importlib.metadata.packages_distributions(), *_STARTED}
    said = "import runpy, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-I", "-c", said], capture_output=True, text=True, check=True).stdout
    # what ``python -m`` itself loads before it comes to us, from where it stands, is beyond us
    names -= {*loaded.split(), "livekit_deploy", "tests"}
    names = {name for name in names if name.isidentifier()}
    for number, name in enumerate(sorted(names)):
        trap = folder / f"{name}.py"
        if number % 2:  # a package is found before a module
            (folder / name).mkdir(exist_ok=True)
            (folder / name / "__main__.py").write_text(_TRAP.format(folder=str(folder)))
            trap = folder / name / "__init__.py"
        trap.write_text(_TRAP.format(folder=str(folder)))
    return sorted(names)


@pytest.fixture
def trap(here: Workspace, tmp_path: Path) -> Path:
    folder = tmp_path / "stands"
    shutil.copytree(here.folder / "manifests", folder / "manifests")
    assert len(_trapped(folder)) > 300
    return folder


def _run(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIVEKIT_DEPLOY_"))}
    kept.pop("PYTHONPATH", None)
    return subprocess.run(
        command, cwd=folder, env={**kept, "COLUMNS": "100", **environ}, capture_output=True, text=True, timeout=300
    )


def _caught(folder: Path) -> list[str]:
    path = folder / "imported"
    return path.read_text().split() if path.exists() else []


def test_the_trap_works(trap: Path) -> None:
    assert _run(trap, sys.executable, "-m", "timeit").returncode == 0 or _caught(trap)
    assert _caught(trap)


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["config", "validate", "--env", "dev"]])
def test_python_dash_m_imports_nothing_from_where_it_is_run(trap: Path, arguments: list[str]) -> None:
    for start in (["-m", "livekit_deploy"], ["-mlivekit_deploy"], ["-Bm", "livekit_deploy"]):
        done = _run(trap, sys.executable, *start, *arguments)
        assert (done.returncode, _caught(trap)) == (0, []), done.stderr
    done = _run(trap, sys.executable, "-m", "livekit_deploy.sandbox.compare", "--help")
    assert (done.returncode, _caught(trap)) == (0, []), done.stderr


def test_no_child_imports_anything_from_there(trap: Path, here: Workspace) -> None:
    """The sandbox's process, helm's, and kubectl's plugin, from a folder that PYTHONPATH names by accident too."""
    where = ("--env", "dev", "--sandbox")
    cluster = ("--target", "eks.access_entry/creator", "--yes")
    try:
        done = _run(trap, sys.executable, "-m", "livekit_deploy", "sandbox", "start", "--speed", "inf")
        assert (done.returncode, _caught(trap)) == (0, []), done.stderr
        done = _run(trap, sys.executable, "-m", "livekit_deploy", "up", *where, *cluster)
        assert (done.returncode, _caught(trap)) == (0, []), done.stderr
        done = _run(trap, sys.executable, "-m", "livekit_deploy", "kubeconfig", *where)
        assert (done.returncode, _caught(trap)) == (0, []), done.stderr
        plugin = yaml.safe_load((trap / "kubeconfig-dev").read_text())["users"][0]["user"]["exec"]
        assert os.path.isabs(plugin["command"])
        environ = {one["name"]: one["value"] for one in plugin["env"]}
        done = _run(trap, plugin["command"], *plugin["args"], **{"PYTHONPATH": ":/nowhere", **environ})
        assert (done.returncode, _caught(trap)) == (0, []), done.stderr
        assert json.loads(done.stdout)["status"]["token"]
    finally:
        _run(trap, sys.executable, "-m", "livekit_deploy", "sandbox", "stop")
    assert _caught(trap) == []


def test_every_interpreter_is_started_in_one_way() -> None:
    named = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "livekit_deploy").rglob("*.py")
        if "sys.executable" in path.read_text(encoding="utf-8")
    ]
    assert named == ["livekit_deploy/base/isolated_python.py"]
    assert isolated_python.command("a.b", "c")[:3] == [sys.executable, "-P", "-m"]


def test_another_program_keeps_its_working_directory(tmp_path: Path) -> None:
    """Whoever imports the library in a program of its own, which is started with -m, finds its modules."""
    (tmp_path / "my_livekit_deploy").mkdir()
    (tmp_path / "my_livekit_deploy" / "__init__.py").write_text("import livekit_deploy\n")
    (tmp_path / "my_livekit_deploy" / "__main__.py").write_text("import beside; print(beside.SAID)\n")
    (tmp_path / "beside.py").write_text("SAID = 'here'\n")
    done = _run(tmp_path, sys.executable, "-m", "my_livekit_deploy")
    assert done.stdout == "here\n", done.stderr


def test_an_environment_of_python_in_the_pipeline_is_made_isolated() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / ".github").rglob("*.yml")]
    made = [line.split() for text in texts for line in text.splitlines() if " -m venv " in line]
    assert made
    assert all("-I" in words for words in made)


def test_relative_entries_of_pythonpath_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f":.:relative:/absolute:{ROOT}")
    assert isolated_python.python_path() == f"/absolute:{ROOT}"
    monkeypatch.delenv("PYTHONPATH")
    assert isolated_python.python_path() == str(ROOT)
