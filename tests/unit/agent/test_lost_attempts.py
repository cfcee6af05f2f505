"""Which attempts have lost their processes, and what the agent tells the database of the dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest

from airfleet.agent.recovery import job_fencing, orphans
from airfleet.agent.recovery.job_fencing import JobFencing
from airfleet.agent.recovery.orphans import (
    ALONE_SECONDS,
    ATTEMPT,
    BLIND_SECONDS,
    CLEARED_SECONDS,
    CLOCK_SECONDS,
    FORGET,
    FORGET_SECONDS,
    GRACE_SECONDS,
    HEARD_SECONDS,
    MONITOR,
    SILENT_SECONDS,
    STILL_SECONDS,
    VOID_SECONDS,
    AttemptProcesses,
    AttemptRow,
    OrphanDetector,
)
from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.fleet.planning import patience
from airfleet.fleet.planning.default_settings import API_OUTAGE_SECONDS
from airfleet.metadata.lost_attempts import REPORT, RUNNING_HERE, WORKER_GONE
from airfleet.spool import job_marks
from airfleet.spool.job_marks import Job
from airfleet.system import procfs
from airfleet.system.clock_skew import MAY_DIFFER_SECONDS
from support.survival import survives

ONE, OTHER = "0199aaaa-0000-7000-8000-000000000001", "0199bbbb-0000-7000-8000-000000000002"


def seen(monitors: Sequence[str] = (), attempts: Sequence[str] = (), started: dict[int, float] | None = None) -> Any:
    return AttemptProcesses(dict.fromkeys(monitors, 11), dict.fromkeys(attempts, 12), started or {})


# --- who is lost ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "found",
    [
        seen(monitors=[ONE]),
        seen(attempts=[ONE]),
        seen(monitors=[ONE[:20]]),  # there was no room for all of the title
        seen(started={7: 100.0}),  # it has not taken its title yet
        seen(started={7: 100.0 + CLOCK_SECONDS}),
    ],
)
def test_an_attempt_with_a_process_is_not_lost(found: AttemptProcesses) -> None:
    assert orphans.lost([AttemptRow(ONE, pid=7, beat=100.0)], found) == ()


@pytest.mark.parametrize(
    "found",
    [
        seen(),
        seen(monitors=[OTHER], attempts=[OTHER]),
        seen(started={7: 110.0}),  # another process has got its number since
        seen(started={8: 90.0}),
    ],
)
def test_an_attempt_without_a_process_is_lost(found: AttemptProcesses) -> None:
    row = AttemptRow(ONE, pid=7, beat=100.0)
    assert orphans.lost([row], found) == (row,)


def test_a_cleared_attempt_is_known_by_its_number_alone_as_its_processes_have_its_old_id() -> None:
    row = AttemptRow(ONE, pid=7, restarting=True, beat=100.0)
    assert orphans.lost([row], seen(started={7: 90.0})) == ()
    assert orphans.lost([row], seen()) == (row,)


def test_a_cleared_attempt_is_not_lost_for_a_clock_that_went_back_while_it_ran() -> None:
    cleared, other = AttemptRow(ONE, pid=12, restarting=True, beat=100.0), AttemptRow(OTHER, pid=12)
    under_its_old_id = seen(attempts=["0199cccc-0000-7000-8000-000000000003"], started={12: 220.0})
    assert orphans.lost([cleared, other], under_its_old_id) == (other,)
    assert orphans.lost([cleared, other], seen(attempts=[OTHER], started={12: 220.0})) == (cleared,)


def test_an_attempt_is_alone_without_its_monitor_only_if_it_runs_for_the_database() -> None:
    rows = [AttemptRow(ONE, pid=12)]
    assert orphans.alone(rows, seen(attempts=[ONE])) == {ONE: 12}
    assert orphans.alone(rows, seen(monitors=[ONE], attempts=[ONE])) == {}
    assert orphans.alone(rows, seen(attempts=[OTHER])) == {}


# --- looking ----------------------------------------------------------------------------------------


def celery_id(attempt: str) -> str:
    return f"celery-{attempt}"


def told_of(attempt: str, hostname: str) -> dict[str, Any]:
    """What a report says of one lost attempt."""
    return {"ids": [attempt], "celery_ids": [celery_id(attempt)], "hostname": hostname}


class Database:
    """Answers as Airflow's would; ``away`` makes it refuse."""

    def __init__(self, running: Sequence[tuple[str, int, bool, float]] = ()) -> None:
        self.running = list(running)
        self.asked: list[tuple[LiteralString, Any]] = []
        self.away = False

    def rows(self, query: LiteralString, parameters: Any) -> list[tuple[Any, ...]]:
        if self.away:
            raise psycopg.OperationalError("the server is away")
        self.asked.append((query, parameters))
        if query == RUNNING_HERE:
            return [(*row, celery_id(row[0])) for row in self.running]
        return [(len(parameters["ids"]), 1)] if query == REPORT else [(1, 1)]

    def told(self, query: LiteralString) -> list[Any]:
        return [parameters for asked, parameters in self.asked if asked == query]


