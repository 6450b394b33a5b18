"""``python -m livekit_deploy``."""

from livekit_deploy.cli import main

main()
