"""The judgement of probes of a running fleet."""

from __future__ import annotations

from airfleet.doctor.facts import LiveProbe
from airfleet.doctor.finding import Seen, State
from airfleet.doctor.judgements import live


def test_each_leak_is_wrong_and_without_one_the_probe_says_what_it_did() -> None:
    done = "none of 6 rules of PostgreSQL trusts, or lets everybody in"
    leak = "line 3 of pg_hba.conf lets in every address"
    assert live.probe(LiveProbe(done)) == (Seen(State.FINE, done),)
    assert live.probe(LiveProbe(done, (leak,))) == (Seen(State.WRONG, leak, "close it, then airfleet doctor --live"),)
