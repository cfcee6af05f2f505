"""Marks that components leave for their agent."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from airfleet.spool import job_marks
from airfleet.spool.job_marks import JobMark
from support.full_disk import full_disk


def test_a_component_says_which_job_is_its_own_and_is_found_when_it_is_dead(tmp_path: Path) -> None:
    for number in (1, 2):  # the second one in the place of the first
        with full_disk():
            job_marks.write_job(tmp_path, JobMark("scheduler", 2**22 + 1, number))
        assert job_marks.read_job(tmp_path, "scheduler") == JobMark("scheduler", 2**22 + 1, number)
    assert job_marks.jobs_of_dead_processes(tmp_path, lambda pid: False) == (JobMark("scheduler", 2**22 + 1, 2),)
    job_marks.write_job(tmp_path, JobMark("scheduler", 2**22 + 1, 3))
    assert job_marks.read_job(tmp_path, "scheduler") == JobMark("scheduler", 2**22 + 1, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["scheduler.job"]


def test_a_beat_touches_what_is_its_own_and_replaces_what_another_one_left(tmp_path: Path) -> None:
    file = tmp_path / "worker.beat"
    job_marks.beat(file, 7)
    os.utime(file, (1, 1))
    before = file.stat().st_ino
    job_marks.beat(file, 7)
    assert (file.stat().st_ino, file.stat().st_mtime > 1) == (before, True)
    job_marks.beat(file, 8)
    assert (file.read_text(), file.stat().st_ino != before) == ("8", True)


def test_a_beat_that_is_a_link_is_touched_itself(tmp_path: Path) -> None:
    file = tmp_path / "worker.beat"
    file.symlink_to("7")
    os.utime(file, (1, 1), follow_symlinks=False)
    job_marks.beat(file, 7)
    assert (os.readlink(file), file.lstat().st_mtime > 1) == ("7", True)


def test_words_are_left_also_where_no_file_can_be_opened(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        job_marks.write(tmp_path / "words", "some")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert job_marks.read(tmp_path / "words") == "some"


def test_jobs_of_the_dead_are_those_that_can_be_read_and_whose_process_is_gone(tmp_path: Path) -> None:
    for job in (JobMark("scheduler", 1, 3), JobMark("triggerer", 2, 4)):
        job_marks.write_job(tmp_path, job)
    (tmp_path / "broken.job").write_text("{")
    assert job_marks.jobs_of_dead_processes(tmp_path, lambda pid: pid == 2) == (JobMark("scheduler", 1, 3),)
