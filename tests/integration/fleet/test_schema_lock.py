"""Two hosts that would change the schema at once: one waits for the other, and for nothing that has died."""

from __future__ import annotations

import subprocess
import sys
import threading

import psycopg
import pytest

from airfleet.drill.waiting import wait_until
from airfleet.metadata import schema_lock
from support.databases import NewDatabase

#: how many wait in this database; the server has others
WAITING = """\
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
HOLDS = """\
import sys, time
from airfleet.metadata import schema_lock
with schema_lock.alone(sys.argv[1]):
    print("alone", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    return new_database("locked")


def is_waited_for(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as db:
        row = db.execute(WAITING).fetchone()
    return row == (1,)


def test_the_second_host_waits_until_the_first_is_done(url: str) -> None:
    done: list[str] = []

    def second() -> None:
        with schema_lock.alone(url):
            done.append("second")

    with schema_lock.alone(url):
        other = threading.Thread(target=second)
        other.start()
        wait_until(lambda: is_waited_for(url), 10, "the second host waits")
        done.append("first")
    other.join(10)
    assert done == ["first", "second"]


def test_a_host_that_dies_in_the_middle_holds_up_nobody(url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, url], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"alone\n"
        holder.kill()
    with schema_lock.alone(url):
        assert not is_waited_for(url)
