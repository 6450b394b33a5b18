"""Environment files for the tests of the configuration: a short head, and what a test is about from line 3 on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.errors import ConfigError

HEAD = "preset: dev\nregion: us-east-1\n"
LIVEKIT = "livekit: {domain: livekit.example.com}\n"
TODAY = date(2026, 11, 24)


class File:
    """One environment file that a test writes and reads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str) -> File:
        """``text`` as it is."""
        self.path.write_text(text, encoding="utf-8")
        return self

    def about(self, text: str) -> File:
        """A file that is complete but for ``text``, which begins on its line 3."""
        tail = "" if "livekit:" in text else LIVEKIT
        return self.write(HEAD + text.rstrip("\n") + "\n" + tail)

    def load(
        self, *, overrides: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
    ) -> Environment:
        return load_environment(self.path, overrides=overrides, environ=environ or {}, today=TODAY)

    def refused(
        self, *, overrides: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
    ) -> ConfigError:
        """The error that loading it must raise."""
        with pytest.raises(ConfigError) as caught:
            self.load(overrides=overrides, environ=environ)
        return caught.value
