"""A process that is forked before anybody asks for it, and takes the next attempt itself.

A fork takes some milliseconds, for which a slot would wait, and whoever forks serves nobody else meanwhile. So while
attempts come one after the other, one *spare* waits on the socket on which they come.

States of a spare: waiting -> taken (it has told the monitor its pid, and whoever forked it that it is an attempt now)
or ended. It ends when it was not needed for some seconds, when whoever forked it ends, and when what it reads is not
for it: an order to retire it passes on, and an attempt that it may not run it sends back. While it waits nobody else
reads that socket, so each message has one reader; when it dies its parent reads on.
"""

from __future__ import annotations

import os
import select
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from airfleet.runtime import wire
from airfleet.runtime.attempts import Attempts, tell_pid

#: attempts that come within so many seconds of one another have a spare; unused for as long, it ends
SPARE_SECONDS = 5.0
#: seconds after an attempt's start in which its monitor and itself have the processor to themselves
DELAY_SECONDS = 0.01


@dataclass
class _Spare:
    pid: int
    pidfd: int
    #: our end of the socket over which it says what it has become
    word: socket.socket
    #: it was asked to end, and will unless it has become an attempt meanwhile
    let_go: bool = False


class Spares:
    """Listens on ``orders`` by itself, or has a spare do so.

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
        may_run: Callable[[wire.Attempt], bool],
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
        self._spare: _Spare | None = None
        self._fork_at: float | None = None
        self._asked = float("-inf")
        self._closed = False
        self._listen()

    def __len__(self) -> int:
        return int(self._spare is not None)

    @property
    def pid(self) -> int | None:
        """The spare's process, while there is one."""
        return self._spare.pid if self._spare is not None else None

    def attempt_started(self) -> None:
        """Another one may follow soon."""
        before, self._asked = self._asked, self._clock()
        if self._asked - before <= SPARE_SECONDS and self._spare is None and not self._closed:
            self._fork_at = self._asked + DELAY_SECONDS

    def wait_seconds(self) -> float | None:
        """How long the selector may wait before :meth:`tend` has something to do."""
        due = self._fork_at
        if self._spare is not None:
            due = None if self._spare.let_go else self._asked + SPARE_SECONDS
        return None if due is None else max(0.0, due - self._clock())

    def tend(self) -> None:
        """Fork a spare that is due, or end one that nobody needed."""
        if self._fork_at is not None and self._fork_at <= self._clock():
            self._fork_at = None
            self._fork()
        elif self._spare is not None and self._asked + SPARE_SECONDS <= self._clock():
            self._let_go(self._spare)

    def close(self) -> None:
        """No attempt comes any more."""
        if self._closed:
            return
        self._closed = True
        self._fork_at = None
        if self._spare is None:
            self._selector.unregister(self._orders)
        else:
            self._let_go(self._spare)

    def _listen(self) -> None:
        self._selector.register(self._orders, selectors.EVENT_READ, self._obey)

    def _fork(self) -> None:
        ours, word = wire.pair()
        pid = self._attempts.fork([word.fileno(), self._orders.fileno()], lambda: self._wait(word))
        word.close()
        self._selector.unregister(self._orders)
        spare = _Spare(pid, os.pidfd_open(pid), ours)
        self._spare = spare
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._heard(spare))
        self._selector.register(spare.pidfd, selectors.EVENT_READ, lambda: self._ended(spare))

    def _let_go(self, spare: _Spare) -> None:
        if not spare.let_go:
            spare.let_go = True
            spare.word.shutdown(socket.SHUT_WR)

    # --- the parent -----------------------------------------------------------------------------

    def _heard(self, spare: _Spare) -> None:
        if self._spare is not spare:
            return  # it has ended in the same moment
        received = wire.receive(spare.word)
        if received is None:
            self._selector.unregister(spare.word)  # its end follows
        elif "taken" in received[0]:
            self._forget(spare)
            self._attempts.adopt(spare.pid, spare.pidfd, socket.socket(fileno=received[1][0]))
            self.attempt_started()
        else:
            self._retire()

    def _ended(self, spare: _Spare) -> None:
        while self._spare is spare and spare.word.fileno() in self._selector.get_map():
            self._heard(spare)  # what it said at last
        if self._spare is not spare:
            return  # an attempt, which others see to
        self._forget(spare)
        os.close(spare.pidfd)
        os.waitpid(spare.pid, 0)

    def _forget(self, spare: _Spare) -> None:
        if spare.word.fileno() in self._selector.get_map():
            self._selector.unregister(spare.word)
        self._selector.unregister(spare.pidfd)
        spare.word.close()
        self._spare = None
        if not self._closed:
            self._listen()

    # --- the spare ------------------------------------------------------------------------------

    def _wait(self, word: socket.socket) -> NoReturn:
        """Become the next attempt, in the process that was forked for it."""
        poll = select.poll()
        for end in (word, self._orders):
            poll.register(end, select.POLLIN)
        if any(number == word.fileno() for number, _ in poll.poll()):
            os._exit(0)  # not needed
        received = wire.receive(self._orders)
        if received is None or "retire" in received[0]:
            wire.send(word, {"retire": True})
            os._exit(0)
        attempt = wire.attempt(*received)
        if not self._may_run(attempt):
            os._exit(0)
        self._become(attempt, word)

    def _become(self, attempt: wire.Attempt, word: socket.socket) -> NoReturn:
        with socket.socket(fileno=os.dup(attempt.descriptors[0])) as status:
            pidfd = os.pidfd_open(os.getpid())
            tell_pid(status, os.getpid(), pidfd)
            os.close(pidfd)
        wire.send(word, {"taken": True}, attempt.descriptors[:1])
        word.close()
        self._orders.close()
        self._attempts.run(attempt)
