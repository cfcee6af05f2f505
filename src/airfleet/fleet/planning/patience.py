"""Patience with attempts that are not heard: the silence of a monitor, and the life of an attempt's token."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, TypeAlias

from airfleet.fleet.planning.default_settings import (
    API_OUTAGE_SECONDS,
    HEARTBEAT_TIMEOUT_SECONDS,
    TOKEN_AGE_SECONDS,
)

#: section -> option -> value
Sections: TypeAlias = Mapping[str, Mapping[str, str]]

#: what an attempt that has waited long enough needs to end and to say so, seconds
LAST_WORDS_SECONDS: Final = 300
#: Airflow's own way renews a token in the last of so many equal parts of its life
_AIRFLOWS_PARTS: Final = 5
#: settings under which requests take that way (see airfleet.api_server.fast_path)
_AIRFLOWS_WAY: Final = (("core", "multi_team"), ("traces", "otel_on"))
#: how Airflow reads that something is so
_YES: Final = ("t", "true", "1")


def silence_seconds(sections: Sections) -> float:
    """Give the seconds after which a monitor is silent for good, while others of its host are heard.

    Before a scheduler would fail its task by Airflow's rule, and never before two heartbeats are due.
    """
    timeout = _number(sections["scheduler"].get("task_instance_heartbeat_timeout"), HEARTBEAT_TIMEOUT_SECONDS)
    interval = _number(sections.get("workers", {}).get("min_heartbeat_interval"), 0.0)
    return max(0.8 * HEARTBEAT_TIMEOUT_SECONDS, 0.8 * timeout, 2.0 * interval + 30.0)


def token_seconds(
    outage_seconds: float = API_OUTAGE_SECONDS,
    heartbeat_seconds: float = 0.0,
    age_seconds: float = TOKEN_AGE_SECONDS,
    *,
    airflows_way: bool = False,
) -> int:
    """Compute the life of an attempt's token, seconds: the least with which it can report after the longest outage.

    An outage may begin just before a token would have been renewed. That is with the first heartbeat after it has come
    of age; in Airflow's own way, when a fifth of its life is left.

    >>> token_seconds(), token_seconds(airflows_way=True)
    (4200, 19500)
    """
    needed = outage_seconds + LAST_WORDS_SECONDS
    if airflows_way:
        return math.ceil(_AIRFLOWS_PARTS * needed)
    return math.ceil(needed + age_seconds + 2 * heartbeat_seconds)


def token_life(sections: Sections) -> int:
    """Compute :func:`token_seconds` for the settings of a fleet."""
    outage = _number(sections["airfleet"].get("api_outage_seconds"), API_OUTAGE_SECONDS)
    heartbeat = _number(sections.get("workers", {}).get("min_heartbeat_interval"), 0.0)
    age = _number(sections["airfleet"].get("token_age_seconds"), TOKEN_AGE_SECONDS)
    airflows_way = any(sections.get(section, {}).get(key, "").lower() in _YES for section, key in _AIRFLOWS_WAY)
    return token_seconds(outage, heartbeat, age, airflows_way=airflows_way)


def _number(value: str | None, otherwise: float) -> float:
    try:
        return float(value if value is not None else otherwise)
    except ValueError:  # Airflow will say what is wrong with it
        return otherwise
