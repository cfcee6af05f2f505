"""Whether a pipeline makes sense as a whole: the rules that need more than one value to judge.

``read_and_check`` is what everybody calls: the importer, the command line and the tests. It imports
neither Airflow nor user code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from airfleet.errors import Place, Problem
from airfleet.file_stamps import Stamp
from airfleet.pipelines.checks import limits
from airfleet.pipelines.checks.check_context import Checking, Installed, check_id
from airfleet.pipelines.checks.doubts.ignores import Ignore, ignores_in
from airfleet.pipelines.checks.doubts.source import Source
from airfleet.pipelines.checks.entries import check_entries
from airfleet.pipelines.checks.limits import check_limits
from airfleet.pipelines.checks.named.options import check_options
from airfleet.pipelines.checks.params import check_params
from airfleet.pipelines.checks.refusals import check_refusals
from airfleet.pipelines.checks.remarks import remarks_about
from airfleet.pipelines.checks.requirements import check_one_python, check_python
from airfleet.pipelines.checks.schedules.asset_names import conflicts
from airfleet.pipelines.checks.schedules.forms import check_schedule
from airfleet.pipelines.checks.task_checks import check_task
from airfleet.pipelines.dialects.written_paths import WrittenPaths
from airfleet.pipelines.files import foreign_files
from airfleet.pipelines.files.project_files import project_root, read_bytes, read_text
from airfleet.pipelines.files.shared_files import OfOneFile, SharedFiles
from airfleet.pipelines.language import interpolation
from airfleet.pipelines.language.expressions.functions import TOO_MUCH
from airfleet.pipelines.language.spec import Pipeline, Task, Value
from airfleet.pipelines.reading import reader
from airfleet.pipelines.reading.entries_reader import TOO_MANY_VALUES
from airfleet.pipelines.reading.shared.group_templates import TOO_MANY
from airfleet.problem_codes import Code, Severity
from airfleet.yaml.durations import MOST_DURATION
from airfleet.yaml.problems import in_order, joined

__all__ = ["CheckedFile", "check", "project_root", "read_and_check"]


@dataclass(frozen=True)
class CheckedFile:
    """The good pipelines of a file and every problem in it.

    ``dag_ids`` also names Dags that have problems, as far as their ids could be read.
    """

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Problem, ...]
    dag_ids: tuple[str, ...] = ()
    #: what is said of a file that is no pipeline file; then there is nothing else
    foreign: Problem | None = None
    #: what is allowed, but hardly what was meant
    remarks: tuple[Problem, ...] = ()
    #: by path, the stamps of the other files of the project that this depends on; None for one that was not there
    taken_in: Mapping[str, Stamp | None] = field(default_factory=dict)
    #: the Python modules that it names, installed ones or those of the project
    modules: frozenset[str] = frozenset()
    #: whether the file only shares parts, and makes no Dag
    is_shared: bool = False
    #: the paths of values in a file that is written for another tool
    paths: WrittenPaths = field(default_factory=WrittenPaths)
    #: comments that silence problems of their lines; nothing is left out for them here
    ignores: tuple[Ignore, ...] = ()


def read_and_check(
    path: Path,
    *,
    environ: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    only: str | None = None,
    zone: dt.tzinfo | None = None,
    shared: SharedFiles | None = None,
    taken_in: bool = False,
    now: dt.datetime | None = None,
    text: str | None = None,
) -> CheckedFile:
    """Read and check one file. With ``only``, no other Dag than the one with that id is made or checked.

    ``variables`` are the fleet's; a component of the fleet has them in its ``environ`` and leaves them out.
    ``zone`` is what dates without one are in; without it, what the environment says to Airflow.
    ``shared`` has the shared files that were read so far; with ``taken_in``, this is one, for a pipeline takes it in.
    ``now`` is for remarks on dates that are far away.
    ``text`` is that of an editor, which the file does not have yet.
    A file that cannot be read is a problem, not an error. Never raises for any content.
    """
    written = read_text(path) if text is None else text
    if isinstance(written, Problem):
        return _unread(path, written)
    if variables is None:
        variables = interpolation.variables(environ)
    files = shared if shared is not None else SharedFiles()
    library = OfOneFile(files)
    reading = reader.read(
        written, str(path), variables=variables, environ=environ, only=only, library=library, taken_in=taken_in
    )
    problems = list(reading.problems)
    remarks = list(reading.remarks)
    good = []
    source, now = Source(str(path), written), now or dt.datetime.now(dt.UTC)
    installed = Installed(path, files.root(str(path)))
    zone = zone or default_zone(environ)
    ignores = ignores_in(written, str(path))
    for draft in reading.drafts:
        found = check(draft.pipeline, installed, draft.wrong, zone, draft.parts)
        wrong = [one for one in found if one.severity is Severity.ERROR]
        problems.extend(reading.paths.as_written(problem) for problem in wrong if problem.place not in reading.settled)
        if draft.good and not wrong:
            good.append(draft.pipeline)
        if only is None:  # nobody hears remarks in the process of a task
            doubts = [one for one in found if one.severity is Severity.WARNING]
            doubts += remarks_about(draft.pipeline, installed, source, now)
            remarks.extend(map(reading.paths.as_written, doubts))
    problems.extend(check_one_python(draft.pipeline for draft in reading.drafts if draft.good))
    stamps = {**library.stamps, **installed.stamps, **reading.stamps}
    checked = tuple(good), in_order(_once(problems, str(path))), reading.dag_ids, reading.foreign, in_order(remarks)
    return CheckedFile(
        *checked,
        taken_in=stamps,
        modules=installed.modules,
        is_shared=reading.is_shared,
        paths=reading.paths,
        ignores=ignores,
    )


def _once(problems: Iterable[Problem], file: str) -> Iterator[Problem]:
    """Yield each problem of a shared file once, however many tasks have it from there.

    A limit of the whole file is said at its first place.
    """
    seen: set[tuple[Place | None, str]] = set()
    for problem in problems:
        of_whole = problem.sentence in _OF_THE_WHOLE_FILE
        key = None if of_whole else problem.place, problem.sentence
        if key not in seen or (problem.place.file == file and not of_whole):
            seen.add(key)
            yield problem


_OF_THE_WHOLE_FILE: Final = (TOO_MUCH, TOO_MANY_VALUES, TOO_MANY)


def _unread(path: Path, wrong: Problem) -> CheckedFile:
    """Judge a file without a readable text: wrong, unless it is certainly no pipeline file."""
    content = read_bytes(path)
    foreign = foreign_files.said_of_bytes(content, wrong) if isinstance(content, bytes) else None
    return CheckedFile((), () if foreign else (wrong,), foreign=foreign)


def default_zone(environ: Mapping[str, str]) -> dt.tzinfo:
    """Give the time zone of dates that name none, as the environment of a fleet's components has it."""
    name = environ.get(ZONE_VARIABLE, "UTC")
    if name.upper() == "UTC":
        return dt.UTC
    return _zone_called(name) or dt.UTC  # no zone: Airflow will say so


