"""What is run on both sides: which Dag, with what, what is done to it meanwhile, and what else it starts."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from semantics import acts
from semantics.installation import Installation

RUN_ID = "compared"
#: one moment for every run, so that what is rendered of it is the same text everywhere; a Friday
LOGICAL_DATE = "2026-01-02T03:04:05Z"
SECONDS = 300.0


def no_more(_: Installation, __: str) -> Mapping[str, Any]:
    """No more facts than those of the runs."""
    return {}


@dataclass(frozen=True)
class Scenario:
    """A run of one Dag, and the facts about it."""

    dag_id: str
    conf: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    logical_date: str | None = LOGICAL_DATE
    run_id: str = RUN_ID
    #: Dags of which the run starts runs -> how many
    starts: Mapping[str, int] = field(default_factory=dict)
    #: false: the runs are those that Airflow starts of itself when the Dag is unpaused
    triggered: bool = True
    #: done while the run runs; what it finds out is part of the facts
    meanwhile: Callable[[Installation, str], Mapping[str, Any]] = no_more
    #: done when it has ended
    afterwards: Callable[[Installation, str], Mapping[str, Any]] = no_more
    #: what callbacks write after the run has ended, which is waited for
    writes: tuple[str, ...] = ()
    #: whether the order of what was written is a fact
    in_order: bool = False
    seconds: float = SECONDS
    #: parts of records that two runs on the same Airflow do not agree on: patterns of paths
    unsteady: tuple[str, ...] = ()
    #: one of the few that are run against golden files in every test run
    quick: bool = False

    @property
    def title(self) -> str:
        """Its name; the Dag's when it has none of its own."""
        return self.name or self.dag_id


_BUNDLED = (
    Scenario("asset_s3_bucket_producer", starts={"asset_s3_bucket_consumer": 1}),
    Scenario("asset2_producer"),
    Scenario("ingest_regional_sales", starts={"aggregate_regional_sales": 3}),
    Scenario("multi_region_player_stats", starts={"segment_region_stats_rollup": 1}),
    Scenario(
        "live_region_player_stats", starts={"summarize_live_region_stats": 1, "scatter_live_region_to_segments": 3}
    ),
    Scenario("example_asset_state_store_producer", starts={"example_asset_state_store_consumer": 1}),
    Scenario("asset_produces_1", starts={"asset_consumes_1": 1, "consume_1_or_2_with_asset_expressions": 1}),
    Scenario("asset_with_extra_by_yield"),
    Scenario("asset_with_extra_by_context"),
    Scenario("asset_with_extra_from_classic_operator"),
    Scenario("example_branch_labels"),
    Scenario("example_branch_dop_operator_v3"),
    Scenario("example_complex"),
    Scenario("example_custom_weight"),
    Scenario("example_display_name"),
    Scenario("example_dynamic_task_mapping", quick=True),
    Scenario("example_task_mapping_second_order"),
    Scenario("example_task_group_mapping", quick=True),
    Scenario("example_dynamic_task_mapping_with_no_taskflow_operators"),
    Scenario("example_failed_dag", quick=True),
    Scenario("latest_only_with_trigger"),
    Scenario("latest_only"),
    Scenario("example_nested_branch_dag"),
    Scenario("example_params_trigger_ui", {"names": ["Ada", "Zoë"], "german": False}),
    Scenario("example_params_ui_tutorial", {"required_field": "given, and long enough"}),
    Scenario("example_passing_params_via_test_command", {"foo": "bar"}),
    Scenario("example_setup_teardown"),
    Scenario("example_setup_teardown_taskflow", quick=True),
    Scenario("example_simplest_dag"),
    Scenario("example_skip_dag"),
    Scenario("example_task_group"),
    Scenario("example_task_group_decorator"),
    Scenario("example_task_state_store"),
    Scenario("example_task_state_store_async"),
    Scenario("example_task_state_store_mapped"),
    Scenario("example_time_delta_sensor_async"),
    Scenario("example_workday_timetable"),
    Scenario("example_xcom", quick=True),
    Scenario("example_xcom_args"),
    Scenario("example_xcom_args_with_operators"),
    Scenario("tutorial"),
    Scenario("tutorial_taskflow_api"),
    Scenario("tutorial_taskflow_templates"),
    Scenario("example_bash_decorator"),
    Scenario("example_bash_operator"),
    Scenario("example_branch_datetime_operator"),
    Scenario("example_branch_datetime_operator_2"),
    Scenario("example_branch_datetime_operator_3"),
    Scenario("example_weekday_branch_operator"),
    # Whether the trigger has to wait depends on how soon the other run has ended.
    Scenario("example_external_task", starts={"child_dag": 1}, unsteady=(r"\.WorkflowTrigger$",)),
    Scenario("example_hitl_operator", meanwhile=acts.answer_questions),
    Scenario("example_python_decorator"),
    Scenario("example_python_operator"),
    Scenario("example_sensor_decorator"),
    Scenario("example_short_circuit_decorator"),
    Scenario("example_short_circuit_operator"),
    Scenario("example_trigger_controller_dag", starts={"example_trigger_target_dag": 1}),
)