@contextmanager
def titled(title: str, first: str = "pass") -> Iterator[int]:
    """A process that shows this title."""
    code = f"import setproctitle, signal, time; {first}; setproctitle.setproctitle({title!r}); print(flush=True)"
    child = subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(60)", " " * 80], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield child.pid
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_what_is_in_no_title_is_reported_and_what_is_is_not() -> None:
    here, gone = str(uuid4()), str(uuid4())
    database = Database([(here, 1, False, 0.0), (gone, 2**22 + 1, False, time.time())])
    with titled(f"{MONITOR}{here}"):
        assert OrphanDetector(database, "somewhere").look() == (2, 1)
    assert database.told(RUNNING_HERE) == [("somewhere",)]
    assert database.told(REPORT) == [told_of(gone, "somewhere")]


def test_what_workers_left_to_tell_is_told_before_anything_is_called_lost() -> None:
    database = Database([(str(uuid4()), 2**22 + 1, False, time.time())])
    reported_before: list[int] = []
    OrphanDetector(database, "here", carry=lambda: reported_before.append(len(database.told(REPORT)))).look()
    assert reported_before == [0]
    assert len(database.told(REPORT)) == 1


def test_nothing_is_called_lost_while_what_workers_left_cannot_be_told() -> None:
    def cannot() -> None:
        raise OSError("no such folder")

    database = Database([(str(uuid4()), 2**22 + 1, False, time.time())])
    with pytest.raises(OSError, match="no such folder"):
        OrphanDetector(database, "here", carry=cannot).look()
    assert database.told(REPORT) == []


def test_nothing_is_reported_and_no_process_looked_at_while_nothing_runs_here() -> None:
    database = Database()
    assert OrphanDetector(database, "here").look() == (0, 0)
    assert database.told(REPORT) == []


def test_a_cleared_attempt_is_called_lost_only_when_nobody_has_heard_of_its_end_for_a_while() -> None:
    cleared, other = str(uuid4()), str(uuid4())
    database = Database([(cleared, 2**22 + 1, True, time.time())])
    now = [100.0]
    lookout = OrphanDetector(database, "here", clock=lambda: now[0])
    assert lookout.look() == (1, 0)
    now[0] += CLEARED_SECONDS - 0.1
    database.running[:] = [(other, 2**22 + 1, True, time.time())]  # the first was heard of, another one ended
    assert lookout.look() == (1, 0)
    now[0] += CLEARED_SECONDS
    assert lookout.look() == (1, 0)
    now[0] += 0.2
    assert lookout.look() == (1, 1)
    assert [told["ids"] for told in database.told(REPORT)] == [[other]]


def test_an_attempt_without_its_monitor_is_asked_to_end_then_forced_and_reported_only_then() -> None:
    attempt = str(uuid4())
    database = Database([(attempt, 2**22 + 1, False, 0.0)])
    now = [100.0]
    lookout = OrphanDetector(database, "here", clock=lambda: now[0])
    with titled(f"{ATTEMPT}{attempt}", "signal.signal(signal.SIGTERM, signal.SIG_IGN)") as pid:
        for now[0] in (100.0, 100.1 + ALONE_SECONDS, 100.0 + ALONE_SECONDS + GRACE_SECONDS):
            assert lookout.look() == (1, 0)
        assert survives(pid)
        now[0] = 100.1 + ALONE_SECONDS + GRACE_SECONDS
        lookout.look()
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)
        assert lookout.look() == (1, 1)


