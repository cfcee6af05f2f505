"""The bundle for a report."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from airfleet.doctor import bundle
from faultlab.measuring import secret_scan

SECRET = "a-long-secret-of-the-fleet"


def unpacked(file: Path, folder: Path) -> dict[str, str]:
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_every_text_is_in_it_redacted_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "report.tar.gz"
    bundle.write(file, {"doctor.json": "{}", "logs/agent.log": f"it says {SECRET}"}, [SECRET], 1_700_000_000.0)
    assert file.stat().st_mode & 0o777 == 0o600
    found = unpacked(file, tmp_path / "there")
    assert found == {"airfleet-doctor/doctor.json": "{}", "airfleet-doctor/logs/agent.log": "it says ***"}
    assert secret_scan.leaks([SECRET], (tmp_path / "there").rglob("*")) == ()


def test_the_scan_would_find_a_secret_that_was_not_hidden(tmp_path: Path) -> None:
    file = tmp_path / "report.tar.gz"
    bundle.write(file, {"logs/agent.log": f"it says {SECRET}"}, [], 0.0)
    unpacked(file, tmp_path / "there")
    found = secret_scan.leaks([SECRET], [path for path in (tmp_path / "there").rglob("*") if path.is_file()])
    assert found == ("agent.log holds a secret of the fleet",)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "report.tar.gz"
    file.write_text("mine")
    with pytest.raises(FileExistsError):
        bundle.write(file, {}, [], 0.0)
    assert file.read_text() == "mine"


def test_of_a_long_log_the_end_is_taken_from_the_begin_of_a_line(tmp_path: Path) -> None:
    (tmp_path / "agent.log").write_text("".join(f"line {number:06}\n" for number in range(20_000)))
    (tmp_path / "worker.log").write_text("short\n")
    (tmp_path / "worker.log.1").write_text("older\n")
    found = bundle.log_ends(tmp_path)
    assert sorted(found) == ["logs/agent.log", "logs/worker.log"]
    assert found["logs/worker.log"] == "short\n"
    assert found["logs/agent.log"].startswith("line ")
    assert found["logs/agent.log"].endswith("line 019999\n")
    assert len(found["logs/agent.log"]) <= bundle.LOG_BYTES
