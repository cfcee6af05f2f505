"""Processes end as on a machine that fails, and the attempts among them are named."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from airfleet.drill import journal
from airfleet.drill.records import Note, NoteKind
from airfleet.drill.waiting import wait_until
from airfleet.system import procfs
from airfleet.system.procfs import send, tree

#: ids of attempts
Attempts: TypeAlias = frozenset[str]
#: from the last note of an attempt until its outcome is in the database, at the latest
REPORT_SECONDS = 2.0


def kill_all(roots: Iterable[int], witness_folder: Path) -> Attempts:
    """End processes and all that they started by SIGKILL, and give the attempts among them.

    They are stopped first, so that nothing new begins while they are looked for.
    """
    them = tuple(roots)
    family = stop_all(lambda: [pid for root in them for pid in tree(root)])
    hurt = attempts_of(family, witness_folder)
    for pid in family:
        send(pid, signal.SIGKILL)
    return hurt


def stop_all(find: Callable[[], Iterable[int]], rounds: int = 20) -> list[int]:
    """Stop all processes that are found by SIGSTOP, and look again until none is new."""
    stopped: list[int] = []
    for _ in range(rounds):
        new = [pid for pid in find() if pid not in stopped]
        if not new:
            break
        _stop(new)
        stopped += new
    return [pid for pid in stopped if procfs.is_alive(pid)]


def _stop(pids: list[int]) -> None:
    for pid in pids:
        send(pid, signal.SIGSTOP)
    wait_until(lambda: not any(map(procfs.goes_on, pids)), 30, "all have stopped", pause_seconds=0.001)


def running(witness_folder: Path) -> list[Note]:
    """List the starts of attempts that did not end and whose processes live, the oldest first."""
    notes = journal.read(witness_folder)
    ended = {note.attempt for note in notes if note.event in (NoteKind.END, NoteKind.RAISED)}
    starts = (note for note in notes if note.event == NoteKind.START and note.attempt not in ended)
    return [note for note in starts if procfs.is_alive(note.pid)]


def attempts_of(pids: Iterable[int], witness_folder: Path) -> Attempts:
    """Give the running attempts whose process is among these."""
    family = set(pids)
    return frozenset(note.attempt for note in running(witness_folder) if note.pid in family)


def just_ended(witness_folder: Path) -> Attempts:
    """Give the attempts that ended just now, so that the worker may not have reported it."""
    now = time.monotonic()
    ends = (note for note in journal.read(witness_folder) if note.event in (NoteKind.END, NoteKind.RAISED))
    return frozenset(note.attempt for note in ends if now - note.at < REPORT_SECONDS)
