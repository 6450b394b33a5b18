"""Downloads a wheel from the Python index that pip is configured with, without pip, which uv environments lack.

Sources: PyPA specifications, "Simple repository API"; pip documentation, "Configuration"; uv, "Package indexes".
"""

from __future__ import annotations

import base64
import configparser
import html
import json
import os
import re
import ssl
import sys
import urllib.parse
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from livekit_deploy.k8s.helm.download import download, named

_JSON = "application/vnd.pypi.simple.v1+json"
_ANCHOR = re.compile(r"<a\s[^>]*?href=[\"']([^\"']+)[\"'][^>]*>\s*([^<]+?)\s*</a>", re.IGNORECASE)
_PIPS_INDEX = re.compile(r"^PyPI = PackageIndex\(\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_PAGE_SECONDS, _LARGEST_PAGE = 60.0, 16 << 20


def wheel(package: str, *, seconds: float, most: int) -> bytes:
    """The wheel of ``name==version`` that runs everywhere. Raises `OSError` or `ValueError` when it cannot be had."""
    name, _, version = package.partition("==")
    wanted = f"{re.sub(r'[-_.]+', '_', name)}-{version}-py3-none-any.whl"
    page, headers = _with_login(f"{_index().rstrip('/')}/{re.sub(r'[-_.]+', '-', name).lower()}/")
    cafile = os.environ.get("PIP_CERT") or _configured("cert")
    context = ssl.create_default_context(cafile=cafile) if cafile else None
    accepted = {**headers, "Accept": f"{_JSON}, text/html;q=0.5"}
    text = download(page, seconds=_PAGE_SECONDS, most=_LARGEST_PAGE, headers=accepted, context=context)
    for file, url in _offered(text.decode("utf-8", "replace")):
        if file == wanted:
            whole = named(page, url)
            same = urllib.parse.urlsplit(whole).netloc == urllib.parse.urlsplit(page).netloc
            return download(whole, seconds=seconds, most=most, headers=headers if same else {}, context=context)
    raise ValueError(f"{_shown(page)} has no {wanted}")


def _offered(page: str) -> Iterator[tuple[str, str]]:
    """Name and URL of each file, from a page of the index in either form."""
    if page.lstrip().startswith("{"):
        try:
            yield from [(str(one["filename"]), str(one["url"])) for one in json.loads(page)["files"]]
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError("the page of the index is not of the form that is specified") from error
    else:
        yield from ((html.unescape(name), html.unescape(url)) for url, name in _ANCHOR.findall(page))


def _index() -> str:
    """The one that somebody chose for pip or uv, else the public one."""
    for variable in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        if said := os.environ.get(variable):
            return said
    return _configured("index-url") or _pips_own()


def _pips_own() -> str:
    """The index that pip asks when nobody says another one: by the pip of this environment, or by the one that Python
    carries for new environments. Raises `ValueError` where there is neither."""
    pips: list[Path | zipfile.Path] = []
    if (installed := find_spec("pip")) is not None and installed.origin:
        pips.append(Path(installed.origin).parent)
    if (carried := find_spec("ensurepip")) is not None and carried.origin:
        wheels = sorted(Path(carried.origin).parent.glob("_bundled/pip-*.whl"))
        pips += [zipfile.Path(one) / "pip" for one in wheels]
    for pip in pips:
        if found := _PIPS_INDEX.search((pip / "_internal" / "models" / "index.py").read_text(encoding="utf-8")):
            return urllib.parse.urljoin(found[1], "simple")
    raise ValueError("no Python index is set: say which one in PIP_INDEX_URL or UV_DEFAULT_INDEX")


def _configured(key: str) -> str:
    """What pip's own files say, "" for nothing; the later a file is read, the more it counts."""
    home, found = Path.home(), configparser.ConfigParser(interpolation=None, strict=False)
    said = os.environ.get("PIP_CONFIG_FILE")
    paths = [
        *(Path("/etc/pip.conf"), home / ".pip" / "pip.conf"),
        *(home / "Library" / "Application Support" / "pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"),
        *(Path(sys.prefix) / "pip.conf", *([Path(said)] if said else [])),
    ]
    try:
        found.read(paths, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ValueError(f"pip's configuration cannot be read: {error}") from error
    return next((found[one][key] for one in ("download", "global") if found.has_option(one, key)), "")


def _with_login(url: str) -> tuple[str, dict[str, str]]:
    """The URL without the name and password in it, and the header that carries them."""
    parts = urllib.parse.urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    headers = (
        {"Authorization": f"Basic {base64.b64encode(urllib.parse.unquote(login).encode()).decode()}"} if at else {}
    )
    return urllib.parse.urlunsplit(parts._replace(netloc=host)), headers


def _shown(page: str) -> str:
    return page.partition("?")[0]
