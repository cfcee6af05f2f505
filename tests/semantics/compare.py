"""Run every scenario on stock Airflow and on a fleet, and say where they differ.

::

    python -m semantics.compare [--only PATTERN] [--write] [--keep FOLDER] [--recorded FOLDER]

One side after the other: two Airflows at once would only wait for one another's share of the machine. Stock Airflow
fails a task now and then that went well: it was rescheduled, and queued again before its executor's word of the time
before came ("state mismatch"). Such a scenario shows nothing, and is run again there, by itself. The records of stock
Airflow are compared with the golden files, too; ``--write`` writes these anew. Ends with 1 when there is a
difference that is not decided (``decisions.py``), a scenario that did not end, or a golden file that is not true.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from semantics import record, sides
from semantics.comparing import Difference, differences, mismatches
from semantics.decisions import DECISIONS
from semantics.installation import HERE, Installation
from semantics.record import Record
from semantics.running import Runner
from semantics.scenarios import SCENARIOS, Scenario

GOLDEN = HERE / "golden"
AT_ONCE = 4
#: a scenario that stock Airflow stumbled in is run again so often
TIMES_AGAIN = 2


def main() -> int:
    """The command."""
    options = _options()
    chosen = [scenario for scenario in SCENARIOS if re.search(options.only, scenario.title)]
    with tempfile.TemporaryDirectory(prefix="airfleet-semantics-") as temporary:
        Path(temporary).chmod(0o755)  # the user that embedded servers run as, when we are root, must reach its data
        kept = Path(options.keep or temporary)
        kept.mkdir(parents=True, exist_ok=True)
        if options.recorded:
            theirs = _recorded(Path(options.recorded), chosen)
        else:
            theirs = _side("stock", sides.stock(Path(temporary)), chosen, kept)
        ours = _side("airfleet", sides.fleet(), chosen, kept)
        for number in range(TIMES_AGAIN):
            if stumbled := [scenario for scenario in chosen if _has_stumbled(scenario.title, theirs, ours)]:
                again = Path(temporary) / f"again-{number}"
                again.mkdir(mode=0o755)
                theirs |= _side("stock", sides.stock(again), stumbled, kept, at_once=1)
    found = [
        one for scenario in chosen if scenario.title in theirs and scenario.title in ours
        for one in differences(theirs[scenario.title], ours[scenario.title], DECISIONS, scenario.unsteady)
    ]  # fmt: skip
    _print(chosen, theirs, ours, found)
    stale = _goldens(chosen, theirs, write=options.write)
    incomplete = len(theirs) < len(chosen) or len(ours) < len(chosen)
    return int(incomplete or stale or any(one.decision is None for one in found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", metavar="PATTERN", help="only scenarios whose name matches")
    parser.add_argument("--write", action="store_true", help="write the golden files anew, from stock Airflow")
    parser.add_argument("--keep", default="", metavar="FOLDER", help="write every record into this folder")
    parser.add_argument("--recorded", default="", metavar="FOLDER", help="take stock Airflow's records from there")
    return parser.parse_args()


def _has_stumbled(title: str, theirs: Mapping[str, Record], ours: Mapping[str, Record]) -> bool:
    return title in theirs and title in ours and bool(mismatches(theirs[title]) - mismatches(ours[title]))


def _recorded(folder: Path, chosen: Iterable[Scenario]) -> dict[str, Record]:
    present = (scenario.title for scenario in chosen if record.exists(folder, scenario.title))
    return {title: record.load(folder, title) for title in present}


def _side(
    name: str,
    starting: AbstractContextManager[Installation],
    chosen: list[Scenario],
    kept: Path,
    at_once: int = AT_ONCE,
) -> dict[str, Record]:
    began = time.monotonic()
    found: dict[str, Record] = {}

    def done(scenario: Scenario, outcome: Record | Exception) -> None:
        if isinstance(outcome, Record):
            found[scenario.title] = outcome
            outcome.save(kept / name)
        said = "" if isinstance(outcome, Record) else f"  {type(outcome).__name__}: {outcome}"
        print(f"{name} {time.monotonic() - began:4.0f} s  {scenario.title}{said}", flush=True)

    with starting as installation:
        print(f"{name} {time.monotonic() - began:4.0f} s  (healthy)", flush=True)
        Runner(installation, dt.datetime.now(dt.UTC).date()).all(chosen, at_once, done)
    return found


def _print(
    chosen: Iterable[Scenario], theirs: dict[str, Record], ours: dict[str, Record], found: list[Difference]
) -> None:
    print(f"\n{'scenario':56} {'facts':>6} {'decided':>8} {'different':>9}")
    for scenario in chosen:
        title = scenario.title
        if title not in theirs or title not in ours:
            missing = " and ".join(n for n, side in (("stock", theirs), ("airfleet", ours)) if title not in side)
            print(f"{title:56} did not end on {missing}")
            continue
        mine = [one for one in found if one.scenario == title]
        open_ = sum(one.decision is None for one in mine)
        print(f"{title:56} {len(theirs[title].leaves()):6} {len(mine) - open_:8} {open_:9}")
    for one in found:
        if one.decision is None:
            print("", *one.lines(), sep="\n")


def _goldens(chosen: Iterable[Scenario], theirs: dict[str, Record], *, write: bool) -> bool:
    """Whether a golden file is not what stock Airflow did just now."""
    stale = False
    for scenario in chosen:
        if not scenario.quick or scenario.title not in theirs:
            continue
        if write:
            theirs[scenario.title].save(GOLDEN)
            continue
        golden = record.load(GOLDEN, scenario.title)
        for one in differences(theirs[scenario.title], golden, DECISIONS, scenario.unsteady):
            # Where a fleet may differ, a golden file says nothing: it also tells how that Airflow was started.
            if one.decision is None:
                stale = True
                print("\ngolden file", *one.lines(), sep="\n")
    return stale


if __name__ == "__main__":
    sys.exit(main())
