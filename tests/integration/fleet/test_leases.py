"""The table of hosts on a real PostgreSQL: who holds a lease, who is gone, and what is said of what ran there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.agent.cluster import incarnation
from airfleet.agent.cluster.leases import HostIdentity, HostNameTaken, JoinRefused, Leases
from airfleet.agent.cluster.membership import Membership
from airfleet.agent.cluster.quorum import StartAnew
from airfleet.agent.host_facts import HostFacts
from airfleet.agent.recovery.orphans import FORGET
from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.fleet.planning.plan import Neighbours
from airfleet.metadata import lost_attempts
from airfleet.metadata.migrations import runner
from airfleet.scheduler import orphan_recovery
from airfleet.testing.ports import free_ports
from support.databases import NewDatabase

#: as much of Airflow's tables as is said something about
TABLES = (
    "CREATE TABLE job (id serial PRIMARY KEY, hostname text, state text, end_date timestamptz)",
    "CREATE TABLE task_instance (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), hostname text, state text,"
    " external_executor_id text, dag_id text DEFAULT 'd', run_id text DEFAULT 'r', task_id text DEFAULT 't',"
    " map_index int DEFAULT -1, try_number int DEFAULT 1)",
)
ONE = HostIdentity("one", "a1", "one.a1", 11, "10.0.0.1", 8795)
TWO = HostIdentity("two", "b1", "two.b1", 22, "10.0.0.2", 8795)
THREE = HostIdentity("three", "c1", "three.c1", 33, "10.0.0.3", 8795)


#: how many seconds later it is by the database's clock than by that of any host
AHEAD_SECONDS = 3 * 3600.0
another_clock = pytest.mark.parametrize("url", [AHEAD_SECONDS], indirect=True, ids=["another-clock"])


@pytest.fixture
def url(new_database: NewDatabase, request: pytest.FixtureRequest) -> str:
    found = new_database("leases")
    if ahead := getattr(request, "param", 0.0):
        set_clock(found, ahead)
    with psycopg.connect(found, autocommit=True) as db:
        for statement in TABLES:
            db.execute(statement.encode())
        runner.apply(db)
    return found


def set_clock(url: str, ahead: float) -> None:
    """Have the clock that a database's connections ask from now on be so many seconds ahead of this machine's."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE SCHEMA another_clock")
        for name in ("clock_timestamp", "now"):
            later = f"pg_catalog.{name}() + make_interval(secs => {ahead})"
            db.execute(f"CREATE FUNCTION another_clock.{name}() RETURNS timestamptz RETURN {later}".encode())
        db.execute(f"ALTER DATABASE {db.info.dbname} SET search_path = another_clock, pg_catalog, public".encode())


def clock(database: psycopg.Connection[Any]) -> float:
    """What time it is there."""
    ((seconds,),) = database.execute("SELECT extract(epoch FROM clock_timestamp())::float").fetchall()
    return float(seconds)


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as db:
        yield db


@pytest.fixture
def hosts(url: str) -> Iterator[Leases]:
    made = Leases(url)
    for me in (ONE, TWO, THREE):
        made.register(me, "")
    yield made
    made.close()


def long_ago(database: psycopg.Connection[Any], host: str) -> None:
    database.execute("UPDATE airfleet_host SET renewed_at = now() - interval '20 s' WHERE host = %s", (host,))


def steady(database: psycopg.Connection[Any], *names: str) -> None:
    database.execute(
        "UPDATE airfleet_host SET steady_since = now() - interval '60 s', renewed_at = now() WHERE host = ANY(%s)",
        (list(names),),
    )


def run_something(database: psycopg.Connection[Any], hostname: str) -> None:
    database.execute("INSERT INTO job (hostname, state) VALUES (%s, 'running')", (hostname,))
    database.execute("INSERT INTO task_instance (hostname, state) VALUES (%s, 'running')", (hostname,))


def lost(database: psycopg.Connection[Any]) -> list[str]:
    return [name for (name,) in database.execute("SELECT hostname FROM airfleet_lost ORDER BY number").fetchall()]


def states(found: Leases) -> dict[str, str]:
    return {row.host: row.state for row in found.renew(ONE, [])[1]}