def test_an_attempt_without_its_monitor_that_heeds_what_it_is_asked_ends_in_good_order() -> None:
    attempt = str(uuid4())
    database = Database([(attempt, 2**22 + 1, False, 0.0)])
    now = [100.0]
    lookout = OrphanDetector(database, "here", clock=lambda: now[0])
    with titled(f"{ATTEMPT}{attempt}") as pid:
        for now[0] in (100.0, 100.0 + ALONE_SECONDS):
            assert lookout.look() == (1, 0)
        assert survives(pid)
        now[0] = 100.1 + ALONE_SECONDS
        lookout.look()
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)
        assert os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_status == signal.SIGTERM  # type: ignore[union-attr]


def test_an_attempt_whose_process_has_no_title_yet_is_not_lost() -> None:
    database = Database([(str(uuid4()), os.getpid(), False, time.time()), (str(uuid4()), None, False, time.time())])
    assert OrphanDetector(database, "here").look() == (2, 1)


def a_process(proc: Path, pid: int, title: str, state: str = "S") -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "cmdline").write_bytes(title.encode() + b"\0\0")
    (proc / str(pid) / "stat").write_text(f"{pid} (a (b) c) {state} " + " ".join(["0"] * 18) + " 500 0")


def test_processes_are_known_by_their_titles_if_enough_of_the_id_is_left(tmp_path: Path) -> None:
    a_process(tmp_path, 1, f"{MONITOR}{ONE[:13]}")
    a_process(tmp_path, 2, f"{MONITOR}{ONE[:12]}")
    a_process(tmp_path, 3, f"{ATTEMPT}{OTHER}", "T")
    a_process(tmp_path, 4, f"{MONITOR}{OTHER}", "T")
    a_process(tmp_path, 5, "a program of somebody else with a long title")
    for pid, state in ((6, "Z"), (7, "X")):
        a_process(tmp_path, pid, "", state)
    (tmp_path / "8").mkdir()  # it has ended meanwhile
    (tmp_path / "a file that is no process").write_text("")
    found = orphans.look_at_processes({3, 5, 6, 7, 8}, tmp_path)
    assert (found.monitors, found.attempts) == ({ONE[:13]: 1, OTHER: 4}, {OTHER: 3})
    assert (set(found.started), found.stopped) == ({3, 5}, {4})


def test_a_monitor_that_stands_still_for_long_is_ended_and_its_attempt_is_lost_then() -> None:
    attempt = str(uuid4())
    database = Database([(attempt, 2**22 + 1, False, 0.0)])
    now = [100.0]
    lookout = OrphanDetector(database, "here", clock=lambda: now[0])
    with titled(f"{MONITOR}{attempt}") as pid:
        stop_and_wait(pid)
        assert lookout.look() == (1, 0)
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: pid not in orphans.look_at_processes(()).stopped, 5, "it goes on", pause_seconds=0.01)
        now[0] += 1.0
        assert lookout.look() == (1, 0)
        stop_and_wait(pid)
        for now[0] in (102.0, 102.0 + STILL_SECONDS):  # since it stands still again
            assert lookout.look() == (1, 0)
        assert survives(pid)
        now[0] = 102.1 + STILL_SECONDS
        lookout.look()
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)
        assert lookout.look() == (1, 1)


def test_a_monitor_that_stands_still_and_is_of_no_attempt_here_is_left_alone() -> None:
    found = AttemptProcesses({ONE: 11, OTHER: 12}, {}, {}, stopped=frozenset({11, 12}))
    assert orphans.still([AttemptRow(ONE, pid=7)], found) == {11}


