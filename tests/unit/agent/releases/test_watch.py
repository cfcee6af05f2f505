"""The watch over releases, on a database and a disk that the test plays."""

from __future__ import annotations

import queue
import select
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.agent.release_status import ReleaseStatus
from airfleet.agent.releases import decisions, watch
from airfleet.agent.releases.decisions import Report, Wanted
from airfleet.agent.releases.fetches import FetchFailed
from airfleet.agent.releases.vouching import ReleaseVouching
from airfleet.agent.releases.watch import ReleaseWatch
from airfleet.backoff import Backoff
from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.releases.news import ReleaseState
from airfleet.releases.policies.signed_text import Purpose, Signature
from airfleet.releases.policies.verification import SigningPolicy

SECONDS = 10.0
FETCHING, READY = Report(ReleaseState.FETCHING), Report(ReleaseState.READY)
OLD, ONE, TWO = "0" * 64, "1" * 64, "2" * 64


class PlayedDatabase:
    """What all connections read and write; implements ReleaseDatabase."""

    def __init__(self) -> None:
        self.now = Wanted()
        self.reports: dict[str, Report] = {}
        self.history: list[tuple[str, Report]] = []
        self.withdrawn: set[str] = set()
        self.error: Exception | None = None
        self.connections = 0
        self.reads = 0
        self.statuses = 0
        self.elsewhere: set[str] = set()
        self._news: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)

    def connect(self) -> PlayedDatabase:
        self.connections += 1
        self._require()
        return self

    def say(self, payload: str = "", **changes: Any) -> None:
        """Change what is wanted, and notify."""
        self.now = replace(self.now, **changes)
        if payload:
            self._news.put(payload)
        self._mouth.send(b"!")

    def break_off(self, error: Exception) -> None:
        """Lose the connection, and all that are opened from now on."""
        self.error = error
        self._mouth.send(b"!")

    def wait(self, seconds: float | None, wakeup: socket.socket) -> tuple[str, ...]:
        select.select([self._ear, wakeup], [], [], seconds)
        self._require()
        try:
            self._ear.recv(4096)
        except BlockingIOError:
            pass
        found = []
        while not self._news.empty():
            found.append(self._news.get())
        return tuple(found)

    def wanted(self) -> Wanted:
        self._require()
        self.reads += 1
        return self.now

    def status(self) -> ReleaseStatus:
        self._require()
        self.statuses += 1
        return ReleaseStatus(live=self.now.live or "", note="a note", since=60.0)

    def reported(self, host: str) -> Mapping[str, Report]:
        assert host == "a"
        return dict(self.reports)

    def ready(self, digest: str) -> frozenset[str]:
        self._require()
        return frozenset(self.elsewhere)

    def report(self, host: str, digest: str, report: Report) -> None:
        self._require()
        self.reports[digest] = report
        self.history.append((digest, report))

    def withdraw(self, host: str, digests: Collection[str]) -> None:
        self.withdrawn |= set(digests)
        self.reports = {digest: report for digest, report in self.reports.items() if digest not in digests}

    def close(self) -> None:
        """Nothing to close: the next connection is this one."""

    def _require(self) -> None:
        if self.error:
            raise self.error


class PlayedDisk:
    """The releases of a host in memory; implements ReleaseDisk. A fetch waits for its ``gate``, where it has one."""

    def __init__(self) -> None:
        self.link: str | None = None
        self.here: set[str] = set()
        self.without_python: set[str] = set()
        self.gates: dict[str, threading.Event] = {}
        self.errors: dict[str, Exception] = {}
        self.activation_error: OSError | None = None
        self.fetched: list[str] = []

    def tidy(self) -> None:
        """Nothing is left half."""

    def live(self) -> str | None:
        return self.link

    def trees(self) -> frozenset[str]:
        return frozenset(self.here)

    def unbuilt(self) -> frozenset[str]:
        return frozenset(self.without_python)

    def fetch(self, digest: str) -> None:
        self.fetched.append(digest)
        if gate := self.gates.get(digest):
            assert gate.wait(SECONDS)
        if error := self.errors.get(digest):
            raise error
        self.here.add(digest)

    def activate(self, digest: str) -> None:
        if self.activation_error:
            raise self.activation_error
        assert digest in self.here
        self.link = digest

    def retire(self) -> None:
        self.link = None

    def drop(self, digests: Collection[str]) -> None:
        self.here -= set(digests)
        self.without_python -= set(digests)