@another_clock
def test_a_lease_is_renewed_by_the_clock_of_the_database(hosts: Leases, database: psycopg.Connection[Any]) -> None:
    long_ago(database, "one")
    before = clock(database)
    assert before - time.time() == pytest.approx(AHEAD_SECONDS, abs=5)
    at, rows = hosts.renew(ONE, [{"name": "worker", "state": "ready"}])
    after = clock(database)
    assert at is not None
    assert before <= at <= after
    row = next(row for row in rows if row.host == "one")
    assert row.components == [{"name": "worker", "state": "ready"}]
    assert 0 <= row.age <= after - before
    assert 0 <= row.steady <= after - before  # the stretch was broken
    assert [0 <= one.age < 60 and 0 <= one.steady < 60 and 0 <= one.since < 60 for one in rows] == [True] * 3


def test_an_attempt_that_was_queued_again_since_it_was_looked_at_is_not_reported(
    database: psycopg.Connection[Any],
) -> None:
    [(ti_id,)] = database.execute(
        "INSERT INTO task_instance (hostname, state, external_executor_id) VALUES ('one.a1', 'running', 'now')"
        " RETURNING id::text"
    ).fetchall()
    for celery_id, reported in (("before", 0), ("now", 1)):
        told = {"ids": [ti_id], "celery_ids": [celery_id], "hostname": "one.a1"}
        assert database.execute(lost_attempts.REPORT, told).fetchone() == (reported, reported)
    assert database.execute("SELECT celery_id FROM airfleet_lost").fetchall() == [("now",)]


@another_clock
def test_a_host_is_taken_over_once_with_what_ran_there(
    hosts: Leases, database: psycopg.Connection[Any], url: str
) -> None:
    run_something(database, "two.b1")
    run_something(database, "one.a1")
    long_ago(database, "two")
    steady(database, "one", "three")
    results: list[int | None] = []

    def take() -> None:
        mine = Leases(url)
        results.append(mine.take_over("two", "b1", "one", 3, None))
        mine.close()

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=str) == [1, None, None, None, None, None]
    assert lost(database) == ["two.b1"]
    assert database.execute("SELECT hostname, state FROM job ORDER BY hostname").fetchall() == [
        ("one.a1", "running"),
        ("two.b1", "failed"),
    ]
    assert states(hosts) == {"one": "up", "two": "gone", "three": "up"}
    assert hosts.renew(TWO, [])[0] is None  # it hears of it when it is back


@pytest.mark.parametrize(
    ("why", "old", "well", "fleet"),
    [
        ("its lease is not old", (), ("one", "three"), 3),
        ("the others have renewed for a short while only", ("two",), (), 3),
        ("they are a minority", ("two", "three"), ("one",), 3),
        ("so are two of four", ("two",), ("one", "three"), 4),
        ("one of the others was steady and renews no more", ("two", "three"), ("one", "three"), 3),
    ],
)
def test_a_host_is_not_taken_over_when(
    why: str, old: tuple[str, ...], well: tuple[str, ...], fleet: int, hosts: Leases, database: psycopg.Connection[Any]
) -> None:
    steady(database, *well)
    for name in old:
        long_ago(database, name)
    assert hosts.take_over("two", "b1", "one", fleet, None) is None, why
    assert states(hosts)["two"] == "up"


def test_of_two_hosts_one_takes_over_with_a_witness_only(hosts: Leases, database: psycopg.Connection[Any]) -> None:
    database.execute("DELETE FROM airfleet_host WHERE host = 'three'")
    long_ago(database, "two")
    steady(database, "one")
    assert hosts.take_over("two", "b1", "one", 2, None) is None
    assert hosts.take_over("two", "b1", "one", 2, False) is None
    assert hosts.take_over("two", "b1", "one", 2, True) == 0


def test_another_boot_is_another_host(hosts: Leases, database: psycopg.Connection[Any]) -> None:
    """Who decided on what a host was before does nothing to what it is now."""
    run_something(database, "two.b1")
    assert hosts.register(replace(TWO, boot="b2", hostname="two.b2"), predecessor="b1") == 1
    run_something(database, "two.b2")
    long_ago(database, "two")
    steady(database, "one", "three")
    assert hosts.take_over("two", "b1", "one", 3, None) is None
    assert lost(database) == ["two.b1"]


def test_an_agent_goes_on_with_the_life_of_one_that_died_and_loses_nothing(
    hosts: Leases, database: psycopg.Connection[Any]
) -> None:
    database.execute("INSERT INTO task_instance (hostname, state) VALUES ('one.a1', 'running')")
    heir = replace(ONE, pid=12, port=8796)
    assert hosts.register(heir, ONE.boot) == 0
    at, rows = hosts.renew(heir, ())
    assert (at is not None, [(row.pid, row.port) for row in rows if row.host == "one"]) == (True, [(12, 8796)])
    assert database.execute("SELECT count(*) FROM airfleet_lost").fetchone() == (0,)


