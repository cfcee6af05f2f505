"""The arguments of Airflow's DAG and BaseOperator that a pipeline can set, as one table each.

The reader, the checks, the JSON Schema and the reference page all come from these tables;
a contract test compares them with the installed Airflow.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from airfleet.pipelines.language.kinds import ArgumentKind
from airfleet.yaml.fields import Field, Table

Argument: TypeAlias = Field[ArgumentKind]

TRIGGER_RULES: Final = (
    "all_success",
    "all_failed",
    "all_done",
    "all_done_min_one_success",
    "all_done_setup_success",
    "one_success",
    "one_failed",
    "one_done",
    "none_failed",
    "none_skipped",
    "always",
    "none_failed_min_one_success",
    "all_skipped",
)
WEIGHT_RULES: Final = ("downstream", "upstream", "absolute")
RUN_TYPES: Final = (
    "backfill",
    "scheduled",
    "manual",
    "operator_triggered",
    "asset_triggered",
    "asset_materialization",
)

DAG_ARGUMENTS: Final[Table[ArgumentKind]] = {
    "description": Argument("text", "One line about the Dag, shown in lists."),
    "start_date": Argument("date", "The first moment that can be scheduled."),
    "end_date": Argument("date", "Nothing is scheduled after this moment."),
    "catchup": Argument("boolean", "Run every interval missed since `start_date`, not only the latest."),
    "tags": Argument("texts", "Words to find the Dag by."),
    "params": Argument("params", "Values that a person may change when triggering a run, with their defaults."),
    "max_active_runs": Argument("integer", "How many runs may be active at once.", minimum=1),
    "max_active_tasks": Argument("integer", "How many tasks of the Dag may run at once.", minimum=1),
    "max_consecutive_failed_dag_runs": Argument(
        "integer", "Pause the Dag after this many failed runs in a row; 0 means never.", minimum=0
    ),
    "dagrun_timeout": Argument("duration", "A run that takes longer fails."),
    "deadline": Argument("deadline", "A callback for runs that are not done in time."),
    "fail_fast": Argument("boolean", "Stop the whole run when one task fails."),
    "doc_md": Argument("document", "Markdown shown on the Dag's page."),
    "dag_display_name": Argument("text", "The name to show in place of the id."),
    "owner_links": Argument("mapping", "A link for each owner."),
    "is_paused_upon_creation": Argument("boolean", "Whether a Dag seen for the first time begins paused."),
    "access_control": Argument("mapping", "Permissions on this Dag, by access role."),
    "template_searchpath": Argument("texts", "Folders in which Jinja looks for files."),
    "jinja_environment_kwargs": Argument("mapping", "Options of the Jinja environment."),
    "render_template_as_native_obj": Argument("boolean", "Templates give Python values instead of text."),
    "template_undefined": Argument("class", "The class of unknown names in Jinja, such as `jinja2.Undefined`."),
    "user_defined_macros": Argument("functions", "Functions that Jinja knows by these names."),
    "user_defined_filters": Argument("functions", "Functions that Jinja knows as filters, by these names."),
    "allowed_run_types": Argument("texts", "Kinds of runs that this Dag may have.", choices=RUN_TYPES),
    "disable_bundle_versioning": Argument("boolean", "Tasks use the newest files instead of those of their run."),
    "rerun_with_latest_version": Argument("boolean", "A cleared run uses the newest files."),
    "on_success_callback": Argument("callback", "Called when a run has succeeded."),
    "on_failure_callback": Argument("callback", "Called when a run has failed."),
}

#: Arguments of the DAG class that this format has a key of its own for.
DAG_OWN_KEYS: Final = {"dag_id": "dag_id", "schedule": "schedule", "default_args": "defaults"}

#: Arguments of the DAG class that only Python can give, with the reason.
DAG_PYTHON_ONLY: Final[dict[str, str]] = {
    "sla_miss_callback": "has no effect in Airflow 3",
    "task_group": "is made by Airflow itself",
    "auto_register": "is for Dags written in Python",
}

TASK_ARGUMENTS: Final[Table[ArgumentKind]] = {
    "queue": Argument("text", "The queue whose workers run the task."),
    "retries": Argument("integer", "How often a failed task is tried again.", minimum=0),
    "retry_delay": Argument("duration", "The pause before the next try."),
    "retry_exponential_backoff": Argument(
        "number", "Multiply the pause by this after every try; 0 keeps it the same.", minimum=0
    ),
    "retry_policy": Argument("retry_policy", "Which errors are tried again, and after how long."),
    "max_retry_delay": Argument("duration", "The longest pause between two tries."),
    "execution_timeout": Argument("duration", "A try that takes longer fails."),
    "trigger_rule": Argument("text", "States of the upstream tasks that let the task start.", choices=TRIGGER_RULES),
    "pool": Argument("text", "The pool whose slots the task takes."),
    "pool_slots": Argument("integer", "The number of slots that the task takes.", minimum=1),
    "priority_weight": Argument("integer", "The highest of several waiting tasks goes first."),
    "weight_rule": Argument("weight", "How the weights of related tasks are added up."),
    "depends_on_past": Argument("boolean", "Wait for the same task of the previous run to succeed."),
    "wait_for_downstream": Argument(
        "boolean", "Wait for the tasks right after this one in the previous run to succeed."
    ),
    "ignore_first_depends_on_past": Argument("boolean", "The first run of a backfill need not wait for a past one."),
    "wait_for_past_depends_before_skipping": Argument("boolean", "Wait for the past before being marked skipped."),
    "max_active_tis_per_dag": Argument("integer", "How many of this task may run at once over all runs.", minimum=1),
    "max_active_tis_per_dagrun": Argument("integer", "How many of this task may run at once in a run.", minimum=1),
    "start_date": Argument("date", "The task takes no part in runs before this moment."),
    "end_date": Argument("date", "The task takes no part in runs after this moment."),
    "owner": Argument("text", "The person or team that looks after the task."),
    "email": Argument("texts", "Addresses to write to."),
    "email_on_failure": Argument("boolean", "Write when the task has failed."),
    "email_on_retry": Argument("boolean", "Write when the task is tried again."),
    "do_xcom_push": Argument("boolean", "Keep what the task returns, for `$x`."),
    "multiple_outputs": Argument("boolean", "Keep each key of a returned mapping as an output of its own."),
    "params": Argument("params", "Values that a person may change when triggering a run, with their defaults."),
    "inlets": Argument("assets", "Assets that the task reads."),
    "outlets": Argument("assets", "Assets that have changed when the task has succeeded."),
    "map_index_template": Argument("text", "Jinja for the label of each mapped task."),
    "run_as_user": Argument("text", "The system user to run as."),
    "executor": Argument("text", "The executor to use when the fleet has several."),
    "executor_config": Argument("objects", "Options for the executor; objects may stand in them."),
    "resources": Argument("mapping", "Airflow's resource hints: cpus, ram, disk, gpus."),
    "on_execute_callback": Argument("callback", "Called before a try begins."),
    "on_success_callback": Argument("callback", "Called when the task has succeeded."),
    "on_failure_callback": Argument("callback", "Called when the task has failed."),
    "on_retry_callback": Argument("callback", "Called when the task will be tried again."),
    "on_skipped_callback": Argument("callback", "Called when the task is skipped."),
    "pre_execute": Argument("hook", "Called with the context right before the task's own work."),
    "post_execute": Argument("hook", "Called with the context and the result right after the task's own work."),
    "doc": Argument("document", "Documentation as plain text."),
    "doc_md": Argument("document", "Documentation in Markdown."),
    "doc_json": Argument("document", "Documentation as JSON."),
    "doc_yaml": Argument("document", "Documentation as YAML."),
    "doc_rst": Argument("document", "Documentation in reStructuredText."),
    "task_display_name": Argument("text", "The name to show in place of the id."),
    "logger_name": Argument("text", "The name of the task's logger."),
    "allow_nested_operators": Argument("boolean", "Whether the operator may run another operator inside."),
    "render_template_as_native_obj": Argument("boolean", "Templates give Python values instead of text."),
}

#: Arguments of BaseOperator that this format decides by itself, with what to do instead.
TASK_OWN_KEYS: Final[dict[str, str]] = {
    "task_id": "the id of a task is written 'id'",
    "dag": "a task belongs to the pipeline it is written in",
    "task_group": "a task stands in the list 'tasks' of its group",
    "default_args": "write what several tasks share under 'defaults' of the pipeline, or in a template",
}

#: Arguments of BaseOperator that only Python can give, with the reason.
TASK_PYTHON_ONLY: Final[dict[str, str]] = {
    "sla": "has no effect in Airflow 3",
}

#: Every argument that BaseOperator takes, however it is set.
BASE_OPERATOR_ARGUMENTS: Final = frozenset({*TASK_ARGUMENTS, *TASK_OWN_KEYS, *TASK_PYTHON_ONLY})

#: The keys of a task that are not arguments of BaseOperator.
TASK_KEYS: Final[dict[str, str]] = {
    "id": "The name of the task; unique in its pipeline.",
    "uses": "The operator (short name or import path), a Python function (`module:function`), or null for no work.",
    "with": "The arguments of the operator or function.",
    "needs": "The tasks and groups that must be done before this one.",
    "extends": "The templates this task begins from, in order.",
    "expand": "Argument → list or output: the task runs once for each item, or combination of items.",
    "expand_kwargs": "A list of mappings, or an output: the task runs once for each set of arguments.",
    "setup": "true for a task that makes what others work with.",
    "teardown": "true for a task that takes it away again, or `{setups: [ids], on_failure_fail_dagrun: true}`.",
    "isolation": "The other Python or the container in which the function runs; see [below](#functions).",
    "sensor": "Call the function until it answers yes: true, or options.",
    "branch": "Go on with the tasks that the function names: true.",
    "short_circuit": "Skip what comes after when the function answers no: true, or options.",
}

#: The keys of a group that are not plain arguments.
GROUP_KEYS: Final[dict[str, str]] = {
    "group": "The name of the group; unique in its pipeline.",
    "tasks": "The tasks and groups in it.",
    "extends": "The groups under `groups` this one begins from, in order.",
    "needs": "The tasks and groups that must be done before any task in it.",
    "defaults": "Arguments that every task in it has unless it says otherwise; they win over those of the pipeline.",
    "expand": "Argument → list or output: the whole group runs once for each item, which is `{$item: argument}` in it.",
    "expand_kwargs": "A list of mappings, or an output: the whole group runs once for each set of arguments.",
}

#: Keys of tasks and groups that are done with when the file is read; a template has none of them.
REPEAT_KEYS: Final[dict[str, str]] = {
    "for": "`{each: LIST, as: NAME}`: the entry is made once for each item; see [repetition](#repeated-entries-for).",
}

GROUP_ARGUMENTS: Final[Table[ArgumentKind]] = {
    "prefix": Argument("boolean", "Whether the ids in the group begin with its own id and a dot; true unless said."),
    "display_name": Argument("text", "The name to show in place of the id."),
    "tooltip": Argument("text", "Text shown when the mouse rests on the group."),
    "doc_md": Argument("document", "Documentation in Markdown."),
    "ui_color": Argument("text", "The colour of the group in the graph."),
    "ui_fgcolor": Argument("text", "The colour of its label."),
}

#: The keys of a document that are not arguments of the DAG class.
DOCUMENT_KEYS: Final[dict[str, str]] = {
    "$schema": "The address of a JSON Schema, for editors; accepted and not used.",
    "dag_id": "The id of the Dag; unique in the fleet.",
    "include": "Files of shared parts that this document takes in; see [sharing](#sharing).",
    "schedule": "When to run: see [schedules](#schedules); null or none for a Dag that is only run by hand.",
    "timezone": "The time zone of cron expressions, and of dates that name none; else Airflow's default time zone.",
    "python": "A file of requirements for the Python environment of this file in a release. The path is relative to"
    " the file that says it; with a slash before it, to the project's folder. All pipelines of a file name the same.",
    "defaults": "Arguments that every task has unless it says otherwise.",
    "jobs": "One Dag is made for each job; its values are written `${{ job.… }}`.",
    "job_defaults": "Values that every job has unless it says otherwise.",
    "templates": "Parts of tasks, by name, for `extends`.",
    "groups": "Parts of groups, by name, for `extends` of a group.",
    "tasks": "The tasks and groups of tasks.",
}

#: What Airflow gives to parameters of these names when it calls a function.
CONTEXT_NAMES: Final = frozenset(
    (
        "asset_state_store",
        "conn",
        "dag",
        "dag_run",
        "data_interval_end",
        "data_interval_start",
        "ds",
        "ds_nodash",
        "exception",
        "expanded_ti_count",
        "inlet_events",
        "inlets",
        "logical_date",
        "macros",
        "map_index_template",
        "outlet_events",
        "outlets",
        "params",
        "partition_date",
        "partition_key",
        "prev_data_interval_end_success",
        "prev_data_interval_start_success",
        "prev_end_date_success",
        "prev_start_date_success",
        "reason",
        "run_id",
        "task",
        "task_instance",
        "task_instance_key_str",
        "task_reschedule_count",
        "task_state_store",
        "templates_dict",
        "test_mode",
        "ti",
        "triggering_asset_events",
        "try_number",
        "ts",
        "ts_nodash",
        "ts_nodash_with_tz",
        "var",
    )
)
