"""What every system under test knows of its hosts."""

from __future__ import annotations

from support.fake_system import FakeSystem


def test_what_runs_on_a_host_is_known_by_its_processes(system: FakeSystem) -> None:
    assert [note.attempt for note in system.running_on("host-2")] == ["there"]
    assert system.attempts_on("host-1") == {"here"}


def test_hosts_are_found_on_their_bridge(system: FakeSystem) -> None:
    assert [system.address(host) for host in system.names] == ["198.18.7.1", "198.18.7.2"]