class Silence:
    """A host on which some attempts are heard and others are not, by a clock that is turned on by hand."""

    def __init__(self, *attempts: str) -> None:
        self.now = 100.0
        self.beats = dict.fromkeys(attempts, 0.0)
        self.database = Database()
        self.lookout = OrphanDetector(self.database, "here", clock=lambda: self.now)

    def pass_by(self, seconds: float, heard: Sequence[str] = (), pause: float = 5.0) -> None:
        """Let time pass with a look after each pause; ``heard`` are those that send heartbeats."""
        until = self.now + seconds
        while self.now < until:
            self.now += pause
            self.beats |= dict.fromkeys(heard, self.now)
            self.look()

    def pass_by_unheard(self, seconds: float, pause: float) -> set[str]:
        """Let much time pass, with a look at heartbeats alone after each pause; who is called silent."""
        found = set[str]()
        until = self.now + seconds
        while self.now < until:
            self.now += pause
            found |= self.lookout._silent([AttemptRow(ti_id, None, beat=beat) for ti_id, beat in self.beats.items()])
        return found

    def look(self) -> None:
        self.database.running[:] = [(ti_id, 2**22 + 1, False, beat) for ti_id, beat in self.beats.items()]
        self.lookout.look()


def test_a_monitor_that_is_silent_while_another_one_here_is_heard_is_ended() -> None:
    silent, other = str(uuid4()), str(uuid4())
    host = Silence(silent, other)
    with titled(f"{MONITOR}{silent}") as pid, titled(f"{MONITOR}{other}") as heard:
        host.pass_by(SILENT_SECONDS - 5.0, heard=[other])
        assert survives(pid)
        host.pass_by(15.0, heard=[other])
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)
        assert survives(heard)
        host.look()
    assert [told["ids"] for told in host.database.told(REPORT)][-1] == [silent]


