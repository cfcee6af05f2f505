"""Reasons that probes give, in words."""

from __future__ import annotations

import pytest

from airfleet.agent.probes.results import (
    HttpError,
    LateHeartbeat,
    LateSign,
    NoAnswer,
    NoBroker,
    NoHeartbeat,
    NotConsuming,
    NotReported,
    ProbeFailed,
)
from airfleet.agent.states import Reason


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (NoAnswer("no answer within 0.05 s"), "does not answer yet: no answer within 0.05 s"),
        (NoAnswer("Connection refused", was_ready=True), "does not answer: Connection refused"),
        (HttpError("/three", 503), "/three answers 503"),
        (NoHeartbeat(), "has not written its first heartbeat yet"),
        (LateHeartbeat(40.4), "its last heartbeat is 40 s old"),
        (NotReported(), "has not reported that it is ready yet"),
        (LateSign(95.0), "its last sign of life is 95 s old"),
        (NoBroker("wants another password"), "takes no tasks: the broker wants another password"),
        (NotConsuming(61.0), "took nothing from its queues for 61 s, and the broker is well"),
        (ProbeFailed("KeyError: 1"), "cannot be asked: KeyError: 1"),
    ],
)
def test_what_a_probe_found_in_words(reason: Reason, sentence: str) -> None:
    assert str(reason) == sentence
