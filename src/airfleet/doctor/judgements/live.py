"""The judgement of probes of a running fleet."""

from __future__ import annotations

from airfleet.doctor.facts import LiveProbe
from airfleet.doctor.finding import Seen, seen_or, wrong


def probe(found: LiveProbe) -> tuple[Seen, ...]:
    """Judge what a probe found open."""
    return seen_or((wrong(leak, "close it, then airfleet doctor --live") for leak in found.leaks), found.done)
