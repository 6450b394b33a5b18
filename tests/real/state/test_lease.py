"""The suite of tests/contract/lease against a server that nobody here wrote."""

from tests.contract.lease.conftest import *  # noqa: F403
from tests.contract.lease.test_answers import *  # noqa: F403
from tests.contract.lease.test_clocks import *  # noqa: F403
from tests.contract.lease.test_stalls import *  # noqa: F403
