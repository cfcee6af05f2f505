"""The lines of a fleet's logs that a failed test shows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from airfleet.testing.fleet import FleetUnderTest
from support import fleet_logs
from support.fleet_logs import MOST_LINES


def test_the_last_warnings_and_errors_of_each_log_are_shown(tmp_path: Path) -> None:
    lines = [f"[error    ] number {number}" for number in range(MOST_LINES + 5)]
    (tmp_path / "api-server.log").write_text("\n".join([*lines, "[info     ] fine"]))
    (tmp_path / "worker.log").write_text("[info     ] no errors here, and none\n")
    (tmp_path / "zygote.log").write_bytes(b"WARNING: \xff\n")
    assert fleet_logs.sections(tmp_path) == [
        ("fleet: api-server.log", "\n".join(lines[5:])),
        ("fleet: zygote.log", "WARNING: \ufffd"),
    ]


def test_a_fleet_is_found_in_what_holds_it(tmp_path: Path) -> None:
    fleet = FleetUnderTest(tmp_path, {})
    values = [fleet, SimpleNamespace(fleet=fleet), SimpleNamespace(fleet="other"), 3, None]
    assert list(fleet_logs.fleets_in(values)) == [fleet, fleet]
