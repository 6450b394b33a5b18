"""What the real server says, and when, of a Redis that it cannot use; and what the chart must leave it time for."""

from __future__ import annotations

import re

from livekit_deploy.sandbox.serving.authority import Authority
from tests.real.livekit.kubelet import Container, Image
from tests.real.livekit.manifests import rendered
from tests.real.livekit.redis import PORT, TOKEN
from tests.real.livekit.redis_failures import AT_START
from tests.real.livekit.site import START_ERROR, Site, firewalled

_ENDS = re.compile(r"unable to connect to redis: (.*)")
_SERVERS = ("tls", "plain", "gone", "closed")
_LONGEST = 170.0  # seconds


def attempts(site: Site) -> dict[str, Container]:
    """Servers that cannot get anywhere, all at once."""
    tls, plain, gone, closed = (site.redis(tls=name != "plain", auth=name != "plain", name=name) for name in _SERVERS)
    gone.kill()
    firewalled(closed.host, f"tcp dport {PORT}", "input")

    def start(address: str, *, token: str = TOKEN, image: Image | None = None, **redis: bool) -> Container:
        told = {f"redis.{key}": value for key, value in redis.items()}
        given = rendered("uat", told, redis=address, token=token, pairs=site.pairs)
        return site.start(given, image)

    return {
        "a closed security group": start(closed.address),
        "TLS, and Redis speaks none": start(plain.address),
        "an unknown name": start(f"master.nowhere.use1.cache.amazonaws.com:{PORT}"),
        "nobody listens": start(gone.address),
        "another token": start(tls.address, token="another-token-0123456789"),
        "no token": start(tls.address, auth=False),
        "no TLS, and Redis wants it": start(tls.address, tls=False, auth=False),
        "another authority": start(tls.address, image=site.trusting(site.image, Authority("Somebody else"))),
    }


def test_the_server_says_why_it_cannot_reach_redis_within_the_time_of_the_startup_probe(both: list[Site]) -> None:
    started = [(site.version, *one) for site in both for one in attempts(site).items()]
    for version, name, pod in started:
        assert pod.wait(_LONGEST) == START_ERROR[version], name
        (said,) = _ENDS.findall(pod.log)
        assert said.endswith(AT_START[name].said), name
        assert pod.spoke_for > AT_START[name].seconds - 1, name
        assert pod.spoke_for < pod.probe("startupProbe").lasts, name
