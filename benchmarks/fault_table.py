"""The figures of ``results/faults.json`` as Markdown: the matrix, stock Airflow beside it, and the random nemesis."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import provenance
from charts import IMAGES, Pair, pair_chart
from measuring import table

from airfleet.drill.recovery_times import UNHURT
from faultlab.matrix import RANDOM, RANDOM_HOSTS, ROWS
from faultlab.rows.row import Promise, Row

#: the column of what Airflow alone did
STOCK = "stock"
HEAD = (
    "",
    "fault",
    "times",
    "invariants",
    "measured",
    "median",
    "p95",
    "most",
    "promised",
    STOCK,
    "stock, by its timers",
)
RANDOM_HEAD = ("seed", "faults", "runs", "attempts", "invariants", "longest dispatch")
NOTES = """\
## How to read it

- **Load**: short, long, chained, mapped and deferred tasks, all the time, all with `retries: 0`. So a task that a fault
  costs counts as failed; with retries it would run again.
- **times**: number of faults under that load.
- **invariants**: *all held*, or those that were violated and how often.
- **median, p95, most**: seconds. With fewer than twenty times, p95 is the most.
- **promised**: the 95th percentile and the most. A figure in **bold** is above its promise.
- **stock**: Airflow alone, in the version that stands above the table, with its defaults: also `retries: 0`, on the
  same servers, under a quarter of the load: a run every four seconds instead of every second. Its service
  manager restarts components at once. `n` is the number of faults; then come median, most, and violated invariants.
  On several hosts its servers stand beside the hosts, so F30 does not stop them.
