"""Loads the environment for ``down``, which needs only region, name, project and state, from a valid file or not."""

from __future__ import annotations

from livekit_deploy.cli.options import Options, load, meant, overrides_of, path_of
from livekit_deploy.config import Environment, load_teardown_config
from livekit_deploy.errors import ConfigError


def load_teardown(options: Options) -> Environment:
    """The environment, reduced to what `down` needs when the file does not validate any more.

    Raises `ConfigError` when even that cannot be read from it, `UsageError` as `meant` does.
    """
    try:
        return load(options)
    except ConfigError as error:
        found = load_teardown_config(path_of(options), overrides_of(options))
        if found is None:
            raise error from None
        return meant(options, found)
