"""Who may run what when hosts do not see one another: tables, and a simulation of many bad afternoons."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace

import pytest

from airfleet.agent.cluster.quorum import (
    BREAK_SECONDS,
    FENCE_SECONDS,
    LEASE_SECONDS,
    RENEW_SECONDS,
    Action,
    ClusterView,
    EndAttempts,
    Lease,
    PeerAnswer,
    StartAnew,
    TakeOver,
    decide,
    majority,
    may_run,
    needs_answers,
    seconds_left,
)

NOW = 1000.0
FRESH = Lease("b", "b1", up=True, age=1.0, steady=100.0)
DEAD = Lease("c", "c1", up=True, age=16.0, steady=100.0)
#: one of three hosts, which has renewed its lease for long
WELL = ClusterView(hosts=3, renewed_at=NOW - 1, steady_since=NOW - 100, leases=(FRESH, replace(DEAD, age=1.0)))
#: the same, cut off
CUT_OFF = replace(WELL, renewed_at=NOW - FENCE_SECONDS - 0.1)


def answers(*renews: bool, age: float = 1.0) -> tuple[PeerAnswer, ...]:
    return tuple(PeerAnswer(f"host{number}", NOW - age, one) for number, one in enumerate(renews))


def test_the_times_leave_room_between_the_end_here_and_the_start_elsewhere() -> None:
    assert RENEW_SECONDS < BREAK_SECONDS < FENCE_SECONDS < LEASE_SECONDS
    assert LEASE_SECONDS - FENCE_SECONDS >= 5.0


@pytest.mark.parametrize(
    ("what", "view", "actions"),
    [
        ("all is well", WELL, ()),
        ("a lease is old", replace(WELL, leases=(FRESH, DEAD)), (TakeOver("c", "c1"),)),
        ("it is gone already", replace(WELL, leases=(FRESH, replace(DEAD, up=False))), ()),
        ("the policy is to keep", replace(WELL, leases=(FRESH, DEAD), policy="keep"), ()),
        ("the database was away until now", replace(WELL, steady_since=NOW - 14, leases=(FRESH, DEAD)), ()),
        ("the others have just come back", replace(WELL, leases=(replace(FRESH, steady=9.0), DEAD)), ()),
        ("alone of three", replace(WELL, leases=(replace(FRESH, age=16.0), DEAD)), ()),
        ("one of two, no witness", replace(WELL, hosts=2, leases=(DEAD,)), ()),
        (
            "one of two, the witness answers",
            replace(WELL, hosts=2, leases=(DEAD,), has_witness=True, witness_at=NOW - 1),
            (TakeOver("c", "c1"),),
        ),
        (
            "one of two, the witness is silent",
            replace(WELL, hosts=2, leases=(DEAD,), has_witness=True, witness_at=NOW - 9),
            (),
        ),
        ("what was read is old", replace(WELL, renewed_at=NOW - 6, leases=(FRESH, DEAD)), ()),
        ("others took this one over", replace(WELL, taken_over=True), (StartAnew(),)),
        ("not registered yet", ClusterView(hosts=3), ()),
    ],
)
def test_who_is_taken_over(what: str, view: ClusterView, actions: tuple[Action, ...]) -> None:
    assert decide(view, NOW) == actions, what


def test_the_reason_says_for_how_long_the_lease_was_not_renewed() -> None:
    (action,) = decide(replace(CUT_OFF, renewed_at=NOW - 12.4), NOW)
    assert str(action) == "its lease was not renewed for 12 s, and others may take over"


@pytest.mark.parametrize(
    ("what", "view", "ends"),
    [
        ("for nine seconds only", replace(CUT_OFF, renewed_at=NOW - 9), False),
        ("nobody answers", CUT_OFF, True),
        ("nothing runs", replace(CUT_OFF, runs=False), False),
        ("the policy is to keep", replace(CUT_OFF, policy="keep"), False),
        ("another cannot renew either", replace(CUT_OFF, answers=answers(False)), False),
        ("another renews", replace(CUT_OFF, answers=answers(True)), True),
        ("one renews and one does not", replace(CUT_OFF, answers=answers(True, False)), True),
        ("what another said is old", replace(CUT_OFF, answers=answers(False, age=4.0)), True),
        ("two of five", replace(CUT_OFF, hosts=5, answers=answers(False)), True),
        ("three of five", replace(CUT_OFF, hosts=5, answers=answers(False, False)), False),
        ("two hosts, the other answers", replace(CUT_OFF, hosts=2, answers=answers(False)), False),
        ("two hosts, the witness answers", replace(CUT_OFF, hosts=2, has_witness=True, witness_at=NOW - 1), False),
        ("two hosts, a silent witness", replace(CUT_OFF, hosts=2, has_witness=True, witness_at=NOW - 8), True),
        ("the only host, the database is away", replace(CUT_OFF, hosts=1, leases=()), False),
    ],
)
def test_who_ends_its_attempts(what: str, view: ClusterView, ends: bool) -> None:
    found = [action for action in decide(view, NOW) if isinstance(action, EndAttempts)]
    assert bool(found) is ends, what
    if view.runs:
        assert may_run(view, NOW) is not ends, what


@pytest.mark.parametrize(
    ("what", "view", "seconds"),
    [
        ("all is well", WELL, FENCE_SECONDS - 1),
        ("nobody answers, and soon it must end", replace(WELL, renewed_at=NOW - 9.75), 0.25),
        (
            "soon it would have to end, but nobody can renew",
            replace(CUT_OFF, renewed_at=NOW - 9.75, answers=answers(False)),
            5,
        ),
        ("it would have ended, but nobody can renew", replace(CUT_OFF, answers=answers(False)), 5),
        ("it must have ended", CUT_OFF, 0),
        ("the policy is to keep", replace(CUT_OFF, policy="keep"), math.inf),
        ("not registered yet", ClusterView(hosts=3), 0),
    ],
)
def test_how_long_attempts_may_outlive_the_agent(what: str, view: ClusterView, seconds: float) -> None:
    assert seconds_left(view, NOW) == pytest.approx(seconds), what


def test_others_are_asked_only_when_a_renewal_is_late() -> None:
    assert not needs_answers(WELL, NOW)
    assert needs_answers(replace(WELL, renewed_at=NOW - BREAK_SECONDS - 1), NOW)
    assert not needs_answers(ClusterView(hosts=3), NOW)


# --- a simulation ------------------------------------------------------------------------------------

STEP = 0.25


@dataclass
class Row:
    """A host in the database of the simulation."""

    boot: int
    up: bool
    renewed: float
    steady: float


@dataclass
class Machine:
    """A host."""

    name: str
    view: ClusterView
    boot: int = 0
    registered: bool = False
    alive: bool = True
    runs: bool = False
    asks_at: float = 0.0
    renews_at: float = 0.0


@dataclass
class World:
    """Hosts, a database and a witness; networks break cleanly: each is in one part, and sees only that part."""

    random: random.Random
    hosts: int
    witness: bool
    now: float = 100.0
    database_up: bool = True
    rows: dict[str, Row] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    machines: list[Machine] = field(default_factory=list)
    taken_over: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number in range(self.hosts):
            view = ClusterView(self.hosts, has_witness=self.witness)
            self.machines.append(Machine(f"host{number}", view, asks_at=self.random.random()))

    def sees(self, one: str, other: str) -> bool:
        return self.parts.get(one, 0) == self.parts.get(other, 0)

    def reaches_database(self, machine: Machine) -> bool:
        return self.database_up and self.sees(machine.name, "database")

    def step(self) -> None:
        self.now += STEP
        for machine in self.random.sample(self.machines, len(self.machines)):
            if machine.alive and self.random.random() < 0.9:  # a busy machine is late now and then
                self.turn(machine)

    def turn(self, machine: Machine) -> None:
        if self.now >= machine.renews_at and self.reaches_database(machine):
            self.renew(machine)
        if needs_answers(machine.view, self.now) and self.now >= machine.asks_at:
            self.ask(machine)
        if self.witness and self.sees(machine.name, "witness") and self.now >= machine.asks_at:
            machine.view = replace(machine.view, witness_at=self.now)
        for action in decide(replace(machine.view, runs=machine.runs), self.now):
            self.obey(machine, action)
        renewed = machine.view.renewed_at
        if renewed is not None and not machine.view.taken_over and self.now - renewed <= FENCE_SECONDS:
            machine.runs = True

    def renew(self, machine: Machine) -> None:
        machine.renews_at = self.now + RENEW_SECONDS
        row = self.rows.get(machine.name)
        if not machine.registered:
            machine.registered = True
            row = self.rows[machine.name] = Row(machine.boot, True, self.now, self.now)
        assert row is not None
        if row.boot != machine.boot or not row.up:
            machine.view = replace(machine.view, taken_over=True)
            return
        if self.now - row.renewed > BREAK_SECONDS:
            row.steady = self.now
        row.renewed = self.now
        before = machine.view.renewed_at
        broken = before is None or self.now - before > BREAK_SECONDS
        leases = tuple(
            Lease(name, str(other.boot), other.up, self.now - other.renewed, self.now - other.steady)
            for name, other in self.rows.items()
            if name != machine.name
        )
        steady = self.now if broken else machine.view.steady_since
        machine.view = replace(machine.view, renewed_at=self.now, steady_since=steady, leases=leases)

    def ask(self, machine: Machine) -> None:
        machine.asks_at = self.now + 1.0
        found = []
        for other in self.machines:
            if other is not machine and other.alive and other.registered and self.sees(machine.name, other.name):
                renewed = other.view.renewed_at
                renews = renewed is not None and self.now - renewed <= BREAK_SECONDS
                found.append(PeerAnswer(other.name, self.now, renews))
        machine.view = replace(machine.view, answers=tuple(found))

    def obey(self, machine: Machine, action: Action) -> None:
        if isinstance(action, TakeOver):
            if self.reaches_database(machine):
                self.take_over(machine, action)
            return
        machine.runs = False
        if isinstance(action, StartAnew):
            self.start_anew(machine)

    def take_over(self, machine: Machine, action: TakeOver) -> None:
        """What the statement of leases.py does."""
        row = self.rows[action.host]
        steady = [
            r for r in self.rows.values() if r.up and self.now - r.renewed < BREAK_SECONDS and self.now - r.steady > 15
        ]
        witness = self.witness and self.sees(machine.name, "witness")
        enough = len(steady) + witness >= majority(self.hosts, self.witness)
        if row.up and str(row.boot) == action.boot and self.now - row.renewed > LEASE_SECONDS and enough:
            row.up = False
            self.taken_over.append(action.host)
            victim = next(m for m in self.machines if m.name == action.host)
            assert not (victim.runs and victim.boot == row.boot), f"{self.now}: {action.host} still runs"

    def start_anew(self, machine: Machine) -> None:
        machine.boot += 1
        machine.registered = machine.runs = False
        machine.renews_at = self.now
        machine.view = ClusterView(self.hosts, has_witness=self.witness)

    def break_something(self) -> None:
        match self.random.randrange(5):
            case 0:
                self.database_up = not self.database_up
            case 1 | 2:
                names = [*(machine.name for machine in self.machines), "database", "witness"]
                self.parts = {name: self.random.randrange(2) for name in names}
            case 3:
                self.parts = {}
                self.database_up = True
            case 4:
                machine = self.random.choice(self.machines)
                machine.alive = not machine.alive
                self.start_anew(machine)


@pytest.mark.parametrize(("hosts", "witness"), [(2, True), (3, False), (4, False), (5, False)])
def test_nothing_is_begun_elsewhere_before_it_has_ended_here(hosts: int, witness: bool) -> None:
    happened = 0
    for seed in range(20):
        world = World(random.Random(seed), hosts, witness)
        for number in range(int(240 / STEP)):
            if number % int(20 / STEP) == int(world.random.random() * 40):
                world.break_something()
            world.step()
        happened += len(world.taken_over)
    assert happened > 10  # or the simulation shows nothing


@pytest.mark.parametrize(("hosts", "witness"), [(2, True), (3, False), (5, False)])
def test_a_host_that_dies_is_taken_over_in_time_and_only_it(hosts: int, witness: bool) -> None:
    for seed in range(20):
        world = World(random.Random(seed), hosts, witness)
        while world.now < 140:
            world.step()
        world.machines[0].alive = world.machines[0].runs = False
        while world.now < 140 + LEASE_SECONDS + RENEW_SECONDS + 3:
            world.step()
        assert world.taken_over == ["host0"]


def test_an_outage_of_the_database_ends_nothing_while_hosts_see_one_another() -> None:
    for seed in range(20):
        world = World(random.Random(seed), 3, witness=False)
        while world.now < 140:
            world.step()
        world.database_up = False
        while world.now < 440:
            world.step()
            assert all(machine.runs for machine in world.machines)
        world.database_up = True
        while world.now < 500:
            world.step()
        assert world.taken_over == []
        assert all(machine.runs and machine.boot == 0 for machine in world.machines)
