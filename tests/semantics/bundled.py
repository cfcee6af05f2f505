"""Airflow's own example Dags, changed as little as a comparison needs: no clock, no chance, no waiting."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = "bundled"

#: A Dag that is unpaused would start a run of now beside the one that is compared.
_CLOCK = re.compile(
    r"""schedule=(?:"[^"]*"|(?:datetime\.)?timedelta\([^)]*\)|\w*PartitionTimetable\([^)]*\)|AfterWorkdayTimetable\(\))"""
)
_CORE = (
    "example_asset_alias", "example_asset_alias_with_no_taskflow", "example_asset_decorator", "example_asset_partition",
    "example_asset_state_store", "example_assets", "example_branch_labels", "example_branch_python_dop_operator_3",
    "example_complex", "example_custom_weight", "example_display_name",
    "example_dynamic_task_mapping", "example_dynamic_task_mapping_with_no_taskflow_operators", "example_failed_dag",
    "example_latest_only_with_trigger", "example_nested_branch_dag",
    "example_outlet_event_extra", "example_params_trigger_ui", "example_params_ui_tutorial",
    "example_passing_params_via_test_command", "example_setup_teardown", "example_setup_teardown_taskflow",
    "example_simplest_dag", "example_skip_dag", "example_task_group", "example_task_group_decorator",
    "example_task_state_store", "example_task_state_store_async", "example_task_state_store_mapped",
    "example_time_delta_sensor_async", "example_trigger_target_dag", "example_workday_timetable", "example_xcom",
    "example_xcomargs", "tutorial", "tutorial_taskflow_api", "tutorial_taskflow_templates",
)  # fmt: skip
_STANDARD = (
    "example_bash_decorator", "example_bash_operator", "example_branch_datetime_operator",
    "example_branch_day_of_week_operator", "example_external_task_child_deferrable",
    "example_external_task_parent_deferrable", "example_hitl_operator", "example_latest_only",
    "example_measurement_correction_decorator", "example_measurement_correction_operator", "example_python_decorator",
    "example_python_operator", "example_sensor_decorator", "example_short_circuit_decorator",
    "example_short_circuit_operator", "example_trigger_controller_dag",
)  # fmt: skip
RUN = (*_CORE, *_STANDARD)
#: example -> why it is not here
LEFT_OUT: Mapping[str, str] = {
    "example_asset_allow_teams": "needs a multi-team deployment",
    "example_asset_with_watchers": "watches a queue of a cloud or a file for ever, in the triggerer",
    "example_dag_decorator": "asks a server on the internet",
    "example_kubernetes_executor": "needs Kubernetes",
    "example_local_kubernetes_executor": "needs Kubernetes",
    "example_retry_policy": "asks a server on the internet; our own Dag `retries` has a retry policy",
    "tutorial_dag": "is `tutorial_taskflow_api` with classic operators",
    "tutorial_objectstorage": "asks servers on the internet",
    "tutorial_taskflow_api_virtualenv": "installs packages from the internet",
    "example_branch_operator": "chooses by chance and installs packages; see our own `branches`",
    "example_branch_operator_decorator": "chooses by chance and installs packages; see `branches`",
    "example_inlet_event_extra": "names an asset otherwise than `example_outlet_event_extra`",
    "example_sensors": "does not end on stock Airflow within five minutes; see our own `sensors` and `deferrals`",
    "example_external_task_marker_dag": "its second sensor waits for a task group that does not exist",
}
#: file -> text, text instead: what is random is fixed, what takes long is made short
_CHANGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "example_assets": (('"sleep 5"', '"sleep 0.1"'),),
    "example_asset_state_store": (("random.randint(100, 5_000)", "1_000"),),
    "example_task_state_store": (
        ("random.randint(100, 10_000)", "1_000"),
        ("random.choices(string.ascii_lowercase + string.digits, k=8)", "string.digits"),
        ("retry_delay=timedelta(seconds=5)", "retry_delay=timedelta(seconds=1)"),
    ),
    "example_task_state_store_async": (("retry_delay=5", "retry_delay=1"),),
    "example_task_state_store_mapped": (("random.randint(100, 10000)", "1_000"),),
    "example_time_delta_sensor_async": (("seconds=30", "seconds=2"),),
    "example_external_task_child_deferrable": (("sleep 1; echo 2; sleep 2; echo 3; sleep 3", "echo 2"),),
    "example_external_task_parent_deferrable": (
        ("poke_interval=5", "poke_interval=1"),
        ("deferrable=True,", "deferrable=True, poke_interval=1,"),
    ),
    "tutorial": (('"sleep 5"', '"sleep 0.1"'),),
    **dict.fromkeys(
        ("example_python_decorator", "example_python_operator"),
        (
            ('requirements=["colorama==0.4.0"]', "requirements=[]"),
            ("from colorama import Back, Fore, Style", "from enum import Enum"),
            ("Fore.RED + ", ""),
            ("Back.GREEN + ", ""),
            ("Style.DIM + ", ""),
            ("print(Style.RESET_ALL)", "pass"),
            ("sleep(1)", "sleep(0.1)"),
        ),
    ),
}


def files() -> dict[str, str]:
    """Path below the folder of Dags -> text."""
    airflow = _airflow()
    core, standard = airflow / "example_dags", airflow / "providers" / "standard" / "example_dags"
    found = {f"{FOLDER}/{name}.py": _changed(core, name) for name in _CORE}
    found |= {f"{FOLDER}/{name}.py": _changed(standard, name) for name in _STANDARD}
    for folder in (core, standard):
        found |= {f"{FOLDER}/sql/{file.name}": file.read_text() for file in sorted((folder / "sql").glob("*.sql"))}
    return found


def present() -> list[str]:
    """The examples that this Airflow brings."""
    airflow = _airflow()
    folders = (airflow / "example_dags", airflow / "providers" / "standard" / "example_dags")
    return [file.stem for folder in folders for file in folder.glob("*.py") if file.stem != "__init__"]


def _changed(folder: Path, name: str) -> str:
    text = _CLOCK.sub("schedule=None", (folder / f"{name}.py").read_text())
    for before, after in _CHANGES.get(name, ()):
        if before not in text:
            raise LookupError(f"{name}.py of this Airflow does not say {before!r}")
        text = text.replace(before, after)
    return text


def _airflow() -> Path:
    """Where Airflow is installed; finding it does not import it, which would take seconds."""
    spec = importlib.util.find_spec("airflow")
    if spec is None or spec.origin is None:
        raise LookupError("this environment has no Airflow")
    return Path(spec.origin).parent
