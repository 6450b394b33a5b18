"""The suite of tests/contract/test_store.py against a server that nobody here wrote."""

from tests.contract.test_store import *  # noqa: F403