def test_one_that_is_heard_now_and_then_counts_and_the_limits_themselves_are_in_time() -> None:
    host = Silence("silent", "other")

    def silent(beat: float) -> set[str]:
        host.now += HEARD_SECONDS
        return host.lookout._silent([AttemptRow("silent", None), AttemptRow("other", None, beat=beat)])

    looks = int(SILENT_SECONDS / HEARD_SECONDS) + 1  # the first begins the time
    assert [silent(float(look // 2)) for look in range(looks)] == [set()] * looks
    assert silent(float(looks // 2)) == {"silent"}


def test_a_monitor_waits_until_its_token_is_void_and_not_longer() -> None:
    host = Silence("one")
    host.pass_by_unheard(BLIND_SECONDS, BLIND_SECONDS)
    pause = VOID_SECONDS / 1000.0
    assert host.pass_by_unheard(VOID_SECONDS, pause) == set()
    assert host.pass_by_unheard(pause, pause) == {"one"}


def test_after_an_outage_of_the_api_the_one_that_is_heard_first_ends_no_other() -> None:
    late, first = str(uuid4()), str(uuid4())
    host = Silence(late, first)
    with titled(f"{MONITOR}{late}") as pid:
        host.pass_by(SILENT_SECONDS + 60.0)  # nobody can be heard
        host.pass_by(20.0, heard=[first])
        assert survives(pid)
        host.pass_by(SILENT_SECONDS - 40.0, heard=[first, late])
        host.pass_by(SILENT_SECONDS - 5.0, heard=[first])
        assert survives(pid)
        host.pass_by(15.0, heard=[first])
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)


def test_an_attempt_that_starts_after_an_outage_of_the_api_ends_no_other() -> None:
    old, new = str(uuid4()), str(uuid4())
    host = Silence(old)
    with titled(f"{MONITOR}{old}") as pid:
        host.pass_by(SILENT_SECONDS + 60.0)
        host.pass_by(10.0, heard=[new])
        assert survives(pid)


def test_monitors_that_are_all_silent_wait_for_the_api_until_their_tokens_are_void() -> None:
    one, other = str(uuid4()), str(uuid4())
    host = Silence(one, other)
    with titled(f"{MONITOR}{one}") as pid, titled(f"{MONITOR}{other}"):
        host.pass_by(SILENT_SECONDS + HEARD_SECONDS + 60.0)
        left = VOID_SECONDS - SILENT_SECONDS - HEARD_SECONDS - 80.0
        assert host.pass_by_unheard(left, pause=BLIND_SECONDS) == set()
        assert survives(pid)
        host.pass_by(90.0)
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)


def test_nobody_was_silent_while_the_database_was_away() -> None:
    one, other = str(uuid4()), str(uuid4())
    host = Silence(one, other)
    with titled(f"{MONITOR}{one}") as pid:
        host.pass_by(SILENT_SECONDS - 5.0, heard=[other])
        host.now += BLIND_SECONDS + 1.0
        host.pass_by(SILENT_SECONDS - 5.0, heard=[other])
        assert survives(pid)


def test_a_token_is_void_when_this_says_so() -> None:
    for airflows_way in (False, True):
        life = patience.token_seconds(airflows_way=airflows_way) + MAY_DIFFER_SECONDS
        assert API_OUTAGE_SECONDS < life <= VOID_SECONDS


def test_who_tells_of_a_loss_forgets_old_ones_now_and_then() -> None:
    host = Silence(str(uuid4()))
    for pause in (0.0, FORGET_SECONDS - 1.0, 1.0):
        host.now += pause
        host.look()
    assert len(host.database.told(REPORT)) == 3
    assert len(host.database.told(FORGET)) == 2


def stop_and_wait(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: pid in orphans.look_at_processes(()).stopped, 5, "it stands still", pause_seconds=0.01)


# --- fencing ----------------------------------------------------------------------------------------


@pytest.fixture
def said() -> list[Event]:
    return []


@pytest.fixture
def make(tmp_path: Path, said: list[Event]) -> Iterator[Callable[[Database], JobFencing]]:
    made: list[JobFencing] = []

    def start(database: Database) -> JobFencing:
        made.append(JobFencing(database, "here", tmp_path, lambda event, **_: said.append(event)))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.close()


def dead() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_the_job_of_a_dead_component_is_marked_once_and_its_file_is_gone(
    tmp_path: Path, make: Callable[[Database], JobFencing], said: list[Event]
) -> None:
    database, pid = Database(), os.getpid()
    one = make(database)
    job_marks.write_down(tmp_path, Job("scheduler", pid, 17))
    one.died("scheduler", "scheduler", pid)
    wait_until(lambda: database.told(job_fencing.FENCE), 5, "it is told", pause_seconds=0.01)
    wait_until(lambda: job_marks.read_down(tmp_path, "scheduler") is None, 5, "the file is gone", pause_seconds=0.01)
    assert database.told(job_fencing.FENCE) == [(17,)]
    assert said == [Event.JOB_FENCED]


def test_what_a_successor_wrote_down_is_not_taken_for_the_dead_one(
    tmp_path: Path, make: Callable[[Database], JobFencing]
) -> None:
    database = Database()
    one = make(database)
    job_marks.write_down(tmp_path, Job("scheduler", os.getpid(), 18))
    one.died("scheduler", "scheduler", dead())
    one.died("api-server", "api-server", os.getpid())  # has no job
    one.died("worker", "worker", dead())
    wait_until(lambda: database.told(WORKER_GONE), 5, "the worker's death is told", pause_seconds=0.01)
    assert database.told(job_fencing.FENCE) == []
    assert job_marks.read_down(tmp_path, "scheduler") == Job("scheduler", os.getpid(), 18)


def test_what_a_dead_agent_could_not_say_is_said_by_the_next_one(
    tmp_path: Path, make: Callable[[Database], JobFencing]
) -> None:
    job_marks.write_down(tmp_path, Job("scheduler", dead(), 3))
    job_marks.write_down(tmp_path, Job("triggerer", os.getpid(), 4))
    (tmp_path / "broken.job").write_text("{")
    database = Database()
    make(database)
    wait_until(lambda: database.told(job_fencing.FENCE), 5, "it is told", pause_seconds=0.01)
    wait_until(lambda: database.told(RUNNING_HERE), 5, "attempts are looked at", pause_seconds=0.01)
    assert database.told(job_fencing.FENCE) == [(3,)]


def test_what_the_database_cannot_hear_is_said_when_it_is_back(
    tmp_path: Path, make: Callable[[Database], JobFencing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_fencing, "AGAIN_SECONDS", 0.02)
    database = Database()
    database.away = True
    one = make(database)
    job_marks.write_down(tmp_path, Job("triggerer", os.getpid(), 5))
    one.died("triggerer", "triggerer", os.getpid())
    wait_until(lambda: one._unsaid, 5, "it was tried", pause_seconds=0.01)
    database.away = False
    wait_until(lambda: database.told(job_fencing.FENCE), 5, "it is told", pause_seconds=0.01)
    assert database.told(job_fencing.FENCE) == [(5,)]


def test_an_error_that_nobody_expected_is_said_once_and_the_thread_goes_on(
    tmp_path: Path, make: Callable[[Database], JobFencing], monkeypatch: pytest.MonkeyPatch, said: list[Event]
) -> None:
    monkeypatch.setattr(job_fencing, "BUSY_SECONDS", 0.02)
    monkeypatch.setattr(job_fencing, "QUIET_SECONDS", 0.02)
    database = Database()
    looks: list[int] = []

    def surprise(gone: Any, running: Any) -> tuple[str, ...]:
        looks.append(1)
        "東京".encode("latin-1")
        return ()

    one = make(database)
    one._lookout.untold = surprise
    one._put(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    wait_until(lambda: len(looks) >= 3, 5, "it looks again and again", pause_seconds=0.01)
    one._lookout.untold = lambda gone, running: ()
    job_marks.write_down(tmp_path, Job("triggerer", os.getpid(), 6))
    one.died("triggerer", "triggerer", os.getpid())
    wait_until(lambda: database.told(job_fencing.FENCE) == [(6,)], 5, "the dead are told of", pause_seconds=0.01)
    assert said[:2] == [Event.SURPRISED, Event.SURPRISED]  # one of each
    assert said.count(Event.SURPRISED) <= 3


@pytest.mark.parametrize("kind", [MONITOR, ATTEMPT])
def test_the_death_of_a_monitor_or_of_an_attempt_without_one_makes_the_agent_look_at_once(
    kind: str, make: Callable[[Database], JobFencing], monkeypatch: pytest.MonkeyPatch, said: list[Event]
) -> None:
    monkeypatch.setattr(job_fencing, "BUSY_SECONDS", 60.0)
    attempt = str(uuid4())
    database = Database([(attempt, 2**22 + 1, False, 0.0)])
    with titled(f"{kind}{attempt}") as pid:
        one = make(database)
        wait_until(lambda: one._watched, 5, "the process is known", pause_seconds=0.01)
        assert database.told(REPORT) == []
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: database.told(REPORT), 5, "the attempt is reported", pause_seconds=0.01)
    wait_until(lambda: said, 5, "it is in the log", pause_seconds=0.01)
    assert set(said) == {Event.ATTEMPTS_LOST}


def test_a_process_that_ends_by_a_signal_is_no_process_any_more() -> None:
    attempt = str(uuid4())
    with titled(f"{ATTEMPT}{attempt}") as pid:
        assert orphans.look_at_processes({pid}).attempts[attempt] == pid
        assert orphans.look_at_processes({pid}).started[pid] == pytest.approx(time.time(), abs=5.0)
        os.kill(pid, signal.SIGKILL)
        # Nobody has asked for its end yet: it is there, and runs no more.
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)
        after = orphans.look_at_processes({pid})
        assert (attempt in after.attempts, after.started) == (False, {})


def test_an_attempt_whose_end_is_known_and_not_told_yet_is_not_lost() -> None:
    one, other = str(uuid4()), str(uuid4())
    unheard = {one}
    database = Database([(one, 2**22 + 1, False, time.time()), (other, 2**22 + 2, False, time.time())])
    lookout = OrphanDetector(database, "here", untold=lambda gone, running: unheard & set(gone) & set(running))
    assert lookout.look() == (2, 1)
    assert database.told(REPORT) == [told_of(other, "here")]
    unheard.clear()
    assert lookout.look() == (2, 2)
