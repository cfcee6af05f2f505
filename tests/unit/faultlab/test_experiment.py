"""An experiment reads the logs of agents, too."""

from __future__ import annotations

from pathlib import Path

from faultlab.experiment import surprises


def test_what_an_agent_met_that_nobody_had_thought_of_is_seen(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    log.write_text('at it is healthy {"action": "component_healthy"}\nat odd {"action": "surprised", "part": "x"}\n')
    (tmp_path / "worker.log").write_text('{"action": "surprised"}\n')
    assert surprises(tuple(tmp_path.iterdir())) == ['an agent says: at odd {"action": "surprised", "part": "x"}']
