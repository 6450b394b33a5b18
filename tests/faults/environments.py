"""Random environments for hypothesis: whatever an environment file may say, and now and then what it may not."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as some

from livekit_deploy.config import Environment, load_environment
from livekit_deploy.errors import ConfigError

ZONE = "example.com"
_NODES = some.fixed_dictionaries(
    {"min": some.integers(1, 2), "desired": some.integers(2, 3), "max": some.integers(3, 5)},
    optional={"capacity": some.sampled_from(["on_demand", "spot"])},
)
ENVIRONMENTS = some.fixed_dictionaries(
    {
        "preset": some.sampled_from(["dev", "uat", "prod"]),
        "region": some.just("us-east-1"),
        "livekit": some.fixed_dictionaries(
            {"domain": some.just(f"livekit.{ZONE}"), "hosted_zone": some.just(ZONE)},
            optional={"turn": some.just({"domain": f"turn.{ZONE}"}), "replicas": some.integers(1, 2)},
        ),
        "cluster": some.fixed_dictionaries(
            {"public_cidrs": some.just(["203.0.113.0/24"])},
            optional={
                "secrets_key": some.booleans(),
                "logs": some.lists(some.sampled_from(["api", "audit", "authenticator"]), unique=True),
            },
        ),
    },
    optional={
        "network": some.fixed_dictionaries(
            {"availability_zones": some.integers(2, 3), "nat": some.sampled_from(["none", "single", "per_az"])},
            optional={"flow_logs": some.booleans(), "cidr": some.sampled_from(["10.20.0.0/16", "172.20.0.0/18"])},
        ),
        "nodes": some.fixed_dictionaries({"media": _NODES}, optional={"system": _NODES}),
        "redis": some.fixed_dictionaries(
            {"replicas": some.integers(0, 2)},
            optional={"tls": some.booleans(), "auth": some.booleans(), "multi_az": some.booleans()},
        ),
        "tags": some.dictionaries(some.sampled_from(["team", "owner"]), some.sampled_from(["a", "media"])),
    },
)


def loaded(path: Path) -> Environment | None:
    """The environment, None where the models refuse it, which must be by name."""
    try:
        return load_environment(path, environ={})
    except ConfigError as error:
        refused = error
    assert path.name in str(refused)
    return None
