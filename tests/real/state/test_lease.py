"""The suite of tests/contract/test_lease.py against a server that nobody here wrote."""

from tests.contract.test_lease import *  # noqa: F403
