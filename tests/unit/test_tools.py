"""Where helm comes from: PATH, the cache, or a pinned source whose checksum is checked."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import tarfile
import zipfile
from pathlib import Path

import pytest

from livekit_deploy import tools
from livekit_deploy.errors import ToolError

HELM = b"#!/bin/sh\necho v4.1.0+g1234567\n"
PIN = tools.Pin("4.1.0", hashlib.sha256(HELM).hexdigest(), "carries-helm==1.0.0")


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, nothing but the system on PATH, no index, and no archive to be had."""
    monkeypatch.setattr(tools, "DEFAULT", PIN)
    monkeypatch.setattr(tools, "ARCHIVE", (tmp_path / "archives").as_uri() + "/helm-{version}.tar.gz")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.defpath}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    for name in ("archives", "bin", "wheels"):
        (tmp_path / name).mkdir()


def on_path(folder: Path, script: str) -> Path:
    helm = folder / "bin" / "helm"
    helm.write_text(f"#!/bin/sh\n{script}\n")
    helm.chmod(0o755)
    return helm


def archive(folder: Path, helm: bytes, member: str = "linux-amd64/helm") -> None:
    with tarfile.open(folder / "archives" / "helm-4.1.0.tar.gz", "w:gz") as packed:
        entry = tarfile.TarInfo(member)
        entry.size = len(helm)
        packed.addfile(entry, io.BytesIO(helm))


def wheel(folder: Path, helm: bytes) -> None:
    """A package that carries helm as the real one does: wheel → tgz → zip → binary."""
    layer, inner = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(layer, "w") as files:
        files.writestr("helm/helm", helm)
        files.writestr("kubectl/kubectl", "kubectl")
    with tarfile.open(fileobj=inner, mode="w:gz") as package:
        entry = tarfile.TarInfo("package/lib/layer.zip")
        entry.size = len(layer.getvalue())
        package.addfile(entry, io.BytesIO(layer.getvalue()))
    with zipfile.ZipFile(folder / "wheels" / "carries_helm-1.0.0-py3-none-any.whl", "w") as packed:
        packed.writestr("carries_helm/_jsii/carries-helm@1.0.0.jsii.tgz", inner.getvalue())
        about = "carries_helm-1.0.0.dist-info"
        packed.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: carries-helm\nVersion: 1.0.0\n")
        packed.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{about}/RECORD", "")


def cached(folder: Path) -> list[str]:
    return [str(path.relative_to(folder / "cache")) for path in folder.rglob("cache/**/*") if path.is_file()]


@pytest.mark.parametrize("said", ["v3.19.0+g3d8990f", "v3.20.1", "v4.3.1+gabcdef0"])
def test_a_supported_helm_on_path_is_used(tmp_path: Path, said: str) -> None:
    found = on_path(tmp_path, f"echo {said}")
    assert tools.helm() == found
    assert cached(tmp_path) == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo v3.18.6", "is helm 3.18, which is not supported"),
        ("echo v5.0.0", "is helm 5.0, which is not supported"),
        ("echo something else", "does not run"),
        ("exit 1", "does not run"),
    ],
)
def test_another_helm_on_path_is_passed_over_with_the_reason(
    tmp_path: Path, script: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = on_path(tmp_path, script)
    with pytest.raises(ToolError, match=reason) as caught:
        tools.helm(install=False)
    assert str(found) in str(caught.value)
    assert "install helm 3.19 or 4.x" in caught.value.hint

    archive(tmp_path, HELM)
    with caplog.at_level("INFO"):
        assert tools.helm() != found
    assert f"{found} {reason}: 4.1.0 is used" in caplog.messages


def test_helm_is_installed_once_from_the_archive(tmp_path: Path) -> None:
    archive(tmp_path, HELM)
    helm = tools.helm()
    assert cached(tmp_path) == ["livekit_deploy/helm-4.1.0/helm"]
    assert os.access(helm, os.X_OK)
    assert tools.version(helm) == (4, 1)
    (tmp_path / "archives" / "helm-4.1.0.tar.gz").unlink()
    assert tools.helm() == tools.helm(install=False) == helm


def test_a_helm_in_the_cache_that_is_not_the_pinned_one_is_not_run(tmp_path: Path) -> None:
    archive(tmp_path, HELM)
    helm = tools.helm()
    for changed in (b"#!/bin/sh\necho v4.1.0 and more\n", HELM[:-9], b""):
        helm.write_bytes(changed)
        assert tools.helm().read_bytes() == HELM
    helm.write_bytes(b"theirs")
    (tmp_path / "archives" / "helm-4.1.0.tar.gz").unlink()
    with pytest.raises(ToolError, match="could not be installed"):
        tools.helm()


def test_where_the_archive_cannot_be_had_the_package_serves(tmp_path: Path) -> None:
    wheel(tmp_path, HELM)
    assert tools.helm().read_bytes() == HELM
    assert tools.from_package(PIN, "kubectl/kubectl") == b"kubectl"


@pytest.mark.parametrize(
    ("helm", "member"),
    [(HELM + b"and something more", "linux-amd64/helm"), (HELM, "linux-amd64/README.md")],
    ids=["another", "none"],
)
def test_an_archive_with_another_helm_or_none_is_refused(tmp_path: Path, helm: bytes, member: str) -> None:
    archive(tmp_path, helm, member)
    wheel(tmp_path, HELM)
    assert tools.helm().read_bytes() == HELM


def test_where_no_source_has_the_pinned_binary_nothing_is_kept(tmp_path: Path) -> None:
    archive(tmp_path, b"another")
    wheel(tmp_path, b"another")
    with pytest.raises(ToolError) as caught:
        tools.helm()
    assert "archive: its checksum is not the pinned one; package: its checksum is not the pinned one" in str(
        caught.value
    )
    assert cached(tmp_path) == []


def test_where_nothing_can_be_reached_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        ToolError, match=r"helm 4\.1\.0 could not be installed \(archive: .*; package: .*carries-helm"
    ) as caught:
        tools.helm()
    assert (caught.value.exit_code, "put it on PATH" in caught.value.hint) == (1, True)


@pytest.mark.parametrize("content", [b"<html>log in</html>", b"\x1f\x8b\x08\x00broken"])
def test_what_is_no_archive_is_no_crash(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archives" / "helm-4.1.0.tar.gz").write_bytes(content)
    (tmp_path / "wheels" / "carries_helm-1.0.0-py3-none-any.whl").write_bytes(content)
    with pytest.raises(ToolError, match="could not be installed"):
        tools.helm()


def test_on_other_machines_it_is_installed_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    with pytest.raises(ToolError, match="cannot be installed by itself on Darwin arm64") as caught:
        tools.helm()
    assert "helm.sh/docs/intro/install" in caught.value.hint
