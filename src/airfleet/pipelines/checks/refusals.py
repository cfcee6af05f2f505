"""Values that constructors of Airflow's Dag, operators and sensors refuse, found at their places before a call.

Rules of arguments by themselves stand in their tables; here are those that Airflow checks between several, or in code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from airfleet.pipelines.checks.check_context import Checking
from airfleet.pipelines.checks.schedules.assets import check_assets
from airfleet.pipelines.language.schedules import is_never
from airfleet.pipelines.language.spec import AssetSchedule, Schedule, Timetable, Value
from airfleet.problem_codes import Code
from airfleet.yaml.problems import joined

#: how a task may call the executor of a fleet, which has one
EXECUTORS: Final = ("CeleryExecutor", "FleetExecutor", "airfleet.scheduler.executor.FleetExecutor")
_OF_FAIL_FAST: Final = ("all_success", "all_done_setup_success")
_RESOURCES: Final = ("cpus", "ram", "disk", "gpus")


def check_refusals(checking: Checking) -> None:
    """Note what Airflow would refuse of a Dag, its defaults and its tasks."""
    pipeline = checking.pipeline
    _check_run_types(checking)
    _check_catchup(checking)
    _check_owner_links(checking)
    _check_access(checking)
    _check_jinja(checking)
    for prefix, options in _written(checking):
        for name in ("inlets", "outlets"):
            if name in options:
                check_assets(options[name], checking)
        executor, resources = options.get("executor"), options.get("resources")
        if isinstance(executor, str) and executor not in EXECUTORS:
            hint = "leave it out: a fleet has one executor, CeleryExecutor"
            sentence = f"there is no executor '{executor}'"
            checking.problem(joined(prefix, "executor"), sentence, hint, Code.EXECUTOR)
        _check_resources(joined(prefix, "resources"), resources, checking)
        rule = options.get("trigger_rule")
        if pipeline.options.get("fail_fast") is True and rule is not None and rule not in _OF_FAIL_FAST:
            sentence = f"cannot be '{rule}' in a pipeline with 'fail_fast: true'"
            hint = f"one of {', '.join(_OF_FAIL_FAST)}"
            checking.problem(joined(prefix, "trigger_rule"), sentence, hint, Code.CONTRADICTION)


def _written(checking: Checking) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """Give the arguments of tasks, each at the place where it is written."""
    pipeline = checking.pipeline
    yield "defaults", pipeline.defaults
    for group in pipeline.groups:
        yield f"{group.path}.defaults", group.defaults
    for task, own in checking.tasks_with_options:
        yield task.path, own


def _check_run_types(checking: Checking) -> None:
    allowed, schedule = checking.pipeline.options.get("allowed_run_types"), checking.pipeline.schedule
    if not isinstance(allowed, tuple) or not allowed:
        return
    if "schedule" in checking.wrong:
        return
    if isinstance(schedule, Timetable):
        if not schedule.path.startswith("airflow."):
            return  # it may say itself that it is never scheduled
        by_assets = schedule.path.rpartition(".")[2].startswith(("Asset", "PartitionedAssetTimetable"))
        needed = "manual" if is_never(schedule) else "asset_triggered" if by_assets else "scheduled"
    elif isinstance(schedule, AssetSchedule):
        needed = "asset_triggered"
    else:
        needed = "manual" if schedule is None else "scheduled"
    if needed not in allowed:
        why = "without a schedule" if needed == "manual" else "with this schedule"
        checking.problem("allowed_run_types", f"needs '{needed}' in a pipeline {why}", code=Code.CONTRADICTION)


def _check_catchup(checking: Checking) -> None:
    pipeline = checking.pipeline
    is_dated = "start_date" in pipeline.options or "start_date" in pipeline.defaults
    if pipeline.options.get("catchup") is True and _comes_by_itself(pipeline.schedule) and not is_dated:
        sentence = "needs a start_date: without one there is nothing to catch up"
        checking.problem("catchup", sentence, "add start_date", Code.CONTRADICTION)


def _comes_by_itself(schedule: Schedule) -> bool:
    """Tell whether a schedule makes runs; a timetable of somebody's own may say itself that it does not."""
    return schedule is not None and not isinstance(schedule, Timetable)


def _check_owner_links(checking: Checking) -> None:
    links = checking.pipeline.options.get("owner_links")
    for owner, link in links.items() if isinstance(links, Mapping) else ():
        if isinstance(link, str) and not _is_link(link):
            hint = "write https://… or mailto:…"
            checking.problem(f"owner_links.{owner}", f"must be a link, not '{link}'", hint, Code.LINK)


#: what permissions of a Dag are about (airflow.security.permissions)
RESOURCES_OF_DAGS: Final = ("DAGs", "DAG Runs")


def _check_access(checking: Checking) -> None:
    """Check ``access_control``: for each role permissions, or permissions for each resource."""
    access = checking.pipeline.options.get("access_control")
    for role, given in access.items() if isinstance(access, Mapping) else ():
        path = f"access_control.{role}"
        by_resource = given if isinstance(given, Mapping) else {"DAGs": given}
        for resource, permissions in by_resource.items():
            if resource not in RESOURCES_OF_DAGS:
                hint = f"there are {', '.join(map(repr, RESOURCES_OF_DAGS))}"
                checking.problem(path, f"a Dag has no permissions on '{resource}'", hint, Code.ACCESS_CONTROL)
            elif not isinstance(permissions, tuple) or not all(isinstance(one, str) for one in permissions):
                hint = "write [can_read], for example"
                checking.problem(path, "must be a list of permissions", hint, Code.ACCESS_CONTROL)


#: what jinja2.Environment takes that YAML can give
JINJA_OPTIONS: Final = frozenset(
    [
        *("block_start_string", "block_end_string", "variable_start_string", "variable_end_string"),
        *("comment_start_string", "comment_end_string", "line_statement_prefix", "line_comment_prefix"),
        *("trim_blocks", "lstrip_blocks", "newline_sequence", "keep_trailing_newline", "extensions"),
        *("optimized", "autoescape", "cache_size", "auto_reload", "enable_async"),
    ]
)


def _check_jinja(checking: Checking) -> None:
    """Options that Jinja does not have would fail every task that renders something."""
    given = checking.pipeline.options.get("jinja_environment_kwargs")
    for name in given if isinstance(given, Mapping) else ():
        if name not in JINJA_OPTIONS:
            hint = checking.hints.did_you_mean(name, JINJA_OPTIONS)
            sentence = f"Jinja has no option '{name}'"
            checking.problem(f"jinja_environment_kwargs.{name}", sentence, hint, Code.JINJA_OPTION)


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.path) if parts.scheme == "mailto" else bool(parts.scheme and parts.netloc)


def _check_resources(path: str, resources: Value, checking: Checking) -> None:
    for name, amount in resources.items() if isinstance(resources, Mapping) else ():
        if name not in _RESOURCES:
            hint = f"there are {', '.join(_RESOURCES)}"
            checking.problem(f"{path}.{name}", f"there is no resource '{name}'", hint, Code.RESOURCES)
        elif isinstance(amount, bool) or not isinstance(amount, (int, float)) or amount < 0:
            sentence = f"must be a number of 0 or more, not {amount}"
            checking.problem(f"{path}.{name}", sentence, code=Code.RESOURCES)
