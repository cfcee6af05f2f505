"""Membership of one host in its cluster: the lease that it renews, and its knowledge of the others.

Two threads: one renews the lease and writes to the database, one asks the other agents while the lease cannot be
renewed. Both may wait; the agent's loop never does. It decides by their findings (:meth:`Membership.decide`), so a
database that hangs does not keep it from ending its attempts in time.

Failures:

- The database is away: nothing is renewed, and :mod:`airfleet.agent.cluster.quorum` says what follows.
- The agent hangs or is killed: the watchdog (:mod:`airfleet.agent.cluster.watchdog`) ends the attempts.
- Another machine has the host's name, or this host goes by other rules than one that is up
  (:mod:`airfleet.agent.host_facts`): nothing starts here, and the status says why.
- An error that nobody expected: it is logged, and both threads go on. A lease that nobody renews costs this host its
  attempts.
"""

from __future__ import annotations

import dataclasses
import os
import queue
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from airfleet.agent.cluster import incarnation, peers, quorum
from airfleet.agent.cluster.fact_exchange import FactExchange
from airfleet.agent.cluster.incarnation import Incarnation
from airfleet.agent.cluster.leases import HostIdentity, HostNameTaken, HostRow, JoinRefused, Leases
from airfleet.agent.cluster.quorum import (
    BREAK_SECONDS,
    RENEW_SECONDS,
    Action,
    ClusterView,
    PeerAnswer,
    TakeOver,
)
from airfleet.agent.host_facts import HostDifference, HostFacts
from airfleet.agent.states import HostState
from airfleet.events import Event, Log, Surprises
from airfleet.fleet.planning.plan import Neighbours
from airfleet.system import clock_skew, host_name

#: seconds between two tries of what the database did not hear
AGAIN_SECONDS = 0.5

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")

