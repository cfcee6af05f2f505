"""Orphaned attempts are ended and reported, and no other."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from uuid import uuid4

import pytest

from airfleet.agent.recovery.attempt_processes import ATTEMPT, MONITOR, AttemptRow, look_at_processes
from airfleet.agent.recovery.orphans import (
    ALONE_SECONDS,
    CLEARED_SECONDS,
    FORGET,
    FORGET_SECONDS,
    GRACE_SECONDS,
    STILL_SECONDS,
    LookResult,
    OrphanDetector,
)
from airfleet.agent.recovery.silence import BLIND_SECONDS, HEARD_SECONDS, SILENT_SECONDS, VOID_SECONDS
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning import patience
from airfleet.fleet.planning.default_settings import API_OUTAGE_SECONDS
from airfleet.metadata.lost_attempts import REPORT, RUNNING_HERE
from airfleet.system import procfs
from airfleet.system.clock_skew import MAY_DIFFER_SECONDS
from support.attempt_database import AttemptDatabase, told_of
from support.survival import survives
from support.titled import titled


def test_what_is_in_no_title_is_reported_and_what_is_is_not() -> None:
    here, gone = str(uuid4()), str(uuid4())
    database = AttemptDatabase([(here, 1, False, 0.0), (gone, 2**22 + 1, False, time.time())])
    with titled(f"{MONITOR}{here}"):
        assert OrphanDetector(database, "somewhere").look() == LookResult(2, 1)
    assert database.told(RUNNING_HERE) == [("somewhere",)]
    assert database.told(REPORT) == [told_of(gone, "somewhere")]


def test_what_workers_left_to_tell_is_told_before_anything_is_called_lost() -> None:
    database = AttemptDatabase([(str(uuid4()), 2**22 + 1, False, time.time())])
    reported_before: list[int] = []
    OrphanDetector(database, "here", upload=lambda: reported_before.append(len(database.told(REPORT)))).look()
    assert reported_before == [0]
    assert len(database.told(REPORT)) == 1


def test_nothing_is_called_lost_while_what_workers_left_cannot_be_told() -> None:
    def cannot() -> None:
        raise OSError("no such folder")

    database = AttemptDatabase([(str(uuid4()), 2**22 + 1, False, time.time())])
    with pytest.raises(OSError, match="no such folder"):
        OrphanDetector(database, "here", upload=cannot).look()
    assert database.told(REPORT) == []


def test_nothing_is_reported_and_no_process_looked_at_while_nothing_runs_here() -> None:
    database = AttemptDatabase()
    assert OrphanDetector(database, "here").look() == LookResult(0, 0)
    assert database.told(REPORT) == []


def test_a_cleared_attempt_is_called_lost_only_when_nobody_has_heard_of_its_end_for_a_while() -> None:
    cleared, other = str(uuid4()), str(uuid4())
    database = AttemptDatabase([(cleared, 2**22 + 1, True, time.time())])
    now = [100.0]
    lookout = OrphanDetector(database, "here", clock=lambda: now[0])
    assert lookout.look() == LookResult(1, 0)
    now[0] += CLEARED_SECONDS - 0.1
    database.running[:] = [(other, 2**22 + 1, True, time.time())]  # the first was heard of, another one ended
    assert lookout.look() == LookResult(1, 0)
    now[0] += CLEARED_SECONDS
    assert lookout.look() == LookResult(1, 0)
    now[0] += 0.2
    assert lookout.look() == LookResult(1, 1)
    assert [told["ids"] for told in database.told(REPORT)] == [[other]]


def test_an_attempt_without_its_monitor_is_asked_to_end_then_forced_and_reported_only_then() -> None:
    attempt = str(uuid4())
    database = AttemptDatabase([(attempt, 2**22 + 1, False, 0.0)])
    now = [100.0]
    lookout = OrphanDetector(database, "here", clock=lambda: now[0])
    with titled(f"{ATTEMPT}{attempt}", "signal.signal(signal.SIGTERM, signal.SIG_IGN)") as pid:
        for now[0] in (100.0, 100.1 + ALONE_SECONDS, 100.0 + ALONE_SECONDS + GRACE_SECONDS):
            assert lookout.look() == LookResult(1, 0)
        assert survives(pid)
        now[0] = 100.1 + ALONE_SECONDS + GRACE_SECONDS
        lookout.look()
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)
        assert lookout.look() == LookResult(1, 1)


def test_an_attempt_without_its_monitor_that_heeds_what_it_is_asked_ends_in_good_order() -> None:
    attempt = str(uuid4())
    database = AttemptDatabase([(attempt, 2**22 + 1, False, 0.0)])
    now = [100.0]
    lookout = OrphanDetector(database, "here", clock=lambda: now[0])
    with titled(f"{ATTEMPT}{attempt}") as pid:
        for now[0] in (100.0, 100.0 + ALONE_SECONDS):
            assert lookout.look() == LookResult(1, 0)
        assert survives(pid)
        now[0] = 100.1 + ALONE_SECONDS
        lookout.look()
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)
        assert os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_status == signal.SIGTERM  # type: ignore[union-attr]


def test_an_attempt_whose_process_has_no_title_yet_is_not_lost() -> None:
    database = AttemptDatabase(
        [(str(uuid4()), os.getpid(), False, time.time()), (str(uuid4()), None, False, time.time())]
    )
    assert OrphanDetector(database, "here").look() == LookResult(2, 1)


def test_a_monitor_that_stands_still_for_long_is_ended_and_its_attempt_is_lost_then() -> None:
    attempt = str(uuid4())
    database = AttemptDatabase([(attempt, 2**22 + 1, False, 0.0)])
    now = [100.0]
    lookout = OrphanDetector(database, "here", clock=lambda: now[0])
    with titled(f"{MONITOR}{attempt}") as pid:
        stop_and_wait(pid)
        assert lookout.look() == LookResult(1, 0)
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: pid not in look_at_processes(()).stopped, 5, "it goes on", pause_seconds=0.01)
        now[0] += 1.0
        assert lookout.look() == LookResult(1, 0)
        stop_and_wait(pid)
        for now[0] in (102.0, 102.0 + STILL_SECONDS):  # since it stands still again
            assert lookout.look() == LookResult(1, 0)
        assert survives(pid)
        now[0] = 102.1 + STILL_SECONDS
        lookout.look()
        wait_until(lambda: not procfs.is_alive(pid), 5, "it has ended", pause_seconds=0.01)
        assert lookout.look() == LookResult(1, 1)


class Silence:
    """A host on which some attempts are heard and others are not, by a clock that is turned on by hand."""

    def __init__(self, *attempts: str) -> None:
        self.now = 100.0
        self.beats = dict.fromkeys(attempts, 0.0)
        self.database = AttemptDatabase()
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
            found |= self.lookout._silence.look(
                [AttemptRow(ti_id, None, beat=beat) for ti_id, beat in self.beats.items()], self.now
            )
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
        return host.lookout._silence.look([AttemptRow("silent", None), AttemptRow("other", None, beat=beat)], host.now)

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
    wait_until(lambda: pid in look_at_processes(()).stopped, 5, "it stands still", pause_seconds=0.01)


def test_an_attempt_whose_end_is_known_and_not_told_yet_is_not_lost() -> None:
    one, other = str(uuid4()), str(uuid4())
    unheard = {one}
    database = AttemptDatabase([(one, 2**22 + 1, False, time.time()), (other, 2**22 + 2, False, time.time())])
    lookout = OrphanDetector(database, "here", relay=lambda gone, running: unheard & set(gone) & set(running))
    assert lookout.look() == LookResult(2, 1)
    assert database.told(REPORT) == [told_of(other, "here")]
    unheard.clear()
    assert lookout.look() == LookResult(2, 2)