def test_a_life_that_others_have_ended_does_not_go_on(hosts: Leases, database: psycopg.Connection[Any]) -> None:
    database.execute("UPDATE airfleet_host SET state = 'gone' WHERE host = 'one'")
    heir = replace(ONE, pid=12)
    hosts.register(heir, ONE.boot)
    at, rows = hosts.renew(heir, ())
    assert (at, [row.state for row in rows if row.host == "one"]) == (None, ["gone"])


def test_the_next_agent_has_the_boot_of_one_that_was_killed_and_another_one_when_that_is_over(
    url: str, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    kept = tmp_path / "boot"
    with member(url, kept) as first:
        wait_until(lambda: incarnation.read_down(kept) is not None and not first.trouble, 10, "it has its lease")
    left = incarnation.read_down(kept)
    assert left is not None
    with member(url, kept, left) as heir:
        assert (heir.hostname, heir.may_start()) == (f"four.{left.boot}", True)
        wait_until(
            lambda: (incarnation.read_down(kept) or left).renewed_at > left.renewed_at, 10, "it renews the lease"
        )
        assert {row.boot for row in heir.rows if row.host == "four"} == {left.boot}
        assert heir.decide(runs=True) == ()
    database.execute("UPDATE airfleet_host SET state = 'gone' WHERE host = 'four'")
    before = incarnation.read_down(kept)
    with member(url, kept, before) as late:
        wait_until(lambda: late.decide(runs=True) == (StartAnew(),), 10, "it hears that the life is over")
        assert not late.may_start()
        assert incarnation.read_down(kept) == before, "a life that is over was written down as one that goes on"


def test_a_host_whose_clock_is_wrong_says_so_once_and_again_when_it_is_right(url: str, tmp_path: Path) -> None:
    ahead = [120.0]
    said: list[str] = []
    with member(url, tmp_path / "boot", wall_clock=lambda: time.time() + ahead[0], said=said) as wrong:
        wait_until(lambda: wrong.clock_trouble, 10, "it is seen")
        assert wrong.clock_trouble.startswith("the clock of this host is 120 s ahead of the database's: ")
        seen = wrong.rows
        wait_until(lambda: wrong.rows is not seen, 10, "it has looked again")
        assert wrong.may_start(), "a wrong clock costs nobody a lease"
        ahead[0] = 0.0
        wait_until(lambda: not wrong.clock_trouble, 10, "it is right again")
    assert said == ["HOST_REGISTERED", "CLOCK_WRONG", "CLOCK_RIGHT"]


@contextmanager
def member(
    url: str,
    boot_file: Path,
    life: incarnation.Incarnation | None = None,
    wall_clock: Callable[[], float] = time.time,
    said: list[str] | None = None,
    tell: Callable[[], Sequence[Mapping[str, Any]]] = lambda: (),
) -> Iterator[Membership]:
    """The only host of a fleet; its agent is dead after the block, and has told nobody. ``said``: names of events."""
    events = said if said is not None else []

    def log(event: Event, **_: object) -> None:
        events.append(event.name)

    around = Neighbours(("one",), "replace", "127.0.0.1", free_ports(1)[0], "a key")
    clock = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    made = Membership("four", around, url, boot_file, log, clock, tell, lambda: None, life, wall_clock)
    made.start()
    try:
        yield made
    finally:
        made.close(ended=False)


def test_a_lease_is_renewed_whatever_words_a_component_left(
    url: str, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    told = [{"name": "worker", "reason": "its last words were \0 and \udcff and 東京", "pid": 7}]
    with member(url, tmp_path / "boot.json", tell=lambda: told) as one:
        wait_until(one.may_start, 10, "it has its lease")
        ((stored,),) = database.execute("SELECT components FROM airfleet_host WHERE host = 'four'").fetchall()
    assert stored == [{"name": "worker", "reason": "its last words were \ufffd and \ufffd and 東京", "pid": 7}]


def test_a_lease_is_renewed_again_after_an_error_that_nobody_expected(url: str, tmp_path: Path) -> None:
    said: list[str] = []
    errors = [KeyError("what"), KeyError("what")]

    def tell() -> Sequence[Mapping[str, Any]]:
        if errors:
            raise errors.pop()
        return ()

    with member(url, tmp_path / "boot.json", said=said, tell=tell) as one:
        wait_until(one.may_start, 10, "it has its lease")
    assert said.count("SURPRISED") == 1


def test_a_name_that_another_machine_has_is_refused_until_its_lease_is_over(
    hosts: Leases, database: psycopg.Connection[Any]
) -> None:
    stranger = replace(TWO, boot="x9", hostname="two.x9")
    with pytest.raises(HostNameTaken, match="another agent is host 'two'"):
        hosts.register(stranger, predecessor="")
    run_something(database, "two.b1")
    long_ago(database, "two")
    assert hosts.register(stranger, predecessor="") == 1
    assert hosts.renew(TWO, [])[0] is None


def test_what_a_person_says_is_gone_is_gone(hosts: Leases, database: psycopg.Connection[Any]) -> None:
    run_something(database, "two.b1")
    assert hosts.take_over("two", "b1", "a person", 3, None, sure=True) == 1


def test_a_host_that_ends_in_good_order_is_not_taken_over(hosts: Leases, database: psycopg.Connection[Any]) -> None:
    hosts.leave(TWO)
    steady(database, "one", "three")
    long_ago(database, "two")
    assert hosts.take_over("two", "b1", "one", 3, None) is None
    assert states(hosts)["two"] == "left"


def test_what_still_ran_where_a_host_ended_in_good_order_is_reported(
    hosts: Leases, database: psycopg.Connection[Any]
) -> None:
    run_something(database, "two.b1")
    hosts.leave(TWO)
    assert lost(database) == ["two.b1"]


def test_an_agent_ends_no_life_but_its_own_and_none_that_is_over(
    hosts: Leases, database: psycopg.Connection[Any]
) -> None:
    hosts.register(replace(TWO, boot="b2", hostname="two.b2"), predecessor="b1")
    hosts.leave(TWO)
    assert hosts.take_over("three", "c1", "a person", 3, None, sure=True) == 0
    hosts.leave(THREE)
    assert states(hosts) == {"one": "up", "two": "up", "three": "gone"}


def test_an_agent_that_did_not_hear_that_it_has_registered_does_so_again(hosts: Leases) -> None:
    assert hosts.register(TWO, "") == 0
    assert hosts.renew(TWO, [])[0] is not None


def test_orders_outlive_the_agent_and_are_taken_back(hosts: Leases) -> None:
    assert hosts.order("two", {"drained": True, "scale": {"light": {"count": 2}}})
    hosts.register(replace(TWO, boot="b2", hostname="two.b2"), predecessor="b1")
    assert orders(hosts) == {"drained": True, "scale": {"light": {"count": 2}}}
    hosts.order("two", {"drained": None})
    assert orders(hosts) == {"scale": {"light": {"count": 2}}}
    assert not hosts.order("nobody", {"drained": True})


def orders(found: Leases) -> dict[str, Any]:
    return dict(next(row.orders for row in found.renew(ONE, [])[1] if row.host == "two"))


def test_a_lease_goes_on_with_another_connection_when_the_first_one_is_cut(
    hosts: Leases, database: psycopg.Connection[Any]
) -> None:
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'airfleet lease' AND datname = current_database()"
    )
    with pytest.raises(psycopg.Error):
        hosts.renew(ONE, [])
    assert hosts.renew(ONE, [])[0]


def test_a_loss_that_waits_for_a_scheduler_is_seen_while_old_ones_are_forgotten(url: str) -> None:
    """A scheduler passes over what is locked, and would not come back for it."""
    add = (
        "INSERT INTO airfleet_lost (ti_id, celery_id, dag_id, run_id, task_id, map_index, try_number, hostname,"
        " handled_at) SELECT gen_random_uuid(), '', 'd', 'r', 't', -1, 1, 'here', {} FROM generate_series(1, 20)"
    )
    with psycopg.connect(url) as forgets, psycopg.connect(url, autocommit=True) as looks:
        for handled in ("now() - interval '8 days'", "now()", "NULL"):
            looks.execute(add.format(handled).encode())
        assert forgets.execute(FORGET, {"days": lost_attempts.KEPT_DAYS}).fetchone() == (20,)  # and has not committed
        assert len(looks.execute(str(orphan_recovery._WAITING).replace(":batch", "100").encode()).fetchall()) == 20
        forgets.commit()
        assert looks.execute("SELECT count(*) FROM airfleet_lost").fetchone() == (40,)


def going_by(**rules: str) -> HostFacts:
    return HostFacts(rules={"hosts": "one, two, three", "on_partition": "replace", **rules}, pipelines={"a.yaml": "1"})


@pytest.fixture
def two_leases(url: str) -> Iterator[tuple[Leases, Leases]]:
    first, second = Leases(url), Leases(url)
    yield first, second
    first.close()
    second.close()


def test_a_host_that_goes_by_other_rules_does_not_join_and_the_others_know_why(
    two_leases: tuple[Leases, Leases], database: psycopg.Connection[Any]
) -> None:
    first, second = two_leases
    first.register(ONE, "", going_by())
    why = "does not join: it goes by other rules than 'one': on_partition keep, there replace"
    with pytest.raises(JoinRefused, match=why):
        second.register(TWO, "", going_by(on_partition="keep"))
    assert states(first) == {"one": "up"}
    second.tell(TWO, going_by(on_partition="keep"), why)
    assert {host: told.refusal for host, told in first.told({}).items()} == {"one": "", "two": why}
    database.execute("UPDATE airfleet_host_facts SET told_at = now() - interval '20 s' WHERE host = 'two'")
    assert set(first.told({})) == {"one"}  # it has given up
    second.register(TWO, "", going_by())
    assert {host: told.refusal for host, told in first.told({}).items()} == {"one": "", "two": ""}


def test_a_host_whose_tasks_run_joins_with_rules_that_do_no_harm_though_another_one_would_not(
    two_leases: tuple[Leases, Leases],
) -> None:
    first, second = two_leases
    first.register(ONE, "", going_by(dag_bundles="a"))
    other = going_by(dag_bundles="b")
    with pytest.raises(JoinRefused, match="dag_bundles b, there a"):
        second.register(TWO, "", other)
    second.register(TWO, "", other, goes_on=True)
    assert states(first) == {"one": "up", "two": "up"}


def test_who_does_not_join_keeps_nobody_out_and_is_heard_no_more_when_it_has_given_up(
    two_leases: tuple[Leases, Leases], database: psycopg.Connection[Any]
) -> None:
    first, second = two_leases
    first.register(ONE, "", going_by())
    first.tell(ONE, going_by(), "does not join: why")  # a new agent of the same life
    second.register(TWO, "", going_by(on_partition="keep"))
    second.tell(replace(TWO, boot="x9"), going_by(), "does not join: another machine has the name")
    database.execute("UPDATE airfleet_host_facts SET told_at = now() - interval '20 s'")
    assert set(first.told({})) == {"one"}


@pytest.mark.parametrize("ended", ["silent", "left"])
def test_a_host_that_is_not_there_any_more_keeps_nobody_out(
    two_leases: tuple[Leases, Leases], database: psycopg.Connection[Any], ended: str
) -> None:
    first, second = two_leases
    first.register(ONE, "", going_by())
    if ended == "left":
        first.leave(ONE)
    else:
        long_ago(database, "one")
    second.register(TWO, "", going_by(on_partition="keep"))
    assert set(second.told({})) == ({"two"} if ended == "left" else {"one", "two"})


def test_of_two_hosts_that_join_at_once_the_second_is_compared_with_the_first(url: str) -> None:
    start, found = threading.Barrier(2), []

    def join(me: HostIdentity, facts: HostFacts) -> None:
        one = Leases(url)
        start.wait()
        try:
            one.register(me, "", facts)
            found.append("joined")
        except JoinRefused:
            found.append("refused")
        finally:
            one.close()

    threads = [
        threading.Thread(target=join, args=args) for args in ((ONE, going_by()), (TWO, going_by(on_partition="keep")))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["joined", "refused"]


def test_facts_are_read_again_only_when_they_have_changed(two_leases: tuple[Leases, Leases]) -> None:
    first, second = two_leases
    first.register(ONE, "", going_by())
    second.register(TWO, "", going_by())
    known = first.told({})
    assert {host: told.facts for host, told in known.items()} == {"one": going_by(), "two": going_by()}
    again = first.told(known)
    assert again["two"].facts is known["two"].facts
    edited = replace(going_by(), pipelines={"a.yaml": "2"})
    second.tell(TWO, edited)
    assert first.told(known)["two"].facts == edited