def zone_of(pipeline: Pipeline) -> dt.tzinfo | None:
    """Give the time zone that a pipeline names; None without one, and for one that does not exist."""
    return _zone_called(pipeline.timezone) if pipeline.timezone is not None else None


def _zone_called(name: str) -> dt.tzinfo | None:
    import zoneinfo  # late: few have another zone

    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


#: the fleet says it by this name to every component, and ``airfleet run`` to its child
ZONE_VARIABLE: Final = "AIRFLOW__CORE__DEFAULT_TIMEZONE"


def check(
    pipeline: Pipeline,
    installed: Installed,
    wrong: frozenset[str] = frozenset(),
    zone: dt.tzinfo = dt.UTC,
    parts: tuple[Task, ...] = (),
) -> tuple[Problem, ...]:
    """Give every problem of one pipeline, warnings too, in order of place, and of shared parts of tasks.

    Nothing more is said about the values at the paths in ``wrong``, which have a problem already.
    """
    checking = Checking(pipeline, wrong, installed, zone_of(pipeline) or zone)
    check_id("dag_id", pipeline.dag_id, "Dag", checking)
    check_schedule(checking)
    check_python(checking)
    checking.problems += conflicts([pipeline])
    _check_dates(checking)
    check_options("", pipeline.options, checking)
    check_options("defaults", pipeline.defaults, checking)
    for group in pipeline.groups:
        check_options(group.path, group.options, checking)
        check_options(joined(group.path, "defaults"), group.defaults, checking)
    check_limits(checking)
    check_refusals(checking)
    check_params(checking)
    check_entries(checking)
    for task in (*pipeline.tasks, *parts):
        check_task(task, checking)
    return in_order(checking.problems)


def _check_dates(checking: Checking) -> None:
    """Dates that the calendar ends before, and ends before their starts: of the Dag, of the defaults, and of tasks."""
    pipeline = checking.pipeline
    of_dag = _moments("", pipeline.options, checking)
    _check_order(of_dag, checking)
    start = of_dag.get("start_date") or _moments("defaults", pipeline.defaults, checking).get("start_date")
    if start and pipeline.schedule is not None and start.moment > _LAST_START:
        sentence = f"is too near the end of the calendar: Airflow reckons with runs up to {_LAST_START.year} at most"
        hint = "for a Dag that is only run by hand, leave out the schedule"
        checking.problem(start.path, sentence, hint, Code.CALENDAR)
    _check_order(of_dag | _moments("defaults", pipeline.defaults, checking), checking)
    for task, own in checking.tasks_with_options:
        if any(name in own for name in _DATES):
            _check_order(of_dag | _moments(task.path, own, checking), checking)


_DATES: Final = ("start_date", "end_date")
#: The scheduler adds intervals, of a century at most, to the start, and the calendar ends with the year 9999.
_LAST_START: Final = dt.datetime.max.replace(tzinfo=dt.UTC) - 2 * MOST_DURATION


@dataclass(frozen=True)
class _Moment:
    """A date of the file: where it stands, as it is written, and the moment that it means."""

    path: str
    written: dt.datetime
    moment: dt.datetime


def _moments(prefix: str, options: Mapping[str, Value], checking: Checking) -> dict[str, _Moment]:
    found = {}
    for name in _DATES:
        value, path = options.get(name), joined(prefix, name)
        if isinstance(value, dt.datetime):
            try:
                moment = (value if value.tzinfo else value.replace(tzinfo=checking.zone)).astimezone(dt.UTC)
            except OverflowError:
                checking.problem(path, limits.OUTSIDE_THE_CALENDAR.format(value), code=Code.CALENDAR)
                continue
            found[name] = _Moment(path, value, moment)
    return found


def _check_order(dates: Mapping[str, _Moment], checking: Checking) -> None:
    start, end = dates.get("start_date"), dates.get("end_date")
    if start is None or end is None or start.moment <= end.moment:
        return
    if start.path.count(".") > end.path.count("."):  # the one that is written further in is the odd one
        sentence = f"is after the end_date, {end.written.date()}, so no run is ever due"
        checking.problem(start.path, sentence, code=Code.DATE_ORDER)
    else:
        sentence = f"is before the start_date, {start.written.date()}, so no run is ever due"
        checking.problem(end.path, sentence, code=Code.DATE_ORDER)
