"""Rendered fields that travel with the end of their attempt.

A request costs more around than in it, and nearly every attempt of a Dag in Python makes one to say how its fields
were rendered. The monitor keeps them for up to :data:`LONGEST_SECONDS`; an attempt that succeeds before that has them
sent in a header of its last request, and what took them says so in a header of the answer. A server that does not
know of this, or for which the case is not plain, says nothing, and is told by a request of its own::

    monitor ── PATCH state, airfleet-rendered-fields: {"bash_command": "echo 1"} ──> the short path
            <───────────────── 204, airfleet-rendered-fields: stored ───────────────

Failure: a monitor that dies within that second loses the fields. Its attempt dies too, and the next one renders them
again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

HEADER = "airfleet-rendered-fields"
#: the answer's
STORED = "stored"
#: how long they may wait for the end of their attempt, seconds: somebody may want to see them meanwhile
LONGEST_SECONDS = 1.0
#: characters; a proxy takes headers of eight thousand at least
_MOST = 4_000


def packed(fields: Mapping[str, Any]) -> str | None:
    """Return fields as the value of a header; None when they are too large for one, or no JSON.

    >>> packed({"bash_command": "echo ä"})
    '{"bash_command":"echo \\\\u00e4"}'
    """
    try:
        text = json.dumps(fields, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError):
        return None
    return text if len(text) <= _MOST else None


def unpacked(header: bytes | None) -> dict[str, Any] | None:
    """Return the fields in a header; None when it holds none.

    >>> unpacked(b'{"n":[1]}'), unpacked(b"[1]"), unpacked(None)
    ({'n': [1]}, None, None)
    """
    try:
        fields = json.loads(header or b"null")
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None
