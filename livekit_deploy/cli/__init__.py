"""The command line: arguments, signals and exit codes. Everything it says is said by `render`, and nothing heavy is
imported before a command needs it."""

from livekit_deploy.cli.entry import main

__all__ = ["main"]