_OURS = (
    Scenario("exits", quick=True),
    Scenario("exits_by_signal", quick=True),
    Scenario("exits_of_bash"),
    Scenario("exits_with_retries", quick=True),
    Scenario("policies"),
    Scenario("callbacks_of_tasks", writes=("dag_failure", "notified callbacks_of_tasks"), quick=True),
    Scenario("callbacks_of_a_good_run", writes=("dag_success", "dag_success_too")),
    Scenario("callback_of_a_late_run", writes=("dag_failure",), unsteady=(r"too_long", r"/audit$")),
    # Whether all_success sees the skip beside the failure depends on when the scheduler looks.
    Scenario("trigger_rules", unsteady=(r"all_success-(fs|dfsu)/",)),
    Scenario("setups"),
    Scenario("branches"),
    Scenario("mapping"),
    # Whether the triggerer has said yet that it gave up what came too late, when the task has failed already.
    Scenario("deferrals", unsteady=(r"/too_late_retried/tries/2/log/-$",)),
    Scenario("sensors"),
    Scenario("timeouts", quick=True),
    Scenario("killed_marked_failed", meanwhile=acts.marked("killed_marked_failed", "failed"), quick=True),
    Scenario("killed_marked_success", meanwhile=acts.marked("killed_marked_success", "success")),
    Scenario("killed_cleared", meanwhile=acts.cleared("killed_cleared"), writes=("on_retry work",)),
    Scenario("killed_run_failed", meanwhile=acts.run_marked("killed_run_failed", "failed")),
    Scenario("killed_run_success", meanwhile=acts.run_marked("killed_run_success", "success")),
    Scenario("killed_process", meanwhile=acts.signalled("killed_process", signal.SIGKILL), writes=("on_retry work",)),
    Scenario("killed_terminated", meanwhile=acts.signalled("killed_terminated", signal.SIGTERM)),
    Scenario("killed_bash", meanwhile=acts.marked("killed_bash", "failed")),
    Scenario("leftovers", afterwards=acts.look_for_leftovers, quick=True),
    Scenario("environment", unsteady=(r"draws\[",), quick=True),
    Scenario("parsing", unsteady=(r"is_fresh", r"are_different/rendered_fields")),
    Scenario("parsing_one"),
    Scenario("parsing_two"),
    Scenario("xcoms"),
    Scenario("xcoms_more"),
    Scenario("stores"),
    Scenario("params", {"plain": "given", "number": 8}),
    Scenario("templates"),
    Scenario("missing_file"),
    Scenario("contexts"),
    Scenario("logs", quick=True),
    Scenario("logs_live", meanwhile=acts.watch_log_grow, quick=True),
    Scenario("masking", quick=True),
    Scenario("pools", in_order=True),
    Scenario("limits", in_order=True),
    Scenario("limits_of_a_task", in_order=True),
    Scenario("past", {"fail": True}, afterwards=acts.depend_on_the_past, starts={"past": 2}),
    Scenario("run_again", afterwards=acts.run_again),
    Scenario("starts_another", starts={"another": 2}),
    Scenario("once", triggered=False, starts={"once": 1}),
    Scenario("catches_up", triggered=False, starts={"catches_up": 3}),
    Scenario("assets_produce", starts={"assets_consume": 1}),
    Scenario("hooks", quick=True),
)

#: those that wait for somebody come first, so that others run meanwhile
SCENARIOS: tuple[Scenario, ...] = (*_OURS, *_BUNDLED)