#: how the components of a host are, for its row
Tell = Callable[[], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class _Findings:
    """The findings of the threads, replaced as a whole."""

    me: HostIdentity
    renewed_at: float | None = None
    steady_since: float | None = None
    rows: tuple[HostRow, ...] = ()
    answers: tuple[PeerAnswer, ...] = ()
    witness_at: float | None = None
    taken_over: bool = False
    trouble: str = "has not registered yet"
    #: why this host may not join the others, as a sentence
    refusal: str = ""


class Membership:
    """One host among several. ``clock`` counts seconds since the machine started; ``tell`` and ``wake`` are called from
    a thread, the second one when there is news. ``last`` is the incarnation of an agent that was killed here, which
    goes on."""

    def __init__(
        self,
        host: str,
        neighbours: Neighbours,
        database_url: str,
        boot_file: Path,
        log: Log,
        clock: Callable[[], float],
        tell: Tell,
        wake: Callable[[], None],
        last: Incarnation | None = None,
        wall_clock: Callable[[], float] = time.time,
        facts: Callable[[], HostFacts] = HostFacts,
    ) -> None:
        self._neighbours = neighbours
        self._boot_file = boot_file
        self._log = log
        self._surprises = Surprises("the lease of this host", log)
        self._clock = clock
        self._wall_clock = wall_clock
        self._tell = tell
        self._wake = wake
        self._leases = Leases(database_url)
        self._exchange = FactExchange(lambda: self._leases, facts, neighbours.names, clock)
        self._answering = peers.PeerServer(
            neighbours.address, neighbours.port, neighbours.key, host, lambda: self._renews()
        )
        self._known = self._first(host, last)
        #: what is wrong with the clock of this host, as a sentence; empty while it is right
        self.clock_trouble = ""
        self._registered = False
        self._pending: set[TakeOver] = set()
        self._words: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._keep, "lease"), (self._ask, "asking peers"))
        ]

    def start(self) -> None:
        """Begin to keep the lease, as soon as there is a database."""
        self._answering.start()
        for thread in self._threads:
            thread.start()

    # --- what the loop asks ----------------------------------------------------------------------

    @property
    def hostname(self) -> str:
        """The name by which Airflow knows this incarnation."""
        return self._known.me.hostname

    @property
    def rows(self) -> tuple[HostRow, ...]:
        """All hosts, as last read."""
        return self._known.rows

    @property
    def trouble(self) -> str:
        """Why nothing may start here, as a sentence; empty when it may."""
        return self._known.trouble

    @property
    def refusal(self) -> str:
        """Why this host may not join the others, as a sentence; empty when it may."""
        return self._known.refusal

    @property
    def differences(self) -> tuple[HostDifference, ...]:
        """How the hosts that are up differ from the first of them."""
        return self._exchange.differences()

    @property
    def refused(self) -> Mapping[str, str]:
        """Why other hosts did not join a moment ago: name -> sentence."""
        own = self._known.me.host
        return {host: why for host, why in self._exchange.refused().items() if host != own}

    @property
    def overrides(self) -> Mapping[str, Any]:
        """Return what people told this host beyond ``fleet.yaml``."""
        me = self._known.me
        return next((row.orders for row in self._known.rows if row.host == me.host and row.boot == me.boot), {})

    def age(self) -> float:
        """Return the seconds since the rows were read."""
        read = self._known.renewed_at
        return 0.0 if read is None else self._clock() - read

    def may_run(self) -> bool:
        """Tell whether attempts may run here."""
        return quorum.may_run(self._view(), self._clock())

    def seconds_left(self) -> float:
        """Return the seconds for which attempts may go on whatever happens to this agent."""
        return quorum.seconds_left(self._view(), self._clock())

    def may_start(self) -> bool:
        """Tell whether a component that runs or starts attempts may start now."""
        known = self._known
        renewed = known.renewed_at
        return renewed is not None and not known.taken_over and self._clock() - renewed <= quorum.FENCE_SECONDS

    def decide(self, runs: bool) -> tuple[Action, ...]:
        """Return what the loop has to do now; ``runs``: attempts may be running here."""
        return quorum.decide(self._view(runs), self._clock())

    def take_over(self, action: TakeOver) -> None:
        """Have another host taken over, unless that is under way; returns at once."""
        if action not in self._pending:
            self._pending.add(action)
            self._words.put(lambda: self._take_over(action))

    def start_anew(self) -> None:
        """Begin another incarnation: everything of the one before has ended here."""
        with self._lock:
            self._known = _Findings(self._new_incarnation(self._known.me.host), rows=self._known.rows)
            self._registered = False
        self._words.put(lambda: None)

    def override(self, host: str, overrides: Mapping[str, Any]) -> None:
        """Override settings of a host, perhaps this one."""
        self._words.put(lambda: self._override(host, overrides))

    def bury(self, host: str) -> None:
        """Take a host over because a person says that its machine is off."""
        self._words.put(lambda: self._bury(host))

    def close(self, *, ended: bool) -> None:
        """Keep no lease any more; ``ended``: nothing runs here, and the others may know."""
        if ended:
            self._words.put(self._leave)
        self._words.put(None)
        self._closing.set()
        self._answering.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=3.0)

    def _view(self, runs: bool = True) -> ClusterView:
        known, around = self._known, self._neighbours
        others = tuple(row.lease for row in known.rows if row.host != known.me.host)
        return ClusterView(
            hosts=len(around.names),
            policy=around.on_partition,
            renewed_at=known.renewed_at,
            steady_since=known.steady_since,
            leases=others,
            answers=known.answers,
            has_witness=around.witness is not None,
            witness_at=known.witness_at,
            taken_over=known.taken_over,
            runs=runs,
        )

    def _renews(self) -> bool:
        renewed = self._known.renewed_at
        return renewed is not None and self._clock() - renewed <= BREAK_SECONDS

    def _first(self, host: str, last: Incarnation | None) -> _Findings:
        if last is None:
            return _Findings(self._new_incarnation(host))
        return _Findings(self._me(host, last.boot), renewed_at=last.renewed_at, trouble="")

    def _new_incarnation(self, host: str) -> HostIdentity:
        return self._me(host, secrets.token_hex(4))

    def _me(self, host: str, boot: str) -> HostIdentity:
        around = self._neighbours
        return HostIdentity(host, boot, host_name.name(host, boot), os.getpid(), around.address, self._answering.port)

    # --- the thread that keeps the lease ---------------------------------------------------------

    def _keep(self) -> None:
        pause = 0.0
        while self._obey(pause):
            pause = AGAIN_SECONDS
            with self._surprises.borne():
                pause = self._renew()
            self._wake()
        self._leases.close()

    def _obey(self, pause: float) -> bool:
        """Wait, and do what the loop asks for meanwhile; tell whether to go on."""
        deadline = self._clock() + pause
        with suppress(queue.Empty):
            while (left := deadline - self._clock()) > 0 or not self._words.empty():
                word = self._words.get(timeout=max(left, 0.001))
                if word is None:
                    return False
                with self._surprises.borne(), suppress(psycopg.Error, OSError):
                    word()
        return True

    def _renew(self) -> float:
        """Register or renew; return the seconds until the next time."""
        known, began = self._known, self._clock()
        if known.taken_over:
            return RENEW_SECONDS  # the loop ends what runs and begins another incarnation
        try:
            if not self._registered:
                self._register(known.me, began, goes_on=known.renewed_at is not None)
            asked_at = self._wall_clock()
            at, rows = self._leases.renew(known.me, storable(self._tell()))
        except HostNameTaken as taken:
            self._found(known.me, trouble=str(taken), refusal="")
            return RENEW_SECONDS
        except JoinRefused as refused:
            self._not_joined(known.me, str(refused))
            return RENEW_SECONDS
        except (psycopg.Error, OSError) as away:
            reason = (str(away).strip().splitlines() or [type(away).__name__])[0]
            self._found(known.me, trouble=f"waits for the database: {reason}" if known.renewed_at is None else "")
            return AGAIN_SECONDS
        return self._note_renewal(known, began, at, rows, asked_at)

    def _note_renewal(
        self, known: _Findings, began: float, at: float | None, rows: tuple[HostRow, ...], asked_at: float
    ) -> float:
        """Keep the answer of the database; ``at`` is its time, None when others took this host over."""
        self._pending = {action for action in self._pending if any(_is_up(row, action) for row in rows)}
        if at is None:
            self._found(known.me, taken_over=True, rows=rows, trouble="was taken over by other hosts")
            return RENEW_SECONDS
        broken = known.renewed_at is None or began - known.renewed_at > BREAK_SECONDS
        steady_since = began if broken or known.steady_since is None else known.steady_since
        self._found(known.me, renewed_at=began, steady_since=steady_since, rows=rows, trouble="", refusal="")
        self._look_at_the_clock(clock_skew.ahead(asked_at, at, self._wall_clock()))
        incarnation.write_down(self._boot_file, incarnation.of_now(known.me.boot, began))
        self._look_at_the_witness(rows)
        self._exchange.exchange(known.me)
        return RENEW_SECONDS

    def _not_joined(self, me: HostIdentity, why: str) -> None:
        if self._known.refusal != why:
            self._log(Event.HOST_REFUSED, host=me.host, why=why)
        self._found(me, trouble=why, refusal=why)
        self._exchange.refuse(me, why)

    def _register(self, me: HostIdentity, at: float, goes_on: bool) -> None:
        before = incarnation.read_down(self._boot_file)
        left = self._exchange.register(me, before.boot if before else "", goes_on=goes_on)
        self._registered = True
        if not goes_on:  # an incarnation that may be over already is written down when its lease is renewed
            incarnation.write_down(self._boot_file, incarnation.of_now(me.boot, at))
        self._log(Event.HOST_REGISTERED, host=me.host, hostname=me.hostname, lost=left)

    def _look_at_the_clock(self, seconds_ahead: float) -> None:
        before, self.clock_trouble = self.clock_trouble, clock_skew.trouble(seconds_ahead)
        if self.clock_trouble and not before:
            self._log(Event.CLOCK_WRONG, trouble=self.clock_trouble)
        elif before and not self.clock_trouble:
            self._log(Event.CLOCK_RIGHT)

    def _look_at_the_witness(self, rows: Sequence[HostRow]) -> None:
        """Ask it when somebody may have to be taken over; it is left in peace otherwise."""
        witness, me = self._neighbours.witness, self._known.me
        if witness and any(
            row.state is HostState.UP and row.host != me.host and row.age > BREAK_SECONDS for row in rows
        ):
            self._ask_witness(witness)

    def _ask_witness(self, witness: str) -> bool:
        at = self._clock()
        found = peers.answers(witness)
        if found:
            self._found(self._known.me, witness_at=at)
        return found

    def _take_over(self, action: TakeOver) -> None:
        lost = None
        try:
            lost = self._try_to_take_over(action)
        finally:
            if lost is None:  # the database did not agree, or not answer: what was decided is decided anew
                self._pending.discard(action)
        if lost is not None:
            self._log(Event.HOST_GONE, host=action.host, boot=action.boot, lost=lost)

    def _try_to_take_over(self, action: TakeOver) -> int | None:
        around = self._neighbours
        witness = self._ask_witness(around.witness) if around.witness else None
        if not self._renews():
            return None
        return self._leases.take_over(action.host, action.boot, self._known.me.host, len(around.names), witness)

    def _bury(self, host: str) -> None:
        for row in self._known.rows:
            if row.host == host and row.host != self._known.me.host and row.state is HostState.UP:
                by = f"a person at {self._known.me.host}"
                lost = self._leases.take_over(host, row.boot, by, 1, None, sure=True)
                if lost is not None:
                    self._log(Event.HOST_GONE, host=host, boot=row.boot, lost=lost)

    def _override(self, host: str, overrides: Mapping[str, Any]) -> None:
        self._leases.order(host, overrides)

    def _leave(self) -> None:
        if self._known.renewed_at is not None:
            self._leases.leave(self._known.me)
            incarnation.forget(self._boot_file)

    # --- the thread that asks the others ---------------------------------------------------------

    def _ask(self) -> None:
        while not self._closing.wait(1.0):
            if quorum.needs_answers(self._view(), self._clock()):
                with self._surprises.borne():
                    self._ask_others()

    def _ask_others(self) -> None:
        known, around = self._known, self._neighbours
        places = (
            peers.PeerAddress(row.host, row.address, row.port)
            for row in known.rows
            if row.host != known.me.host and row.state is HostState.UP
        )
        answers = peers.ask_all(places, around.key, self._clock)
        self._found(known.me, answers=answers)
        if around.witness:
            self._ask_witness(around.witness)
        self._wake()

    def _found(self, me: HostIdentity, **news: Any) -> None:
        with self._lock:  # two threads find things, and neither may undo what the other found
            if self._known.me == me:
                self._known = dataclasses.replace(self._known, **news)


def storable(components: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Replace what PostgreSQL refuses in JSON, and a program's output may have: NUL, half a surrogate.

    >>> storable([{"reason": "ended\\0", "pid": 7}])
    [{'reason': 'ended\ufffd', 'pid': 7}]
    """
    return [
        {key: _UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else value for key, value in one.items()}
        for one in components
    ]


def _is_up(row: HostRow, action: TakeOver) -> bool:
    return row.host == action.host and row.boot == action.boot and row.state is HostState.UP
