"""How livekit-server says that it cannot reach Redis: seen with the real server, and what health checks are held to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """``said`` ends the server's log: after "unable to connect to redis: " it has these words. ``seconds`` is how long
    it takes until it says so and ends, at most."""

    said: str
    seconds: float


#: why the server ends when it is started
AT_START = {
    "nobody listens": Failure("connect: connection refused", 10),
    "another token": Failure("WRONGPASS invalid username-password pair or user is disabled.", 10),
    "no token": Failure("NOAUTH Authentication required.", 10),
    "another authority": Failure("x509: certificate signed by unknown authority", 10),
    "TLS, and Redis speaks none": Failure("context deadline exceeded", 40),
    "no TLS, and Redis wants it": Failure("EOF", 10),
    "a closed security group": Failure("i/o timeout", 115),
    "an unknown name": Failure("no such host", 115),
}
