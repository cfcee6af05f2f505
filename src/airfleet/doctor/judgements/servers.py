"""Judgements of the database and the broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from airfleet.agent.database.finding import DatabaseVerdict
from airfleet.doctor.facts import (
    BrokerFacts,
    Connections,
    DatabaseLook,
    QueuePolicy,
    Table,
    Transaction,
    Visibility,
    Waiting,
)
from airfleet.doctor.finding import Seen, fine, seen_or, unknown, warning, wrong
from airfleet.yaml.durations import seconds_text

#: seconds for which a transaction may stay open: idle, and at work
IDLE_SECONDS, BUSY_SECONDS = 60.0, 900.0
#: seconds for which a session may wait for a lock
WAIT_SECONDS = 5.0
#: dead rows from which a table is judged, and their share of all rows
DEAD_ROWS, DEAD_SHARE = 50_000, 0.4
_MOST = 5


def database(found: DatabaseLook) -> tuple[Seen, ...]:
    """Judge whether the fleet may use its database, as its agent does before a start."""
    finding = found.finding
    if finding.verdict is DatabaseVerdict.FIT:
        return (fine(f"PostgreSQL {found.version} answers, and its settings, pooler and schema fit"),)
    return (wrong(finding.sentence.replace("\n", "; "), finding.hint or "airfleet status"),)


def connections(found: Connections) -> tuple[Seen, ...]:
    """Judge the limit of connections by what all hosts need at rest, twice which is advised."""
    needs = f"the hosts of this fleet keep {found.at_rest} at rest"
    raise_it = "raise max_connections of the server, or the CONNECTION LIMIT of the role"
    if found.limit < found.at_rest:
        return (wrong(f"the database allows {found.limit} connections, and {needs}", raise_it),)
    if found.used >= 0.9 * found.limit:
        return (wrong(f"{found.used} of {found.limit} connections to the database are in use", raise_it),)
    if found.limit < 2 * found.at_rest:
        sentence = f"the database allows {found.limit} connections; {needs}, and twice that is advised"
        return (warning(sentence, raise_it),)
    return (fine(f"{found.used} of {found.limit} connections to the database are in use; {needs}"),)


def transactions(found: tuple[Transaction, ...]) -> tuple[Seen, ...]:
    """Judge transactions that stay open."""
    long = [one for one in found if one.seconds >= (IDLE_SECONDS if "idle" in one.state else BUSY_SECONDS)]
    return seen_or(map(_transaction, long[:_MOST]), "no transaction has been open for long")


def _transaction(one: Transaction) -> Seen:
    sentence = (
        f"session {one.pid} ({one.application or 'without a name'}, {one.state}) has a transaction that is open for"
        f" {seconds_text(round(one.seconds))}"
    )
    return wrong(sentence, f"SELECT pg_terminate_backend({one.pid})")


def locks(found: tuple[Waiting, ...]) -> tuple[Seen, ...]:
    """Judge sessions that wait for a lock."""
    long = [one for one in found if one.seconds >= WAIT_SECONDS]
    return seen_or(map(_waiting, long[:_MOST]), "no session waits for a lock")


def _waiting(one: Waiting) -> Seen:
    held = ", ".join(one.blocked_by)
    sentence = (
        f"session {one.pid} ({one.application or 'without a name'}) waits {one.seconds:.0f} s for a lock of {held}"
    )
    return wrong(sentence, f"SELECT pg_terminate_backend({one.blocked_by[0].partition(' ')[0]})")


def bloat(found: tuple[Table, ...]) -> tuple[Seen, ...]:
    """Judge tables of which much is dead rows."""
    bloated = (one for one in found if one.dead >= DEAD_ROWS and one.dead >= DEAD_SHARE * (one.live + one.dead))
    return seen_or(map(_table, bloated), f"none of {len(found)} tables has many dead rows")


def _table(one: Table) -> Seen:
    share = round(100 * one.dead / (one.live + one.dead))
    last = f", last vacuumed {one.vacuumed}" if one.vacuumed else ", never vacuumed"
    return warning(f"{share} % of the rows of {one.name} are dead ({one.dead:,}{last})", f"VACUUM (ANALYZE) {one.name}")


def broker(found: BrokerFacts) -> tuple[Seen, ...]:
    """Judge whether the broker takes a message and gives it back."""
    named = " ".join(filter(None, (found.program, found.version))) or "the broker"
    if found.error:
        return (wrong(f"the broker at {found.address} {found.error}", "see 'broker:' in fleet.yaml"),)
    return (fine(f"{named} at {found.address} takes messages and gives them back"),)


def broker_policies(found: BrokerFacts) -> tuple[Seen, ...]:
    """Judge the settings of a broker by which it loses or refuses messages."""
    if found.error:
        return (unknown("the broker was not asked, as it does not work (D601)"),)
    if found.kind == "amqp":
        return _of_rabbitmq(found)
    if not found.information:
        return (unknown("the broker's user may not read its settings (INFO)", "ACL SETUSER ... +info"),)
    return seen_or(_policies(found), "the broker evicts nothing, and writes what it takes")


#: words of a policy by which RabbitMQ drops messages or queues that workers have not taken
_DROPS: Final = ("message-ttl", "expires", "max-length", "max-length-bytes")


def _of_rabbitmq(found: BrokerFacts) -> tuple[Seen, ...]:
    if found.policies is None:
        return (unknown(found.policies_error, "rabbitmqctl list_policies"),)
    seen = (wrong(_dropped(one), f"rabbitmqctl clear_policy '{one.name}'") for one in found.policies if _drops(one))
    return seen_or(seen, "no policy of RabbitMQ drops messages or queues")


def _drops(one: QueuePolicy) -> bool:
    return any(word in one.definition for word in _DROPS)


def _dropped(one: QueuePolicy) -> str:
    words = ", ".join(f"{word} {one.definition[word]}" for word in _DROPS if word in one.definition)
    return f"policy '{one.name}' drops messages of queue '{one.queue}' that wait too long, or are too many ({words})"


def _policies(found: BrokerFacts) -> Iterator[Seen]:
    told = found.information
    policy, limit, used = (told.get(name, "") for name in ("maxmemory_policy", "maxmemory", "used_memory"))
    if policy not in ("", "noeviction"):
        sentence = f"the broker evicts messages when its memory is full (maxmemory-policy {policy})"
        yield wrong(sentence, "CONFIG SET maxmemory-policy noeviction")
    if int(limit or 0) and int(used or 0) >= 0.9 * int(limit):
        yield wrong(f"the broker uses {int(used):,} of {int(limit):,} bytes of memory", "raise its maxmemory")
    if told.get("rdb_last_bgsave_status", "ok") != "ok" or told.get("aof_last_write_status", "ok") != "ok":
        yield wrong("the broker could not write its data to disk the last time", "df -h, on the broker's machine")
    if told.get("aof_enabled") == "0":
        sentence = "the broker keeps no append-only file: its restart loses messages, which the scheduler sends again"
        yield warning(sentence, "CONFIG SET appendonly yes")
    if told.get("role") == "slave":
        yield wrong("the broker is a replica, which takes no messages", "name the primary in fleet.yaml")


def visibility(found: Visibility) -> tuple[Seen, ...]:
    """Judge the time after which Redis hands out a task again, by the longest task."""
    timeout, longest = (seconds_text(round(one)) for one in (found.timeout_seconds, found.longest_seconds))
    place = "visibility_timeout below airflow.celery_broker_transport_options in fleet.yaml"
    sentence = f"a task that is not over is handed out again after {timeout}; the longest of 30 days"
    if found.longest_seconds >= found.timeout_seconds:
        return (wrong(f"{sentence} took {longest} ({found.task})", f"raise {place}"),)
    if found.longest_seconds >= 0.8 * found.timeout_seconds:
        return (warning(f"{sentence} took {longest} ({found.task})", f"raise {place}"),)
    return (fine(f"{sentence} took {longest}" if found.task else f"{sentence}: there was none"),)
