"""Processes that are forked before anybody asks for them, and take the next attempts themselves.

A fork takes some milliseconds, for which a slot would wait, and whoever forks serves nobody else meanwhile. So while
attempts come one after the other, a *spare* waits on the socket on which they come; while they run side by side, two:
the next one may come before the spare that was taken is replaced.

States of a spare: waiting -> taken (it has told the monitor its pid, and whoever forked it that it is an attempt now)
or ended. It ends after some idle seconds, with its parent, and after a message that is not
for it: it passes on an order to retire, and sends back an attempt that it may not run. Each message has one reader,
the spare that is first; their parent reads only when there is none, so also when the last one dies.
"""

from __future__ import annotations

import os
import select
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from airfleet.task_process import ipc
from airfleet.task_process.children import Attempts, tell_pid

#: attempts that come within so many seconds of one another have a spare; unused for as long, it ends
SPARE_SECONDS = 5.0
#: seconds after an attempt's start in which its monitor and itself have the processor to themselves
DELAY_SECONDS = 0.01
#: spares at the most, and as many as there are attempts
MOST_SPARES = 2


@dataclass
class _Spare:
    pid: int
    pidfd: int
    #: our end of the socket over which it says what it has become
    word: socket.socket
    #: it was asked to end, and will unless it has become an attempt meanwhile
    let_go: bool = False


class Spares:
    """Listens on ``orders`` by itself, or has spares do so.

    ``obey`` reads one message from ``orders``; ``may_run`` says whether an attempt may run, and sends it back if not;
    ``retire`` is called when the spare was told to.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        attempts: Attempts,
        orders: socket.socket,
        *,
        obey: Callable[[], None],
        may_run: Callable[[ipc.Attempt], bool],
        retire: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._selector = selector
        self._attempts = attempts
        self._orders = orders
        self._obey = obey
        self._may_run = may_run
        self._retire = retire
        self._clock = clock
        self._waiting: list[_Spare] = []
        self._fork_at: float | None = None
        self._asked = float("-inf")
        self._closed = False
        self._listen()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def pids(self) -> tuple[int, ...]:
        """The spares' processes, the oldest first."""
        return tuple(spare.pid for spare in self._waiting)

    def attempt_started(self) -> None:
        """Take note of an attempt: another one may follow soon."""
        before, self._asked = self._asked, self._clock()
        if self._asked - before <= SPARE_SECONDS:
            self._plan()

    def wait_seconds(self) -> float | None:
        """Return the seconds until :meth:`tend` has something to do."""
        due = [] if self._fork_at is None else [self._fork_at]
        if any(not spare.let_go for spare in self._waiting):
            due.append(self._asked + SPARE_SECONDS)
        return max(0.0, min(due) - self._clock()) if due else None

    def tend(self) -> None:
        """Fork a spare that is due, or end those that nobody needed."""
        if self._fork_at is not None and self._fork_at <= self._clock():
            self._fork_at = None
            self._fork()
            self._plan()
        elif self._asked + SPARE_SECONDS <= self._clock():
            self._let_all_go()

    def close(self) -> None:
        """End the spares: no attempt comes any more."""
        if self._closed:
            return
        self._closed = True
        self._fork_at = None
        if self._waiting:
            self._let_all_go()
        else:
            self._selector.unregister(self._orders)

    def _plan(self) -> None:
        """Fork another spare soon, when there are fewer than could be needed at once."""
        wanted = min(MOST_SPARES, max(1, len(self._attempts)))
        if len(self._waiting) < wanted and self._fork_at is None and not self._closed:
            self._fork_at = self._clock() + DELAY_SECONDS

    def _listen(self) -> None:
        self._selector.register(self._orders, selectors.EVENT_READ, self._obey)

    def _fork(self) -> None:
        ours, word = ipc.pair()
        pid = self._attempts.fork([word.fileno(), self._orders.fileno()], lambda: self._wait(word))
        word.close()
        if not self._waiting:
            self._selector.unregister(self._orders)
        spare = _Spare(pid, os.pidfd_open(pid), ours)
        self._waiting.append(spare)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._heard(spare))
        self._selector.register(spare.pidfd, selectors.EVENT_READ, lambda: self._ended(spare))

    def _let_all_go(self) -> None:
        for spare in self._waiting:
            if not spare.let_go:
                spare.let_go = True
                spare.word.shutdown(socket.SHUT_WR)

    # --- the parent -----------------------------------------------------------------------------

    def _heard(self, spare: _Spare) -> None:
        if spare not in self._waiting:
            return  # it has ended in the same moment
        received = ipc.receive(spare.word)
        if received is None:
            self._selector.unregister(spare.word)  # its end follows
        elif "taken" in received[0]:
            self._forget(spare)
            self._attempts.adopt(spare.pid, spare.pidfd, socket.socket(fileno=received[1][0]))
            self.attempt_started()
        else:
            self._retire()

    def _ended(self, spare: _Spare) -> None:
        while spare in self._waiting and spare.word.fileno() in self._selector.get_map():
            self._heard(spare)  # what it said at last
        if spare not in self._waiting:
            return  # an attempt, which others see to
        self._forget(spare)
        os.close(spare.pidfd)
        os.waitpid(spare.pid, 0)

    def _forget(self, spare: _Spare) -> None:
        if spare.word.fileno() in self._selector.get_map():
            self._selector.unregister(spare.word)
        self._selector.unregister(spare.pidfd)
        spare.word.close()
        self._waiting.remove(spare)
        if not self._waiting and not self._closed:
            self._listen()

    # --- the spare ------------------------------------------------------------------------------

    def _wait(self, word: socket.socket) -> NoReturn:
        """Become the next attempt, in the process that was forked for it."""
        poll = select.poll()
        for end in (word, self._orders):
            poll.register(end, select.POLLIN)
        received = self._next_order(poll, word)
        if received is None or "retire" in received[0]:
            ipc.send(word, {"retire": True})
            os._exit(0)
        attempt = ipc.attempt(*received)
        if not self._may_run(attempt):
            os._exit(0)
        self._become(attempt, word)

    def _next_order(self, poll: select.poll, word: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
        while True:
            if any(number == word.fileno() for number, _ in poll.poll()):
                os._exit(0)  # not needed
            try:
                return ipc.receive(self._orders, wait=False)
            except BlockingIOError:  # another spare was first
                continue

    def _become(self, attempt: ipc.Attempt, word: socket.socket) -> NoReturn:
        with socket.socket(fileno=os.dup(attempt.descriptors[0])) as status:
            pidfd = os.pidfd_open(os.getpid())
            tell_pid(status, os.getpid(), pidfd)
            os.close(pidfd)
        ipc.send(word, {"taken": True}, attempt.descriptors[:1])
        word.close()
        self._orders.close()
        self._attempts.run(attempt)
