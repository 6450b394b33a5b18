"""How livekit-server says that it cannot reach Redis: seen with the real server, and what health checks are held to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """``said`` is how the server's last words end, which begin with "unable to connect to redis: "; it says them and
    ends after ``seconds`` at least, and two more on a machine that is not busy."""

    said: str
    seconds: float = 0


#: why the server ends when it is started
AT_START = {
    "nobody listens": Failure("connect: connection refused"),
    "another token": Failure("WRONGPASS invalid username-password pair or user is disabled."),
    "no token": Failure("NOAUTH Authentication required."),
    "another authority": Failure("x509: certificate signed by unknown authority"),
    "TLS, and Redis speaks none": Failure("context deadline exceeded", 25),
    "no TLS, and Redis wants it": Failure("EOF"),
    "a closed security group": Failure("i/o timeout", 102),
    "an unknown name": Failure("no such host"),
}

#: what a running server logs for as long as its token is not good any more; it does not end
AFTER_START = "WRONGPASS invalid username-password pair or user is disabled."
