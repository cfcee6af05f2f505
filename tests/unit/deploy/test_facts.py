"""Lines of a probe become facts; a real shell writes them."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from airfleet.agent.servers.server_programs import Program
from airfleet.deploy import facts, probe
from airfleet.deploy.version_record import VersionRecord
from airfleet.testing.ports import free_ports


def asked(home: Path, reach: list[tuple[str, int]] | None = None, servers: tuple[str, ...] = ()) -> facts.Facts:
    script = probe.script("airfleet/shop", ("3.11",), reach or [], servers)
    began = time.time()
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=environ, check=True, timeout=60)
    return facts.parse(done.stdout, began, time.time())


def test_a_machine_with_nothing_says_how_it_is(tmp_path: Path) -> None:
    found = asked(tmp_path)
    assert found.folder == f"{tmp_path}/airfleet/shop"
    assert (found.system, found.is_writable, found.state) == ("Linux", True, "stopped")
    assert found.memory_bytes > 2**28
    assert found.disk_bytes > 0
    assert abs(found.clock_ahead) < 2
    assert (found.current, found.previous, found.secrets, found.lock) == (None, None, None, "")


def test_programs_of_servers_are_known_by_their_paths_and_versions(tmp_path: Path) -> None:
    program = tmp_path / "my redis-server"
    program.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0'\n")
    program.chmod(0o755)
    found = asked(tmp_path, servers=(str(program), f"{tmp_path}/none"))
    assert [one for one in found.servers if one.path == program] == [Program(program, "redis", (6, 2, 14))]
    assert all(one.path.exists() for one in found.servers)


def test_servers_that_it_does_not_reach_are_known(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    assert asked(tmp_path, [("127.0.0.1", port)]).misses == {("127.0.0.1", port)}


def test_what_was_deployed_is_known(tmp_path: Path) -> None:
    folder = tmp_path / "airfleet" / "shop"
    version = folder / "versions" / "0.1.0-abc"
    version.mkdir(parents=True)
    (version / "version.json").write_text(VersionRecord("0.1.0-abc", "env", "0.1.0").to_json())
    (folder / "current").symlink_to("versions/0.1.0-abc")
    (folder / "environments" / "env").mkdir(parents=True)
    (folder / "environments" / "env" / ".whole").touch()
    (folder / "environments" / "half").mkdir()
    (folder / "deploy.lock").write_text("alice\n")
    (folder / ".airfleet").mkdir()
    (folder / ".airfleet" / "secrets.json").write_text(json.dumps({"peers_key": "secret"}))
    found = asked(tmp_path)
    assert found.current == VersionRecord("0.1.0-abc", "env", "0.1.0")
    assert (found.environments, found.versions, found.lock) == ({"env"}, {"0.1.0-abc"}, "alice")
    assert set(found.secrets or ()) == {"peers_key"}
    assert "secret" not in str(found.secrets).replace("peers_key", "")


def test_the_fleet_that_runs_there_is_known(tmp_path: Path) -> None:
    folder = tmp_path / "airfleet" / "shop"
    folder.mkdir(parents=True)
    status = {"state": "ready", "components": [{"address": "10.0.0.1:8080"}, {"address": ""}]}
    command = folder / "airfleet"
    command.write_text(f"#!/bin/sh\ncat <<'E'\n{json.dumps(status, indent=1)}\nE\n")
    command.chmod(0o700)
    found = asked(tmp_path)
    assert (found.is_well, found.runs, found.own_ports) == (True, True, {8080})


@pytest.mark.parametrize(
    ("line", "server"),
    [
        ("0100007F:1F90", ("127.0.0.1", 8080)),
        ("00000000:0016", ("0.0.0.0", 22)),
        ("00000000000000000000000000000000:0050", ("::", 80)),
        ("0000000000000000FFFF00000100007F:1F90", ("127.0.0.1", 8080)),
    ],
)
def test_listeners_of_the_kernel_are_read(line: str, server: tuple[str, int]) -> None:
    assert facts.parse(f"folder\t/srv\nlistens\t{line}\n", 0, 0).listens == {server}


@pytest.mark.parametrize(("there", "ahead"), [(99.0, -1.0), (100.5, 0.0), (103.0, 2.0)])
def test_a_clock_is_ahead_only_by_what_the_way_does_not_explain(there: float, ahead: float) -> None:
    assert facts.parse(f"folder\t/srv\ntime\t{there}\n", 100.0, 101.0).clock_ahead == ahead


def test_an_answer_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="answers a script of sh with something else"):
        facts.parse("This account is disabled.\n", 0, 0)
