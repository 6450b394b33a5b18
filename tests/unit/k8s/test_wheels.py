"""Which Python index is asked when nobody says one: that which pip itself would ask."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from livekit_deploy.k8s.helm import wheels

_SOURCE = 'import urllib.parse\n\nPyPI = PackageIndex(\n    "https://{host}/", file_storage_domain="files.example")\n'


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Where Python finds each of its modules."""
    places: dict[str, Path] = {}
    monkeypatch.setattr(
        wheels, "find_spec", lambda name: SimpleNamespace(origin=str(places[name])) if name in places else None
    )
    return places


def _installed(folder: Path) -> Path:
    (folder / "pip" / "_internal" / "models").mkdir(parents=True)
    (folder / "pip" / "_internal" / "models" / "index.py").write_text(_SOURCE.format(host="installed.example"))
    return folder / "pip" / "__init__.py"


def _carried(folder: Path) -> Path:
    (folder / "ensurepip" / "_bundled").mkdir(parents=True)
    with zipfile.ZipFile(folder / "ensurepip" / "_bundled" / "pip-25.1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pip/_internal/models/index.py", _SOURCE.format(host="carried.example"))
    return folder / "ensurepip" / "__init__.py"


def test_pip_of_the_environment_says_it_first_then_the_one_that_python_carries(
    found: dict[str, Path], tmp_path: Path
) -> None:
    found |= {"ensurepip": _carried(tmp_path), "pip": _installed(tmp_path)}
    assert wheels._pips_own() == "https://installed.example/simple"
    del found["pip"]
    assert wheels._pips_own() == "https://carried.example/simple"


def test_without_either_it_is_said_what_to_set(found: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="PIP_INDEX_URL or UV_DEFAULT_INDEX"):
        wheels._pips_own()


def test_this_pip_says_one() -> None:
    assert wheels._pips_own().endswith("/simple")
