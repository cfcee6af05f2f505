"""Arguments that sensors refuse, and operators of the standard provider that have rules of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias

from airfleet.pipelines.analysis.signatures import Signature
from airfleet.pipelines.checks.check_context import Checking
from airfleet.pipelines.language.spec import Repeat, Task, Value
from airfleet.pipelines.language.values import from_text
from airfleet.problem_codes import Code

MODES: Final = ("poke", "reschedule")
#: what may not be null: Airflow has no value for it then
_NOT_NULL: Final = ("mode", "poke_interval")
_NOT_NEGATIVE: Final = ("poke_interval", "timeout", "max_wait")
_OF_EVERY_SENSOR: Final = frozenset({"poke_interval", "mode", "soft_fail", "never_fail"})

#: states of tasks, and of runs, that ``external_task_sensor`` can wait for
TASK_STATES: Final = frozenset(
    [
        *("removed", "scheduled", "queued", "running", "success", "restarting", "failed", "up_for_retry"),
        *("up_for_reschedule", "upstream_failed", "skipped", "deferred", "awaiting_input"),
    ]
)
RUN_STATES: Final = frozenset(("queued", "running", "success", "failed"))
_STATES: Final = ("allowed_states", "skipped_states", "failed_states")
_OTHER_TASKS: Final = ("external_task_id", "external_task_ids", "external_task_group_id")
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class _Given:
    """The arguments of one run of a sensor, and which of them are judged here, each with its path."""

    values: Mapping[str, Value]
    paths: Mapping[str, str]
    checking: Checking

    def refuse(self, name: str, sentence: str, hint: str | None = None, code: Code = Code.CONTRADICTION) -> None:
        """Note what is wrong with an argument; one that stands elsewhere is judged there."""
        if name in self.paths:
            self.checking.problem(self.paths[name], sentence, hint, code)

    def is_true(self, name: str) -> bool:
        value = self.values.get(name)
        return (from_text(value, "boolean") if isinstance(value, str) else value) is True

    def apart(self, *names: str, sentence: str = "cannot stand beside '{}'") -> None:
        """Note two arguments of which one alone can stand, at that which is written later."""
        for first, second in combinations([name for name in self.values if name in names and self.values[name]], 2):
            self.refuse(second if second in self.paths else first, sentence.format(first))


def check_sensor(task: Task, takes: Signature, cls: str, checking: Checking) -> None:
    """Note what a sensor of the class at the import path ``cls`` would refuse of its own arguments."""
    rules: list[_Rule] = [_check_every] if takes.parameters.keys() >= _OF_EVERY_SENSOR else []
    rules += [_OF_CLASSES[cls]] if cls in _OF_CLASSES else []
    for given in _runs(task, checking) if rules else ():
        for rule in rules:
            rule(given)


def _runs(task: Task, checking: Checking) -> Iterator[_Given]:
    """Yield the arguments under ``with``, and those of each item and set by which a task is repeated."""
    yield _Given(task.args, {name: f"{task.path}.with.{name}" for name in task.args}, checking)
    if task.expand is None:
        return
    for index, one in enumerate(task.expand.sets):
        at = f"{task.path}.expand_kwargs[{index}]"
        yield _Given({**task.args, **one}, {name: f"{at}.{name}" for name in one}, checking)
    for name, items in task.expand.values.items() if task.expand.repeat is not Repeat.KWARGS else ():
        for index, item in enumerate(items if isinstance(items, tuple) else ()):
            path = f"{task.path}.{task.below_expand(name)}[{index}]"
            yield _Given({**task.args, name: item}, {name: path}, checking)


def _check_every(given: _Given) -> None:
    for name in _NOT_NULL:
        if name in given.values and given.values[name] is None:
            given.refuse(name, "cannot be null", "leave it out for Airflow's own default", Code.EMPTY_VALUE)
    mode = given.values.get("mode")
    if isinstance(mode, str) and mode not in MODES:
        sentence = f"'{mode}' is not one of the values it can have"
        given.refuse("mode", sentence, "one of poke, reschedule", Code.NOT_A_CHOICE)
    if given.is_true("soft_fail") and given.is_true("never_fail"):
        name, other = ("never_fail", "soft_fail") if "never_fail" in given.paths else ("soft_fail", "never_fail")
        given.refuse(name, f"cannot be true together with '{other}'")
    for name in _NOT_NEGATIVE:
        value = given.values.get(name)
        if isinstance(value, (int, float)) and value < 0:
            given.refuse(name, f"must not be negative, but is {value}", code=Code.OUT_OF_RANGE)


def _check_external_task(given: _Given) -> None:
    given.apart(*_OTHER_TASKS)
    given.apart("execution_delta", "execution_date_fn")
    _check_states(given)
    tasks = given.values.get("external_task_ids")
    if isinstance(tasks, tuple) and len(set(texts := [one for one in tasks if isinstance(one, str)])) < len(texts):
        given.refuse("external_task_ids", "names a task twice", code=Code.REFUSED_VALUE)


def _check_states(given: _Given) -> None:
    of_tasks = any(given.values.get(name) for name in _OTHER_TASKS)
    known, what = (TASK_STATES, "task") if of_tasks else (RUN_STATES, "run")
    first: dict[str, str] = {} if given.values.get("allowed_states") else {"success": "allowed_states"}
    for name in _STATES:
        for state in _known_states(name, known, what, given):
            if state in first:
                where = "has it by default" if name != first[state] and first[state] not in given.values else "has it"
                given.refuse(name, f"cannot have '{state}': '{first[state]}' {where}, too")
            first.setdefault(state, name)


def _known_states(name: str, known: frozenset[str], what: str, given: _Given) -> Iterator[str]:
    """Yield the states of an argument that there are, and refuse the others."""
    states = given.values.get(name)
    if isinstance(states, str) and states:
        given.refuse(name, "must be a list of states", f"write [{states}]", Code.ARGUMENT_TYPE)
    for state in states if isinstance(states, tuple) else ():
        if isinstance(state, str) and state in known:
            yield state
        elif isinstance(state, str):
            hint = given.checking.hints.did_you_mean(state, known) or f"there are {', '.join(sorted(known))}"
            given.refuse(name, f"'{state}' is no state of a {what}", hint, Code.NOT_A_CHOICE)


def _check_trigger(given: _Given) -> None:
    for name in ("allowed_states", "failed_states"):
        list(_known_states(name, RUN_STATES, "run", given))


def _check_limits(given: _Given) -> None:
    values = given.values
    if "target_lower" in values and values["target_lower"] is None and values.get("target_upper") is None:
        given.refuse("target_lower", "cannot be null where 'target_upper' is", code=Code.EMPTY_VALUE)


def _check_weekday(given: _Given) -> None:
    value = given.values.get("week_day")
    days = value if isinstance(value, tuple) else (value,)
    for day in days:
        if isinstance(day, str) and day.lower() not in WEEKDAYS:
            hint = given.checking.hints.did_you_mean(day.lower(), WEEKDAYS) or f"one of {', '.join(WEEKDAYS)}"
            given.refuse("week_day", f"'{day}' is no day of the week", hint, Code.NOT_A_CHOICE)
        elif day is None or isinstance(day, (bool, int, float)):
            given.refuse("week_day", "must be the name of a day, such as monday", code=Code.ARGUMENT_TYPE)


_Rule: TypeAlias = Callable[[_Given], None]

_OF_CLASSES: Final[Mapping[str, _Rule]] = {
    "airflow.providers.standard.sensors.external_task.ExternalTaskSensor": _check_external_task,
    "airflow.providers.standard.sensors.weekday.DayOfWeekSensor": _check_weekday,
    "airflow.providers.standard.operators.trigger_dagrun.TriggerDagRunOperator": _check_trigger,
    "airflow.providers.standard.operators.datetime.BranchDateTimeOperator": _check_limits,
    "airflow.providers.standard.operators.weekday.BranchDayOfWeekOperator": _check_weekday,
}