class Played:
    """A watch, what it looks at, and what it logs."""

    def __init__(self, policy: SigningPolicy | None = None, elsewhere: Collection[str] = ()) -> None:
        self.database, self.disk = PlayedDatabase(), PlayedDisk()
        self.said: list[str] = []
        self.woken = threading.Event()
        vouching = ReleaseVouching(policy, self._log)
        connect, wake = self.database.connect, self.woken.set
        self.watch = ReleaseWatch("a", connect, self.disk, self._log, wake, vouching=vouching, elsewhere=elsewhere)

    def _log(self, event: Event, **payload: Any) -> None:
        self.said.append(event.value.format(**payload))

    def until(self, condition: Callable[[], object], what: str) -> None:
        wait_until(condition, SECONDS, what, pause_seconds=0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for a second try."""
    for module, name in (
        (watch, "RECONNECT_BACKOFF"),
        (watch, "NO_TABLES_BACKOFF"),
        (decisions, "FETCH_BACKOFF"),
    ):
        monkeypatch.setattr(module, name, Backoff(first=0.01, most=0.01))


@contextmanager
def watching(policy: SigningPolicy | None = None, elsewhere: Collection[str] = ()) -> Iterator[Played]:
    played = Played(policy, elsewhere)
    try:
        yield played
        assert not [line for line in played.said if line.startswith("unexpected error")]
    finally:
        played.watch.close()


def test_a_release_is_fetched_when_it_is_published_and_goes_live_when_it_is_told_to() -> None:
    with watching() as played:
        database, disk = played.database, played.disk
        played.watch.start()
        played.until(lambda: database.reads, "it reads")
        database.say(f"published {ONE}", published=(ONE,))
        played.until(lambda: database.reports == {ONE: READY}, "the host is ready")
        assert database.history == [(ONE, FETCHING), (ONE, READY)]
        assert (disk.link, played.watch.status.live) == (None, "")
        database.say(f"live {ONE}", live=ONE)
        played.until(lambda: disk.link == ONE, "it is live")
        played.until(lambda: played.watch.status.live == ONE, "it is told")
        assert played.watch.status.since >= 60.0
        assert played.said[0].startswith("fetched release 111111111111 in ")
        assert played.said[1:] == ["release 111111111111 is live on this host"]


def test_a_host_at_rest_asks_nothing() -> None:
    with watching() as played:
        played.database.now = Wanted(live=ONE, published=(ONE,))
        played.disk.here, played.disk.link = {ONE}, ONE
        waits: list[float | None] = []
        waited = played.database.wait
        played.database.wait = lambda seconds, wakeup: waits.append(seconds) or waited(seconds, wakeup)  # type: ignore[method-assign,func-returns-value]
        played.watch.start()
        played.until(lambda: waits, "it waits")
        assert waits == [None]
        assert (played.database.reads, played.database.statuses) == (1, 1)


def test_reports_of_other_hosts_are_read_together() -> None:
    with watching() as played:
        database = played.database
        database.now, played.disk.here, played.disk.link = Wanted(live=ONE), {ONE}, ONE
        played.watch.start()
        played.until(lambda: database.reports, "it watches")
        for _ in range(5):
            database.say(f"host {ONE}")
        database.say(f"host {TWO}")
        played.until(lambda: database.statuses == 2, "the reports are read")
        assert database.reads == 1


def test_a_fetch_that_takes_long_holds_up_no_rollback() -> None:
    with watching() as played:
        database, disk = played.database, played.disk
        database.now, disk.here = Wanted(published=(ONE,)), {ONE}
        gate = disk.gates[TWO] = threading.Event()
        played.watch.start()
        database.say(f"published {TWO}", published=(TWO, ONE))
        played.until(lambda: disk.fetched == [TWO], "it fetches")
        database.say(f"live {ONE}", live=ONE)
        played.until(lambda: disk.link == ONE, "the other one is live")
        assert TWO not in disk.here
        gate.set()
        played.until(lambda: database.reports.get(TWO) == READY, "the fetch ends")


def test_what_nobody_needs_is_deleted_after_the_next_one_went_live() -> None:
    with watching() as played:
        database, disk = played.database, played.disk
        database.now, disk.here, disk.link = Wanted(live=ONE), {ONE}, ONE
        played.watch.start()
        played.until(lambda: database.reports == {ONE: READY}, "it watches")
        database.say(f"live {TWO}", live=TWO)
        played.until(lambda: disk.here == {TWO}, "the old one is deleted")
        played.until(lambda: database.reports == {TWO: READY}, "its report is withdrawn")
        assert disk.link == TWO
        assert database.withdrawn == {ONE}
        assert "deleted 1 releases that no run needs any more" in played.said


def test_a_release_whose_python_cannot_be_built_keeps_its_files_while_it_is_needed() -> None:
    with watching() as played:
        database, disk = played.database, played.disk
        database.now, disk.here, disk.link = Wanted(live=ONE, published=(TWO, ONE)), {ONE, OLD}, ONE
        disk.without_python, disk.errors[TWO] = {TWO}, FetchFailed("no such package", is_certain=True)
        played.watch.start()
        played.until(lambda: disk.here == {ONE}, "the old one is deleted")
        assert disk.without_python == {TWO}
        database.say(f"published {ONE}", published=(ONE,))
        played.until(lambda: not disk.without_python, "it is deleted, too")


def test_the_folder_is_in_force_again_when_no_release_is_live() -> None:
    with watching() as played:
        played.disk.here, played.disk.link = {ONE}, ONE
        played.watch.start()
        played.until(lambda: played.disk.link is None, "none is live")
        assert "no release is live any more: the folder of pipelines is in force again" in played.said


def test_a_failed_fetch_is_said_once_for_each_cause_and_tried_again_until_it_succeeds() -> None:
    with watching() as played:
        database, disk = played.database, played.disk
        disk.errors[ONE] = FetchFailed("the store does not answer")
        database.now = Wanted(live=ONE)
        played.watch.start()
        failed = Report(ReleaseState.FAILED, "the store does not answer")
        played.until(lambda: database.reports.get(ONE) == failed, "it has failed")
        tries = [report for _, report in database.history]
        assert tries == [FETCHING, replace(FETCHING, sentence="the store does not answer"), failed]
        played.until(lambda: played.watch.trouble, "the host is unwell")
        assert played.watch.trouble == "the live release is not on this host: the store does not answer"
        assert played.woken.is_set()
        del disk.errors[ONE]
        played.until(lambda: database.reports.get(ONE) == READY, "it is here")
        played.until(lambda: not played.watch.trouble, "the host is well")
        why = "release 111111111111 is not on this host yet, and is fetched again later: the store does not answer"
        assert played.said.count(why) == 1


def test_a_release_that_failed_is_fetched_again_at_once_when_a_host_that_gives_objects_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decisions, "FETCH_BACKOFF", Backoff(first=1000.0, most=1000.0))
    with watching(elsewhere={"b"}) as played:
        database, disk = played.database, played.disk
        disk.errors[ONE] = FetchFailed("the folder is away")
        database.now = Wanted(published=(ONE,))
        played.watch.start()
        played.until(lambda: database.reports.get(ONE, FETCHING).sentence, "it has failed")
        database.elsewhere = {"c"}
        database.say(f"host {ONE}")
        database.elsewhere = {"b", "c"}
        del disk.errors[ONE]
        database.say(f"host {ONE}")
        played.until(lambda: database.reports[ONE] == READY, "it is here")
        assert disk.fetched == [ONE, ONE]


def test_a_host_that_is_ready_while_a_fetch_fails_is_asked_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "FETCH_BACKOFF", Backoff(first=1000.0, most=1000.0))
    with watching(elsewhere={"b"}) as played:
        database, disk = played.database, played.disk
        gate = disk.gates[ONE] = threading.Event()
        disk.errors[ONE] = FetchFailed("nobody has it")
        database.now = Wanted(published=(ONE,))
        played.watch.start()
        played.until(lambda: disk.fetched, "it is being fetched")
        database.elsewhere = {"b"}
        database.say(f"host {ONE}")
        gate.set()
        played.until(lambda: len(disk.fetched) == 2, "it is fetched once more")
        played.until(lambda: database.reports[ONE].sentence, "it has failed")
        database.say(f"host {ONE}")  # nothing new
        database.say(f"published {TWO}", published=(ONE, TWO))
        played.until(lambda: TWO in disk.fetched, "the news was read")
        assert disk.fetched.count(ONE) == 2


def test_the_database_is_told_every_line_of_a_sentence_and_the_log_the_first() -> None:
    with watching() as played:
        played.disk.errors[ONE] = FetchFailed("an environment cannot be built\nno matching version", is_certain=True)
        played.database.now = Wanted(live=ONE)
        played.watch.start()
        played.until(lambda: played.watch.trouble, "the host is unwell")
        assert played.watch.trouble == "the live release is not on this host: an environment cannot be built"
        assert played.database.reports[ONE].sentence == "an environment cannot be built\nno matching version"
        assert played.said[0].endswith(": an environment cannot be built")


def test_a_release_that_is_published_again_is_fetched_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "FETCH_BACKOFF", Backoff(first=1000.0, most=1000.0))
    with watching() as played:
        database, disk = played.database, played.disk
        disk.errors[ONE] = FetchFailed("a file has other bytes than the release says", is_certain=True)
        database.now = Wanted(published=(ONE,))
        played.watch.start()
        played.until(lambda: ONE in database.reports and database.reports[ONE].sentence, "it has failed")
        assert database.reports[ONE].state is ReleaseState.FAILED
        assert played.watch.trouble == ""
        del disk.errors[ONE]
        database.say(f"published {ONE}")
        played.until(lambda: database.reports.get(ONE) == READY, "it is here")


def test_a_full_disk_keeps_the_release_before_live_and_says_so() -> None:
    with watching() as played:
        database, disk = played.database, played.disk
        database.now, disk.here, disk.link = Wanted(live=ONE, published=(TWO, ONE)), {ONE, TWO}, ONE
        disk.activation_error = OSError(28, "No space left on device")
        played.watch.start()
        database.say(f"live {TWO}", live=TWO)
        played.until(lambda: played.watch.trouble, "the host is unwell")
        assert played.watch.trouble == "the live release cannot go live on this host: No space left on device"
        assert disk.link == ONE
        disk.activation_error = None
        played.until(lambda: disk.link == TWO, "it is live")
        played.until(lambda: not played.watch.trouble, "the host is well")
        assert played.said == [
            "release 222222222222 cannot go live on this host, which is tried again later: No space left on device",
            "release 222222222222 is live on this host",
        ]


def test_without_the_database_releases_stay_as_they_are_and_it_is_said_once() -> None:
    with watching() as played:
        database, disk = played.database, played.disk
        database.now, disk.here, disk.link = Wanted(live=ONE), {ONE}, ONE
        played.watch.start()
        played.until(lambda: database.reports == {ONE: READY}, "it watches")
        database.break_off(psycopg.OperationalError("connection refused\nIs the server running?"))
        played.until(lambda: database.connections > 4, "it tries again and again")
        assert (disk.link, disk.here, played.watch.status.live) == (ONE, {ONE}, ONE)
        database.now = Wanted(live=TWO)  # a notification that nobody heard
        database.error = None
        played.until(lambda: disk.link == TWO, "what happened meanwhile is done")
        assert played.said[:2] == [
            "no news of releases, so this host goes on with those that it has: connection refused",
            "news of releases arrives again",
        ]


def test_a_database_without_tables_yet_is_no_outage() -> None:
    with watching() as played:
        played.database.error = psycopg.errors.UndefinedTable('relation "airfleet_release" does not exist')
        played.watch.start()
        played.until(lambda: played.database.connections > 3, "it looks again and again")
        played.database.now, played.database.error = Wanted(published=(ONE,)), None
        played.until(lambda: played.database.reports == {ONE: READY}, "it has fetched")
        assert [line.partition(" in ")[0] for line in played.said] == ["fetched release 111111111111"]


def test_an_unsigned_release_is_refused_until_a_signature_comes(tmp_path: Path) -> None:
    (tmp_path / "pushers").write_text("nobody\n")
    with watching(SigningPolicy("shop", tmp_path, "pushers")) as played:
        database, disk = played.database, played.disk
        database.now, disk.here, disk.link = Wanted(live=ONE), {ONE}, ONE
        played.watch.start()
        said = "the live release stays live on this host, but would not go live again: it is signed by nobody"
        played.until(lambda: played.watch.trouble == said, "the host is unwell")
        refused = Report(ReleaseState.FAILED, "it is signed by nobody")
        database.say(f"live {TWO}", live=TWO)
        played.until(lambda: database.reports.get(TWO) == refused, "it is refused")
        database.say(f"published {TWO}")
        played.until(lambda: database.history.count((TWO, refused)) == 2, "who pushes again is answered again")
        (tmp_path / "pushers").unlink()
        database.say(f"vouched {TWO}", signatures={TWO: (Signature(Purpose.RELEASE, "text"),)})
        missing = "it cannot be verified: there is no file pushers of allowed signers on this machine"
        played.until(lambda: database.reports.get(TWO) == replace(refused, sentence=missing), "it is asked again")
        assert (disk.link, disk.fetched) == (ONE, [])
        assert played.said[:2] == [
            "release 111111111111 may not go live on this host: it is signed by nobody",
            "release 222222222222 may not go live on this host: it is signed by nobody",
        ]


def test_an_unexpected_error_of_a_store_is_logged_and_the_watch_goes_on() -> None:
    played = Played()
    played.disk.errors[ONE] = RuntimeError("no such bucket")
    played.database.now = Wanted(published=(TWO, ONE))
    played.watch.start()
    played.until(lambda: played.database.reports.get(TWO) == READY, "the other one is here")
    played.until(lambda: played.database.reports.get(ONE, READY).state is ReleaseState.FAILED, "this one has failed")
    played.watch.close()
    assert played.database.reports[ONE].sentence == "no such bucket"
    found = [line for line in played.said if line.startswith("unexpected error in the watch over releases")]
    assert len(found) == 1
    assert "RuntimeError: no such bucket" in found[0]


def test_a_watch_that_is_closed_says_nothing_of_the_database_that_ends_too() -> None:
    with watching() as played:
        played.watch.start()
        played.until(lambda: played.database.reads, "it watches")
        played.watch.close()
        played.database.break_off(psycopg.OperationalError("the server ends"))
        thread = played.watch._thread
        assert thread is not None
        thread.join(SECONDS)
        assert not thread.is_alive()
        assert played.said == []
