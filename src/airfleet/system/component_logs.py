"""The protocol by which one host reads the component logs of another, and its tokens.

::

    GET /airfleet/components                      {"names": ["scheduler", "worker"]}
    GET /airfleet/components/NAME?last=100        {"lines": [...], "end": 4711}   its last lines
    GET /airfleet/components/NAME?after=4711      {"lines": [...], "end": 4802}   what was written since

Lines are complete; ``end`` is the byte after the last of them. Each request carries a token. Its key is
derived from a secret of the agents, and opens nothing else
(:attr:`airfleet.fleet.servers.secrets.Secrets.component_logs_key`).
"""

from __future__ import annotations

from airfleet.system.clock_skew import MAY_DIFFER_SECONDS

QUESTION = "/airfleet/components"
#: lines of one answer, at most
MOST_LINES = 100_000
#: seconds for which a token is good, where clocks agree
TOKEN_SECONDS = 30
_AUDIENCE, _ALGORITHM = "airfleet component logs", "HS512"


def token(key: str, now: float, audience: str = _AUDIENCE) -> str:
    """Make a token that opens the logs, or another audience, for half a minute; ``now``: seconds since the epoch."""
    import jwt  # only here: a command that reads its own host's logs needs none

    return jwt.encode({"aud": audience, "iat": int(now), "exp": int(now) + TOKEN_SECONDS}, key, _ALGORITHM)


def opens(given: str, key: str, audience: str = _AUDIENCE) -> bool:
    """Tell whether this is a valid token of this key for this audience."""
    import jwt

    try:
        jwt.decode(
            given,
            key,
            algorithms=[_ALGORITHM],
            audience=audience,
            leeway=MAY_DIFFER_SECONDS,
            options={"require": ["aud", "iat", "exp"]},
        )
    except jwt.InvalidTokenError:
        return False
    return True
