"""Fetches a file within a time and a size: whoever serves it cannot keep a run waiting, or fill its memory."""

from __future__ import annotations

import time
import urllib.request

_AT_ONCE = 1 << 16
_SILENCE = 20.0  # seconds until nobody is believed to answer


def download(url: str, *, seconds: float, most: int) -> bytes:
    """What is there, at most so many bytes and within so many seconds.

    Raises `OSError` when it cannot be had, is larger or takes longer, and `ValueError` for what is no URL.
    """
    end, found = time.monotonic() + seconds, bytearray()
    with urllib.request.urlopen(url, timeout=min(seconds, _SILENCE)) as response:
        while part := response.read1(_AT_ONCE):
            found += part
            if len(found) > most:
                raise OSError(f"it is larger than {most >> 20} MiB")
            if time.monotonic() > end:
                raise TimeoutError(f"it takes longer than {seconds:.0f} s")
    return bytes(found)