- **stock, by its timers**: what Airflow's settings let expect.
- *not measured*: this fault was not done to stock Airflow yet. An empty cell:
  [it has no such part](../how-to/drill.md#the-whole-matrix).
- –: nothing had to recover, because no attempt died before its end, or no task was left to wait. The violated
  invariants say what became of them. Such faults do not count among the seconds.
- †: the machine had other load.
- ‡: the code has changed since. `benchmarks/results/faults.json` has the date, the commit, the load and Airflow's
  version of each row.

*measured*, in seconds:

- `watch`: until a living scheduler looks after every task of the dead one
- `dispatch`: from the end of the fault until a task starts that was sent after it
- `since`: the same from the beginning of the fault
- `gap`: the longest time without a start
- `first`: until the first of the tasks starts that were queued during the fault
- `start`: until every task has started that waited in the queue during the fault
- `rerun`: until every task whose attempt died has started again
- `fenced`: until the last sign of life of an attempt that had to end
- `recorded`: until what ended during the fault is recorded
- `answers`: until the API has answered and goes on to do so (F7a, F7b: clients give up after 2 s and ask again)
- `resumed`: how late tasks end that waited for an event: after the fault, or after the event
- `callbacks`: until the last callback has run

The standby of F15 is synchronous: it has every commit before the commit is confirmed. An asynchronous standby that is
promoted may lack the last commits, and then the invariants may not hold. In the hour of F21 the queue holds what
Airflow may queue at once (`parallelism`). `start` is about these tasks; the others wait as *scheduled* and have to
end as well.
"""
RANDOM_NOTES = """\
A seed draws faults, which are done one after the other to one fleet under the same load; the same seed draws the same
faults. *longest dispatch*: the most seconds from the end of a fault until a task started that was sent after it.
"""
RETRIED_HEAD = ("", "fault", "times", "tasks that failed", "measured")
RETRIED_NOTES = """\
The same with `retries: 2` and five seconds between tries, as careful users of Airflow set them. Most tasks that a fault
costs run again by themselves. Each such try is one less for an error of the task itself.
"""
#: number -> what its faults are of
NEMESES = {
    RANDOM: "Of the parts of one host, of its servers and of the way to its API",
    RANDOM_HOSTS: "Of two hosts of three: their power, their links, their agents and what runs on them",
}
#: of a row of which nothing could be measured, why
FAILED = "failed"
#: processes that wanted to run before it began, or when it ended
BUSY_LOAD = 2.5
#: seconds; what is shorter is drawn as this
CHART_FROM = 0.1


def markdown(results: Mapping[str, Any]) -> str:
    """The two tables and what must be known to read them."""
    return "\n".join(_page(results)) + "\n"


def images(results: Mapping[str, Any]) -> Mapping[Path, str]:
    """A chart of the rows that were done to both, when there are any."""
    ours, stock = (results["systems"].get(name, {}) for name in ("airfleet", "stock"))
    pairs = [
        Pair(
            f"{row.number} {_title(ours[row.number])}: {watch}",
            one["median_s"],
            _theirs(other),
            _broken(stock[row.number]),
        )
        for row in ROWS
        if row.number in ours and row.number in stock
        for watch, one in _recovery(ours[row.number]).items()
        if one["median_s"] is not None and (other := _recovery(stock[row.number]).get(watch))
    ]
    title = "Seconds until all is as before: airfleet (above) and Airflow alone (below, a quarter of the load)"
    return {IMAGES / "faults.svg": pair_chart(title, pairs, CHART_FROM)} if pairs else {}


def summary(all_seconds: Sequence[Mapping[str, float | None]]) -> dict[str, dict[str, Any]]:
    """By stopwatch: median, 95th percentile and most of the faults that something suffered from.

    Those that did not recover are counted apart.
    """
    found: dict[str, dict[str, Any]] = {}
    for watch in all_seconds[0] if all_seconds else ():
        hurt = [value for one in all_seconds if (value := one.get(watch)) != UNHURT]
        values = sorted(value for value in hurt if value is not None)
        found[watch] = {
            "median_s": round(statistics.median(values), 3) if values else None,
            "p95_s": round(values[math.ceil(0.95 * len(values)) - 1], 3) if values else None,
            "max_s": round(values[-1], 3) if values else None,
            "recovered": len(values),
            "of": len(hurt),
        }
    return found


def _recovery(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    recovery: dict[str, dict[str, Any]] = found["recovery"]
    return recovery


def _nothing(row: Row) -> dict[str, dict[str, Any]]:
    return summary([dict.fromkeys(row.watches, UNHURT)])


def _title(found: Mapping[str, Any]) -> str:
    return str(found["fault"])


def _broken(found: Mapping[str, Any]) -> str:
    count = sum(found["violated"].values())
    return f", {count} violation{'s' * (count > 1)}" if count else ""


def _theirs(one: Mapping[str, Any]) -> float | None:
    """The median; for ever when it did not recover each time, None when nothing had to."""
    seconds: float | None = one["median_s"]
    return seconds if one["recovered"] == one["of"] else math.inf


def _page(results: Mapping[str, Any]) -> Iterator[str]:
    machine, systems = results["machine"], results["systems"]
    yield f"{machine['cores']} cores, Python {machine['python']}, Airflow {machine['packages']['apache-airflow']}.\n"
    ours = systems.get("airfleet", {})
    yield _table(ours, systems.get("stock", {}))
    yield f"\n{NOTES}"
    if rabbit := systems.get("airfleet with RabbitMQ"):
        stock = systems.get("stock with RabbitMQ", {})
        missing = "" if stock else "Airflow alone was not measured with RabbitMQ.\n\n"
        yield f"## With RabbitMQ\n\n{missing}{_table(rabbit, stock)}\n"
    if retried := systems.get("stock with 2 retries"):
        lines = [
            (row.number, _title(one), str(one["times"]), str(one["failed_tasks"]), _recovered(one))
            for row in ROWS
            if (one := retried.get(row.number))
        ]
        yield f"## Airflow alone, tasks with two retries\n\n{RETRIED_NOTES}\n{table(RETRIED_HEAD, lines)}\n"
    yield from _nemeses({"": ours, ", with RabbitMQ": rabbit or {}})


def _recovered(found: Mapping[str, Any]) -> str:
    """Say of each stopwatch the median, or how often it came to its end."""
    shown = (
        f"{watch} {_text(one['median_s'])} s"
        + ("" if one["recovered"] == one["of"] else f" ({one['recovered']} of {one['of']})")
        for watch, one in _recovery(found).items()
    )
    return ", ".join(shown)


def _nemeses(systems: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A table for each kind of random faults and each broker, where there are seeds; ``systems`` by what is said."""
    tables = [
        f"{what}{said}:\n\n{table(RANDOM_HEAD, [_random(found[name]) for name in seeds])}\n"
        for number, what in NEMESES.items()
        for said, found in systems.items()
        if (seeds := sorted((name for name in found if name.startswith(f"{number} ")), key=_seed))
    ]
    if tables:
        yield from ("## The random nemesis\n", RANDOM_NOTES, *tables)


def _table(ours: Mapping[str, Any], stock: Mapping[str, Any]) -> str:
    """Without a column for stock Airflow where nothing of it was measured."""
    rows = [line for row in ROWS if row.number in ours for line in _row(row, ours[row.number], stock.get(row.number))]
    shown = [place for place, name in enumerate(HEAD) if stock or name != STOCK]
    head, *lines = (tuple(line[place] for place in shown) for line in (HEAD, *rows))
    return table(head, lines)


def _row(row: Row, found: Mapping[str, Any], stock: Mapping[str, Any] | None) -> Iterator[tuple[str, ...]]:
    """A line for each stopwatch."""
    name = row.fault(found["scale"]).name if FAILED in found else _title(found)
    for number, (watch, one) in enumerate((_recovery(found) or _nothing(row)).items()):
        first = number == 0
        yield (
            f"{row.number}{_busy(found)}" if first else "",
            name if first else "",
            str(found["times"]) if first else "",
            _invariants(found) if first else "",
            watch,
            *_seconds(one, found, row.promised.get(watch)),
            _promise(row.promised.get(watch)),
            _stock(row, stock, watch, name, first=first),
            row.stock if first else "",
        )


def _busy(found: Mapping[str, Any], system: str = "airfleet") -> str:
    mark = provenance.mark(provenance.depends("faults", system), found)
    return (" †" if max(found.get("load_at_start", 0.0), found.get("load_at_end", 0.0)) > BUSY_LOAD else "") + mark


def _seconds(one: Mapping[str, Any], found: Mapping[str, Any], promise: Promise | None = None) -> tuple[str, str, str]:
    """Median, 95th percentile and most; what was not over when patience ended is said to be so."""
    if one["recovered"] < one["of"]:
        missing = f"not in {found['patience_s']:.0f} s, {one['of'] - one['recovered']} of {one['of']}"
        return _text(one["median_s"]), missing, missing
    p95, most = _text(one["p95_s"]), _text(one["max_s"])
    late = breaks(one, promise)
    return _text(one["median_s"]), f"**{p95}**" if "p95" in late else p95, f"**{most}**" if "max" in late else most


def breaks(one: Mapping[str, Any], promise: Promise | None) -> frozenset[str]:
    """Which of ``p95`` and ``max`` took longer than is promised."""
    if promise is None:
        return frozenset()
    pairs = {"p95": (one["p95_s"], promise.p95), "max": (one["max_s"], promise.most)}
    return frozenset(name for name, (seconds, most) in pairs.items() if seconds is not None and seconds > most)


def _text(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f}"


def _promise(promise: Promise | None) -> str:
    if promise is None:
        return ""
    return f"{promise.p95:g}" if promise.p95 == promise.most else f"{promise.p95:g} / {promise.most:g}"


def _stock(row: Row, stock: Mapping[str, Any] | None, watch: str, name: str, *, first: bool) -> str:
    if stock is not None and FAILED in stock:
        return _invariants(stock) if first else ""
    if stock is None or (one := _recovery(stock).get(watch)) is None:
        return "" if row.fleet_only else "not measured"
    median, _, most = _seconds(one, stock)
    figure = f"{median} ({most})" if one["recovered"] == one["of"] > 0 else most
    other = _title(stock)
    broken = f"{_busy(stock, STOCK)}; {_invariants(stock)}" if first else ""
    figure = f"n = {stock['times']}: {figure}" if first else figure
    return f"{figure}{broken}{f'; {other}' if first and other != name else ''}"


def _invariants(found: Mapping[str, Any]) -> str:
    """``all held``, or which did not and how often; of what failed, why."""
    if FAILED in found:
        return f"**failed**: {' '.join(found[FAILED].split())}".replace("|", "\\|")
    counted = sorted(found["violated"].items(), key=lambda one: int(one[0][1:]))
    return ", ".join(f"**{name}** × {count}" for name, count in counted) or "all held"


def _random(found: Mapping[str, Any]) -> tuple[str, ...]:
    longest = next((_seconds(one, found)[2] for one in _recovery(found).values()), _text(None))
    counts = (found["times"], found["runs_of_dags"], found["attempts"])
    return f"{found['seed']}{_busy(found)}", *map(str, counts), _invariants(found), longest


def _seed(name: str) -> int:
    return int(name.rpartition(" ")[2])
