"""Downloads a file within limits of time and size."""

from __future__ import annotations

import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping

_AT_ONCE = 1 << 16
_SILENCE = 20.0  # seconds until nobody is believed to answer


def download(
    url: str, *, seconds: float, most: int, headers: Mapping[str, str] = {}, context: ssl.SSLContext | None = None
) -> bytes:
    """What is there, at most so many bytes and within so many seconds.

    Raises `OSError` when it cannot be had, is larger or takes longer, and `ValueError` for what is no URL.
    """
    end, found = time.monotonic() + seconds, bytearray()
    asked = urllib.request.Request(url, headers=dict(headers))
    with urllib.request.urlopen(asked, timeout=min(seconds, _SILENCE), context=context) as response:
        while part := response.read1(_AT_ONCE):
            found += part
            if len(found) > most:
                raise OSError(f"it is larger than {most >> 20} MiB")
            if time.monotonic() > end:
                raise TimeoutError(f"it takes longer than {seconds:.0f} s")
    return bytes(found)


def named(page: str, url: str) -> str:
    """The whole of a URL that the ``page`` names, which somebody else wrote.

    Raises `ValueError` for one that leads from the web to something else, such as a file of this machine.
    """
    whole = urllib.parse.urljoin(page, url)
    scheme = urllib.parse.urlsplit(whole).scheme
    if scheme not in ("http", "https") and scheme != urllib.parse.urlsplit(page).scheme:
        raise ValueError(f"{page} names {whole}, which is not an address of the web")
    return whole
